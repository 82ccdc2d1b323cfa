import { Hono, type Context } from 'hono';
import { checkKeys, checkType } from '../../src/arguments.ts';
import { received } from '../../src/failure.ts';
import { isTaskStore } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { accessRules, type AccessOptions } from './access.ts';
import { cancelRoute } from './cancel-route.ts';
import { cancellationsRoute } from './cancellations-route.ts';
import { listenWhileAsked } from './live/listen-while-asked.ts';
import type { StreamOptions } from './live/stream-options.ts';
import { TaskWatchers } from './live/task-watchers.ts';
import { metricsRoute } from './metrics-route.ts';
import type { TasksMetrics } from './metrics-route.ts';
import { problem } from './problem.ts';
import { readyRoute } from './ready-route.ts';
import { storeFailure } from './store-failure.ts';
import { taskEventsRoute } from './task-events-route.ts';
import { taskListEventsRoute } from './task-list-events-route.ts';
import { taskListRoute } from './task-list-route.ts';
import { taskLogRoute } from './task-log-route.ts';
import { taskRoute } from './task-route.ts';
import { taskScopesRoute } from './task-scopes-route.ts';

export interface TasksAppOptions {
  /** Where the tasks are. It stays the caller's: the app never closes it. */
  store: TaskStore;
  /** Who may read. Default: requests to a loopback name, from no foreign web page. */
  access?: AccessOptions;
  /** How live streams behave; the defaults suit. */
  streams?: StreamOptions;
  /**
   * Whether the app listens to workers while it is asked for tasks, so that those of a dead one are
   * lost. Default `true`; `false` where something else in this process does so.
   */
  listen?: boolean;
  /** The collector's own figures, for `GET /metrics`. Default: that path is not served. */
  metrics?: TasksMetrics;
}

const OPTIONS = ['store', 'access', 'streams', 'listen', 'metrics'] satisfies (keyof TasksAppOptions)[];

/**
 * The tasks over HTTP, as a Hono app: serve it with `serveTasks`, mount it in another with
 * `app.route('/somewhere', createTasksApp({ store }))`, or test against it with `app.request()`.
 *
 * `GET /tasks`, `/tasks/:uuid`, `/tasks/:uuid/scopes`, `/healthz`, `/readyz` and, where there are
 * any, `/metrics`; live `/tasks/events`, `/tasks/:uuid/events` and `/tasks/:uuid/log`; and
 * `POST /tasks/:uuid/cancel`, with `/workers/:worker/cancellations` for workers elsewhere. `docs/http-api.md` has the rest. It answers for
 * these paths alone and leaves all others to the app that it is mounted in.
 *
 * Throws `TypeError` for what is no store and for unknown options and a malformed access option, `RangeError` for one
 * of streams out of bounds.
 */
export function createTasksApp(options: TasksAppOptions): Hono {
  checkKeys('createTasksApp', options, OPTIONS);
  const { store, metrics, listen = true } = options;
  checkType('listen', listen, 'boolean');
  if (!isTaskStore(store)) throw new TypeError(`createTasksApp: expected a store, got ${received(store)}`);
  const asked = listen ? listenWhileAsked(store) : undefined;
  const access = accessRules(options.access);
  const app = new Hono();
  /** Of paths that say nothing of a task. */
  const observe = (path: string, route: Route, refusalOf = access.refusal): void => {
    if (access.cors) app.use(path, access.cors);
    // One handler, not a chain: each link of a chain is a promise more on every request.
    app.all(path, (c) => {
      const refusal = refusalOf(c) ?? otherMethod(c.req.method);
      if (refusal !== undefined) return refusal;
      return answer(route, c);
    });
  };
  const read = (path: string, route: Route): void => {
    observe(path, (c) => {
      asked?.();
      return route(c);
    });
  };
  const watchers = new TaskWatchers(store, options.streams, metrics?.watchers);
  read('/tasks', taskListRoute(store));
  read('/tasks/events', taskListEventsRoute(store, watchers));
  read('/tasks/:uuid', taskRoute(store, watchers));
  read('/tasks/:uuid/scopes', taskScopesRoute(store, watchers));
  read('/tasks/:uuid/events', taskEventsRoute(store, watchers));
  read('/tasks/:uuid/log', taskLogRoute(store, watchers));
  const cancel = cancelRoute(store, access.urlOf);
  if (access.changeCors) app.use('/tasks/:uuid/cancel', access.changeCors);
  app.all('/tasks/:uuid/cancel', (c) => {
    return access.changeRefusal(c) ?? otherMethod(c.req.method, ['POST']) ?? cancel(c).catch(storeFailure);
  });
  // No question for tasks: nobody needs to be listened to because of it.
  observe('/workers/:worker/cancellations', cancellationsRoute(store));
  observe('/healthz', health, access.openRefusal);
  observe('/readyz', readyRoute(store), access.openRefusal);
  if (metrics !== undefined) observe('/metrics', metricsRoute(metrics));
  app.notFound((c) => access.refusal(c) ?? problem(404, `there is nothing at ${c.req.path}`));
  return app;
}

/** Gives its answer at once where it can: a promise costs a request as much again as a look at the database. */
type Route = (c: Context) => Response | Promise<Response>;

function answer(route: Route, c: Context): Response | Promise<Response> {
  try {
    const response = route(c);
    return response instanceof Promise ? response.catch(storeFailure) : response;
  } catch (error) {
    return storeFailure(error);
  }
}

function otherMethod(method: string, allowed: readonly string[] = ['GET', 'HEAD']): Response | undefined {
  if (allowed.includes(method)) return undefined;
  return problem(405, `${method} is not possible here`, { headers: { Allow: allowed.join(', ') } });
}

/** `GET /healthz`: whether the app answers. The store's state is not its affair. */
async function health(): Promise<Response> {
  return new Response('{"status":"ok"}', {
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  });
}

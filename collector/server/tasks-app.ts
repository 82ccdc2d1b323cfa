import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { checkKeys, checkType } from '../../src/arguments.ts';
import { received } from '../../src/failure.ts';
import { isTaskUuid } from '../../src/task-uuid.ts';
import { repeat } from '../async.ts';
import { redacted } from '../options/kinds.ts';
import { optionValue } from '../options/read.ts';
import { OPTIONS } from '../options/table.ts';
import { hasListener, Heartbeat } from '../store/heartbeat.ts';
import { isTaskStore } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { accessRules, type AccessOptions } from './access.ts';
import { prefersPage, problem, storeFailure } from './answers.ts';
import { cancellationHeardRoute, cancellationsRoute, cancelRoute } from './cancel-routes.ts';
import { health, metricsRoute, readyRoute } from './health-routes.ts';
import type { TasksMetrics } from './health-routes.ts';
import { deleteRoute } from './delete-route.ts';
import type { StreamOptions } from './live/event-stream.ts';
import { LiveTasks } from './live/live-tasks.ts';
import { TaskWaiting } from './live/wait-for-task.ts';
import { assetRoute } from './page/assets.ts';
import { listPageRoute } from './page/list-route.ts';
import { problemPage } from './page/problem-page.ts';
import type { PageSettings } from './page/shell.ts';
import { otherParameters } from './parameters.ts';
import { ROUTES } from './routes.ts';
import type { Route, RouteName } from './routes.ts';
import { taskEventsRoute } from './task-events-route.ts';
import { taskListEventsRoute } from './task-list-events-route.ts';
import { taskCountsRoute, taskListRoute } from './task-list-route.ts';
import { taskLogRoute } from './task-log-route.ts';
import { taskRoute } from './task-route.ts';
import { taskScopesRoute } from './task-scopes-route.ts';

export interface TasksAppOptions {
  /** Where the tasks are stored. The app never closes it. */
  store: TaskStore;
  /** Who may read. Default: requests to a loopback name, from no foreign web page. */
  access?: AccessOptions;
  /** How live streams behave; the defaults suit. */
  streams?: StreamOptions;
  /**
   * Whether the app watches the workers while it is asked for tasks, so that the tasks of a dead worker become lost.
   * Default `true`; `false` where a collector in this process does so.
   */
  listen?: boolean;
  /** The collector's own figures, for `GET /metrics`. Default: that path is not served. */
  metrics?: TasksMetrics;
  /** Where the trace of a task is shown: a URL with `{trace_id}` in it. Default: pages have no link to a trace. */
  traceUrl?: string;
  /** Origins whose pages may show a task in a frame, by `?embed=1`. Default: none. */
  frameAncestors?: readonly string[];
  /** Whether `/` leads to the list of tasks. Default `false`: it is the path of the app that this one is mounted in. */
  index?: boolean;
}

const APP_OPTIONS = ['store', 'access', 'streams', 'listen', 'metrics', 'traceUrl', 'frameAncestors', 'index'] satisfies (keyof TasksAppOptions)[];

/** Answers a request. At once where it can: a promise costs a request as much as a read of the database. */
type Answering = (c: Context) => Response | Promise<Response>;

/** A route, and what answers its requests. */
interface AnsweredRoute extends Route {
  readonly answering: Answering;
}

/**
 * Makes the Hono app that serves tasks over HTTP: serve it with `serveTasks`, mount it in another app with
 * `app.route('/somewhere', createTasksApp({ store }))`, or test against it with `app.request()`.
 *
 * `docs/http-api.md` describes its routes. It answers for these paths alone and leaves all others to the app that it is
 * mounted in.
 *
 * Throws `TypeError` for a `store` that is no store, for unknown options and for an invalid access option, `RangeError`
 * for an option of streams out of bounds.
 */
export function createTasksApp(options: TasksAppOptions): Hono {
  checkKeys('createTasksApp', options, APP_OPTIONS);
  const { store, metrics, listen = true } = options;
  checkType('listen', listen, 'boolean');
  if (!isTaskStore(store)) throw new TypeError(`createTasksApp: expected a store, got ${typeof store === 'string' ? redacted(store) : received(store)}`);
  const access = accessRules(options.access);
  const pages: PageSettings = {
    traceUrl: optionValue('serve.traceUrl', options.traceUrl, { as: 'traceUrl' }),
    frameAncestors: optionValue('serve.frameAncestors', options.frameAncestors, { as: 'frameAncestors' }),
  };
  const { index = false } = options;
  checkType('index', index, 'boolean');
  const live = new LiveTasks(store, options.streams, metrics?.watchers);
  const waiting = new TaskWaiting(store, live);
  /** What answers each route of the table; a route without it is not served. */
  const answering: Readonly<Record<RouteName, Answering | undefined>> = {
    listTasks: listPageRoute(store, taskListRoute(store)),
    countTasks: taskCountsRoute(store),
    watchTasks: taskListEventsRoute(store, live),
    getTask: ofTask(taskRoute(store, waiting, pages)),
    deleteTask: ofTask(deleteRoute(store)),
    getScopes: ofTask(taskScopesRoute(store, waiting)),
    watchTask: ofTask(taskEventsRoute(store, live, waiting)),
    getLog: ofTask(taskLogRoute(store, live, waiting)),
    cancelTask: ofTask(cancelRoute(store, access.urlOf)),
    getCancellations: cancellationsRoute(store),
    confirmCancellation: cancellationHeardRoute(store),
    getAsset: assetRoute,
    getIndex: index ? toTheList : undefined,
    getHealth: health,
    getReadiness: readyRoute(store),
    getMetrics: metrics && metricsRoute(metrics),
  };

  const asked = listen ? watchWorkersWhileAsked(store, () => live.isFollowed) : undefined;
  const app = new Hono();
  for (const [path, ofPath] of Map.groupBy(answeredRoutes(answering), (route) => route.path)) {
    const [first] = ofPath as [AnsweredRoute];
    const routeOf = (method: string): AnsweredRoute | undefined => ofPath.find((route) => isMethodOf(route, method));
    const corsOf = (c: Context): MiddlewareHandler | undefined => access.rules[(routeOf(askedMethod(c)) ?? first).right].cors;
    if (ofPath.some(({ right }) => access.rules[right].cors)) app.use(path, (c, next) => corsOf(c)?.(c, next) ?? next());
    // One handler, not a chain of them: each link of a chain costs every request one more promise.
    app.all(path, (c): Response | Promise<Response> => {
      const route = routeOf(c.req.method);
      const { right, isForTasks = false, parameters = [], answering: answer } = route ?? first;
      const refused =
        access.rules[right].refusal(c) ??
        (route === undefined ? otherMethod(c.req.method, ofPath) : undefined) ??
        (right === 'open' || right === 'public' ? undefined : otherParameters(c, parameters));
      if (refused !== undefined) return forPeople(c, path, refused);
      const judged = isForTasks ? asked?.() : undefined;
      return forPeople(c, path, judged === undefined ? answered(answer, c) : judged.then(() => answered(answer, c)));
    });
  }
  app.notFound((c) => forPeople(c, c.req.path, access.rules.read.refusal(c) ?? problem(404, `there is nothing at ${c.req.path}`)));
  return app;
}

/** An answer as it is, but the page of a problem for a browser that was led to it. */
function forPeople(c: Context, path: string, answer: Response | Promise<Response>): Response | Promise<Response> {
  // A program waits for no further promise.
  if (!prefersPage(c)) return answer;
  return Promise.resolve(answer).then((response) => (response.status < 400 ? response : problemPage(c, path, response)));
}

/** `GET /`: relative, so that it is right behind any prefix. */
function toTheList(): Response {
  return new Response(null, { status: 302, headers: { Location: 'tasks' } });
}

function answeredRoutes(answering: Readonly<Record<RouteName, Answering | undefined>>): AnsweredRoute[] {
  return (Object.keys(ROUTES) as RouteName[]).flatMap((name) => {
    const answer = answering[name];
    return answer === undefined ? [] : { ...ROUTES[name], answering: answer };
  });
}

/** Gives a route the UUID of its path in lower case; answers 400 to a path without a UUID. */
function ofTask(answer: (c: Context, uuid: string) => Response | Promise<Response>): Answering {
  return (c) => {
    const given = c.req.param('uuid') ?? '';
    if (isTaskUuid(given)) return answer(c, given.toLowerCase());
    return problem(400, `a task is named by a UUID (RFC 9562), not by ${received(given)}`);
  };
}

/** The answer of a route, or 503 where its store fails. */
function answered(answer: Answering, c: Context): Response | Promise<Response> {
  try {
    const response = answer(c);
    return response instanceof Promise ? response.catch(storeFailure) : response;
  } catch (error) {
    return storeFailure(error);
  }
}

function isMethodOf(route: Route, method: string): boolean {
  return method === route.method || (method === 'HEAD' && route.method === 'GET');
}

/** The method of a request; of a preflight request the one that it asks for. */
function askedMethod(c: Context): string {
  return c.req.method === 'OPTIONS' ? (c.req.header('Access-Control-Request-Method') ?? 'GET') : c.req.method;
}

function otherMethod(method: string, routes: readonly Route[]): Response {
  const allowed = routes.flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : route.method));
  return problem(405, `${method} is not possible here`, { Allow: allowed.join(', ') });
}

/** The watch ends after one to two times so many milliseconds without a request and without an open stream. */
const IDLE_MS = 60_000;

/**
 * Watches the workers of a store while an app is asked for its tasks, so that the tasks of a dead worker become lost
 * even where no collector runs. An open stream is a request that goes on. It keeps no process alive. A failure of the
 * store ends the watch until the next request, unless a stream is open.
 *
 * @returns To be called with each request. The first ones are answered when the promise that they get is resolved: then the
 *   workers of this machine that died before are found.
 */
function watchWorkersWhileAsked(store: TaskStore, isFollowed: () => boolean): () => Promise<void> | undefined {
  // A reader must not lose tasks for good that the owner of the store gives more time.
  const lostFinalMs = optionValue('lostFinalMs', undefined, { env: process.env });
  let running: { stop(): Promise<void> }[] = [];
  let wasAsked = false;
  let searching: Promise<void> | undefined;

  const stop = (): void => {
    for (const part of running.splice(0)) void part.stop();
  };

  const start = (): void => {
    const heartbeat = new Heartbeat({
      workerId: globalThis.crypto.randomUUID(),
      intervalMs: OPTIONS.beatIntervalMs.default,
      lostFinalMs,
      store,
      onFailure: () => {
        if (!isFollowed()) stop();
      },
    });
    const idle = repeat(IDLE_MS, async () => {
      if (!wasAsked && !isFollowed()) stop();
      wasAsked = false;
      return IDLE_MS;
    });
    running = [heartbeat, idle];
    searching = heartbeat.start().then(() => void (searching = undefined));
  };

  return () => {
    wasAsked = true;
    if (running.length === 0 && !hasListener(store)) start();
    return searching;
  };
}

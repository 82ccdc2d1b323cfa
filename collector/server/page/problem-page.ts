import type { Context } from 'hono';
import { labels, plain, trouble } from '../../../src/client/words.ts';
import { icon } from './icons.ts';
import { wrongListPage } from './list-route.ts';
import { html } from './markup.ts';
import { page, pageAnswer } from './shell.ts';

/** After how many seconds the page of a store that fails loads itself again. */
const RETRY_SECONDS = 4;

/**
 * The page instead of a problem in JSON, for a browser that was led here: never an empty list or an endless wait. The
 * page of a store that fails, and of a task that may still come, loads itself again.
 *
 * @param path The pattern of the route, or the path of the request where there is none.
 */
export async function problemPage(c: Context, path: string, problem: Response): Promise<Response> {
  if (path === '/tasks' && problem.status === 400) return wrongListPage(c, problem);
  const { detail } = (await problem.json()) as { detail: string };
  const { status } = problem;
  const headers = Object.fromEntries([...problem.headers].filter(([name]) => !['content-type', 'content-length'].includes(name)));
  const base = `${'../'.repeat(path.split('/').length - 2)}tasks/`;
  const isTask = path.startsWith('/tasks/:uuid');
  const expected = status === 404 && isTask ? expectedSeconds(c) : undefined;
  const refresh = c.req.method !== 'GET' ? undefined : status === 503 ? RETRY_SECONDS : expected;
  const { title, detail: explained } = expected === undefined ? trouble(status, isTask) : labels.notYet;
  const shape = expected !== undefined ? 'queued' : status === 404 ? 'cancelled' : 'lost';
  // A form that came too late: its task shows why.
  const [back, backTo] = status === 409 ? [`${base}${c.req.param('uuid')}`, labels.backToTask] : [base.slice(0, -1), labels.allTasks];
  const body = html`<nav class="back small"><a href="${back}">‹ ${backTo}</a></nav>
<header class="head" role="alert">${icon(shape, 'hidden')}<h1>${title}</h1><div class="now"><p class="lead">${explained}</p><p class="rest small"><bdi>${plain(detail)}</bdi></p></div></header>`;
  return pageAnswer(c, page({ title, base, icon: shape, body, refresh }), { status, headers });
}

const MINUTE_MS = 60_000;

/**
 * After how many seconds a look for a task that is not there is worth while: where the request has waited for it, and
 * where its UUID was made lately. `undefined` where nothing speaks for it.
 */
function expectedSeconds(c: Context): number | undefined {
  if (c.req.query('wait') !== undefined) return 1;
  const uuid = c.req.param('uuid') ?? '';
  // Version 7 begins with the time.
  const age = uuid[14] === '7' ? Date.now() - Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16) : Number.NaN;
  if (!(Math.abs(age) < 10 * MINUTE_MS)) return undefined;
  return age < MINUTE_MS ? 2 : 10;
}

import type { Context } from 'hono';
import { text, trouble } from '../../../src/client/words.ts';
import { html } from './markup.ts';
import { page, pageAnswer } from './shell.ts';

/** How long a page waits where the server does not say it. */
const RETRY_SECONDS = 4;

/**
 * The page instead of a problem in JSON, for a browser that was led here: never an empty list or an endless wait. A page
 * of a store that fails loads itself again.
 *
 * @param path The pattern of the route, or the path of the request where there is none.
 */
export async function problemPage(c: Context, path: string, problem: Response): Promise<Response> {
  const { detail } = (await problem.json()) as { detail: string };
  const { status } = problem;
  const headers = Object.fromEntries([...problem.headers].filter(([name]) => !['content-type', 'content-length'].includes(name)));
  const base = `${'../'.repeat(path.split('/').length - 2)}tasks/`;
  const refresh = status === 503 && c.req.method === 'GET' ? RETRY_SECONDS : undefined;
  const { title, detail: explained } = trouble(status);
  const body = html`<nav class="back small"><a href="${base.slice(0, -1)}">‹ ${text.allTasks}</a></nav>
<section class="failure" role="alert"><h1>${title}</h1><p>${explained}</p><p class="error small" tabindex="0">${detail}</p></section>`;
  return pageAnswer(c, page({ title, base, icon: 'failed', body, refresh }), { status, headers });
}

import type { Context } from 'hono';
import { filterOf } from '../../../src/filter-parameters.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { prefersPage } from '../answers.ts';
import { listPage } from './list-page.ts';
import type { ListedTask } from './list-page.ts';
import { listUrl, tidied } from './list-query.ts';
import { pageAnswer } from './shell.ts';

/** What `GET /tasks` answers in JSON, as far as the page shows it. */
interface ListAnswer {
  tasks: ListedTask[];
  next: string | null;
  /** Up to when it has searched, where that was not to the end. */
  searched_to?: string;
}

/** `GET /tasks` as a page. It shows what the answer in JSON has, so that both read the same filters in the same way. */
export function listPageRoute(store: TaskStore, list: (c: Context) => Promise<Response>): (c: Context) => Promise<Response> {
  return async (c) => {
    if (!prefersPage(c)) return list(c);
    const search = searchOf(c);
    const answer = await list(c);
    if (!answer.ok) return answer;
    const { tasks, next, searched_to: searchedTo } = (await answer.json()) as ListAnswer;
    // A tab has the number of those that fit the other filters.
    const { states: _, ...filter } = filterOf(search);
    const { counts, capped } = await store.counts(filter);
    const shown = { search, tasks, counts, capped, next: next ?? undefined, searchedTo, now: Date.now() };
    return pageAnswer(c, listPage(shown));
  };
}

/**
 * The page for a search that is refused: what is wrong, and the form to put it right. What a form sends without a
 * script, empty fields and an attribute as one text, leads to the search that it means.
 */
export async function wrongListPage(c: Context, problem: Response): Promise<Response> {
  const search = searchOf(c);
  const meant = tidied(search);
  if (meant.toString() !== search.toString()) return new Response(null, { status: 303, headers: { Location: listUrl(meant) } });
  const { detail } = (await problem.json()) as { detail: string };
  const shown = { search, tasks: [], counts: undefined, capped: [], next: undefined, fault: detail, now: Date.now() };
  return pageAnswer(c, listPage(shown), { status: problem.status });
}

function searchOf(c: Context): URLSearchParams {
  return new URL(c.req.url).searchParams;
}

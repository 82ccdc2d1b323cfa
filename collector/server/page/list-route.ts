import type { Context } from 'hono';
import { filterOf } from '../../../src/filter-parameters.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { requestedType } from '../answers.ts';
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

/** The representations of a list; a client without `Accept` gets the first one. */
const REPRESENTATIONS = ['application/json', 'text/html'] as const;

/** `GET /tasks` as a page. It shows what the answer in JSON has, so that both read the same filters in the same way. */
export function listPageRoute(store: TaskStore, list: (c: Context) => Promise<Response>): (c: Context) => Promise<Response> {
  return async (c) => {
    const form = requestedType(c, REPRESENTATIONS);
    if (form instanceof Response) return form;
    if (form === 'application/json') return list(c);
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

/** The search without the representation: the links of the page are for browsers. */
function searchOf(c: Context): URLSearchParams {
  const { searchParams } = new URL(c.req.url);
  searchParams.delete('as');
  return searchParams;
}

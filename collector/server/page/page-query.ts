import type { Context } from 'hono';
import { received } from '../../../src/failure.ts';
import { problem } from '../answers.ts';

/** What a page of a task shows, by the parameters of its URL. */
export interface PageQuery {
  /** Whether it is in a frame: the task alone, without actions. */
  readonly embed: boolean;
  /** The attempt whose steps are shown. Default: the latest. */
  readonly attempt: number | undefined;
  /** Span id of the step whose inside is shown. */
  readonly of: string | undefined;
  /** Where the steps inside it go on: `next` of the page before. */
  readonly cursor: string | undefined;
  /** The byte of the log before which it is shown. Default: its end. */
  readonly before: number | undefined;
}

const WHOLE_PAGE: PageQuery = { embed: false, attempt: undefined, of: undefined, cursor: undefined, before: undefined };

/** Reads them, also where the answer is no page: an invalid one is a 400. */
export function pageQuery(c: Context): PageQuery | Response {
  if (!c.req.url.includes('?')) return WHOLE_PAGE;
  const { embed = '0', attempt, of, cursor, before } = c.req.query();
  if (embed !== '0' && embed !== '1') return problem(400, `embed: expected 0 or 1, got ${received(embed)}`);
  if (attempt !== undefined && !/^[1-9]\d{0,6}$/.test(attempt)) return problem(400, `attempt: expected the number of an attempt, from 1, got ${received(attempt)}`);
  if (of !== undefined && !/^[0-9a-f]{16}$/.test(of)) return problem(400, `of: expected a span id, got ${received(of)}`);
  if (cursor !== undefined && !/^[\w-]{1,200}$/.test(cursor)) return problem(400, `cursor: expected the "next" of a page before, got ${received(cursor)}`);
  if (before !== undefined && !/^\d{1,15}$/.test(before)) return problem(400, `before: expected a count of bytes, got ${received(before)}`);
  return { embed: embed === '1', attempt: attempt === undefined ? undefined : Number(attempt), of, cursor, before: before === undefined ? undefined : Number(before) };
}

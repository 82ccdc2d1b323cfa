import type { Context } from 'hono';
import type { StoredTask } from '../store/task-store.ts';

/** An answer in JSON that no cache keeps. */
export function uncachedJson(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  });
}

/**
 * The strong `ETag` of a representation of a task, from the task's version and liveness. Liveness changes the record
 * without a commit; log and scopes do not depend on it.
 *
 * @param representation `json` for the record; `text` for the log; `scopes` for the tree.
 */
export function entityTag(
  task: Pick<StoredTask, 'version'> & Partial<Pick<StoredTask, 'state' | 'liveness'>>,
  representation: 'json' | 'text' | 'scopes',
): string {
  return `"${task.version}-${representation === 'json' ? livenessTag(task) : '0'}-${representation}"`;
}

function livenessTag({ state, liveness }: Partial<Pick<StoredTask, 'state' | 'liveness'>>): string {
  if (liveness === undefined) return state === 'lost' ? 'lost' : '0';
  const { heard, busySince, final } = liveness;
  const kind = state === 'lost' ? (final ? 'final' : 'lost') : '';
  return `${kind}${heard.toString(36)}${busySince === null ? '' : `.${busySince.toString(36)}`}`;
}

/** Whether `If-None-Match` has the tag: in a list, as a weak tag, or by `*` (RFC 9110, 13.1.2). */
export function isNoneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  // A tag of another server may contain a comma, but never a quote.
  return header.match(/"[^"]*"/g)?.includes(tag) ?? false;
}

/**
 * The offered media type that the request's `Accept` prefers (RFC 9110, 12.5.1).
 *
 * The most specific range that matches a type decides its quality. Of equal qualities the more specific range wins,
 * then the order of `offered`. Where no offered type is acceptable, the first one is taken, since a 406 would not help
 * the client.
 */
export function negotiate<T extends string>(c: Context, offered: readonly [T, ...T[]]): T {
  const header = c.req.header('Accept');
  let best = { type: offered[0], quality: 0, specificity: 0 };
  if (header === undefined || header === '*/*' || header === best.type) return best.type;
  // Not by Hono's `accepts`: it lets `text/plain;q=0.5, */*` win and ignores `q=0`.
  const ranges = rangesOf(header);
  for (const type of offered) {
    const { quality, specificity } = preference(type, ranges);
    if (quality > best.quality || (quality > 0 && quality === best.quality && specificity > best.specificity)) {
      best = { type, quality, specificity };
    }
  }
  return best.type;
}

interface Range {
  /** In lower case, such as `text/*`. */
  readonly type: string;
  readonly q: number;
}

// Not by Hono's parser: it is not part of its documented API, and early versions of Hono 4 do not have it.
function rangesOf(header: string): Range[] {
  return header.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((item) => item.trim().toLowerCase());
    const q = Number(parameters.find((parameter) => /^q\s*=/.test(parameter))?.split('=')[1] ?? 1);
    return { type, q: q >= 0 && q <= 1 ? q : 1 };
  });
}

function preference(type: string, ranges: readonly Range[]): { quality: number; specificity: number } {
  let [quality, specificity] = [0, 0];
  for (const range of ranges) {
    const fit = specificityFor(type, range.type);
    if (fit > specificity || (fit > 0 && fit === specificity && range.q > quality)) {
      [quality, specificity] = [range.q, fit];
    }
  }
  return { quality, specificity };
}

// 0 where the range does not match. Parameters such as `charset` do not count: no type is offered with two of them.
function specificityFor(type: string, range: string): number {
  if (range === type) return 3;
  if (range === '*/*' || range === '*') return 1;
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1)) ? 2 : 0;
}

import type { Context } from 'hono';

interface Range {
  /** In lower case, such as `text/*`. */
  readonly type: string;
  readonly q: number;
}

/**
 * The offered media type that the request's `Accept` prefers (RFC 9110, 12.5.1).
 *
 * The most specific range that fits a type decides its quality. Of equal qualities the more
 * specific range wins, then the order of `offered`. Where nothing offered is acceptable the answer
 * is the first one: 406 would help nobody.
 */
export function negotiate<T extends string>(c: Context, offered: readonly [T, ...T[]]): T {
  const header = c.req.header('Accept');
  let best = { type: offered[0], quality: 0, specificity: 0 };
  if (header === undefined || header === '*/*' || header === best.type) return best.type;
  // Hono's `accepts` is not used: it lets `text/plain;q=0.5, */*` win and overlooks a `q=0`.
  const ranges = rangesOf(header);
  for (const type of offered) {
    const { quality, specificity } = preference(type, ranges);
    if (quality > best.quality || (quality > 0 && quality === best.quality && specificity > best.specificity)) {
      best = { type, quality, specificity };
    }
  }
  return best.type;
}

// Hono's own parser is no part of its documented API, and early versions of Hono 4 lack it.
function rangesOf(header: string): Range[] {
  return header.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
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

// 0 where the range does not fit. Parameters such as `charset` do not count: nothing is offered in two.
function specificityFor(type: string, range: string): number {
  if (range === type) return 3;
  if (range === '*/*' || range === '*') return 1;
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1)) ? 2 : 0;
}

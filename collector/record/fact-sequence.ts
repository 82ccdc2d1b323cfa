import type { Fact } from '../../src/fact.ts';
import { draftOf, layeredMap, valueIn } from '../../src/layered-map.ts';
import type { LayeredMap } from '../../src/layered-map.ts';
import { spanKey } from './span-map.ts';

/**
 * Facts in the order in which the log shows those of one commit: by time and sequence. Facts of one span stand by their
 * sequence, also where its clock has gone back. Mostly they come so.
 */
export function inOrder(facts: readonly Fact[]): readonly Fact[] {
  const byTime = areByTime(facts) ? facts : facts.toSorted((one, other) => one.time - other.time);
  return areInSequence(byTime) ? byTime : bySequenceAndTime(facts);
}

function areByTime(facts: readonly Fact[]): boolean {
  for (let at = 1; at < facts.length; at++) if (facts[at]!.time < facts[at - 1]!.time) return false;
  return true;
}

function areInSequence(facts: readonly Fact[]): boolean {
  const latest = new Map<string, number>();
  let spanId = '';
  let before = 0;
  for (const { span, seq } of facts) {
    // Mostly one fact is of the same span as the one before.
    if (span.spanId !== spanId) {
      latest.set(spanId, before);
      ({ spanId } = span);
      before = latest.get(spanId) ?? 0;
    }
    if (seq < before) return false;
    before = seq;
  }
  return true;
}

/** A fact counts as no earlier than those before it in its span; facts of one time stand as they came. */
function bySequenceAndTime(facts: readonly Fact[]): readonly Fact[] {
  const ofSpans = Map.groupBy(facts, keyOf);
  const times = new Map<Fact, number>();
  for (const [key, ofSpan] of ofSpans) {
    const bySequence = ofSpan.toSorted((one, other) => one.seq - other.seq);
    let time = 0;
    for (const fact of bySequence) times.set(fact, (time = Math.max(time, fact.time)));
    ofSpans.set(key, bySequence.toReversed());
  }
  const ordered = facts.map((fact) => ofSpans.get(keyOf(fact))!.pop()!);
  return ordered.toSorted((one, other) => times.get(one)! - times.get(other)!);
}

function keyOf({ span }: Fact): string {
  return spanKey(span.traceId, span.spanId);
}

/**
 * A set of sequence numbers, kept as intervals: `[first, last, first, last, …]`, ascending and
 * never touching each other. Normally there is one.
 */
export type SeqSet = number[];

/** Adds a number. Gives whether it is new. */
export function addSeq(set: SeqSet, seq: number): boolean {
  const end = set.length;
  if (end === 0 || seq > set[end - 1]! + 1) {
    set.push(seq, seq);
    return true;
  }
  if (seq === set[end - 1]! + 1) {
    set[end - 1] = seq;
    return true;
  }
  return insertSeq(set, seq);
}

/** How many numbers below `limit` the set has. */
function countBelow(set: SeqSet, limit: number): number {
  let present = 0;
  for (let at = 0; at < set.length; at += 2) {
    const first = set[at]!;
    if (first >= limit) break;
    present += Math.min(set[at + 1]!, limit - 1) - first + 1;
  }
  return present;
}

/** How many numbers below `limit` the set lacks. */
export function missingBelow(set: SeqSet, limit: number): number {
  return limit - countBelow(set, limit);
}

/**
 * How many numbers are known to be missing: those below the greatest. Of an empty set it is one, since a span begins
 * with the number 0.
 */
export function missingIn(set: SeqSet): number {
  if (set.length === 0) return 1;
  return set.length === 2 ? set[0]! : missingBelow(set, set[set.length - 1]!);
}

/** The last interval that begins at or before a number; -2 if none does. */
function intervalAt(set: SeqSet, seq: number): number {
  let [low, high] = [0, set.length / 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (set[2 * middle]! > seq) high = middle;
    else low = middle + 1;
  }
  return 2 * (low - 1);
}

function hasSeq(set: SeqSet | undefined, seq: number): boolean {
  const at = set === undefined ? -2 : intervalAt(set, seq);
  return at >= 0 && seq <= set![at + 1]!;
}

function insertSeq(set: SeqSet, seq: number): boolean {
  const at = intervalAt(set, seq);
  if (at >= 0 && seq <= set[at + 1]!) return false;
  const joinsBefore = at >= 0 && set[at + 1] === seq - 1;
  const joinsAfter = at + 2 < set.length && set[at + 2] === seq + 1;
  if (joinsBefore && joinsAfter) set.splice(at + 1, 2);
  else if (joinsBefore) set[at + 1] = seq;
  else if (joinsAfter) set[at + 2] = seq;
  else set.splice(at + 2, 0, seq, seq);
  return true;
}

/** The sequence numbers of a span that were seen. */
export interface SeenSeqs {
  /** All of them; with {@link seenPages} the longest interval alone. */
  seen: SeqSet;
  /** Where numbers have many gaps: those beside that interval. `null` where they have few. */
  seenPages: SeqPages | null;
}

/** Sequence numbers in pages of {@link PAGE}, so that one more number costs the same however many gaps there are. */
interface SeqPages {
  /** How many numbers there are. */
  count: number;
  /** The greatest number of the span. */
  last: number;
  readonly pages: LayeredMap<number, SeqSet>;
}

/** So many intervals are kept without pages. */
const MOST_INTERVALS = 64;
const PAGE = 1024;
/** Of so many pages it is counted exactly what is missing before an end that others have come after. */
const MOST_COUNTED = 256;

/** Adds a number to those that were seen. Gives whether it is new. */
export function addSeen(of: SeenSeqs, seq: number): boolean {
  const { seenPages } = of;
  if (seenPages !== null) return addToPages(of.seen, seenPages, seq);
  // A new array: an array that grows has room for many more entries, and mostly it stays as short.
  if (of.seen.length === 0) of.seen = [seq, seq];
  else if (!addSeq(of.seen, seq)) return false;
  if (of.seen.length > 2 * MOST_INTERVALS) spill(of);
  return true;
}

/** How many numbers below the greatest have not come; of a span of which nothing has come it is one. */
export function missingSeen({ seen, seenPages }: SeenSeqs): number {
  if (seenPages === null) return missingIn(seen);
  return seenPages.last + 1 - seenPages.count - lengthOf(seen);
}

/** How many numbers below `limit` have not come; of many pages the least that it may be. */
export function missingSeenBelow({ seen, seenPages }: SeenSeqs, limit: number): number {
  if (seenPages === null) return missingBelow(seen, limit);
  const { count, last, pages } = seenPages;
  if (limit > last) return limit - count - lengthOf(seen);
  if (limit === last) return limit + 1 - count - lengthOf(seen);
  const { kept, changed } = pages;
  if (kept.size + changed.size > MOST_COUNTED) return Math.max(0, limit - count - lengthOf(seen));
  let present = countBelow(seen, limit);
  for (const set of changed.values()) present += countBelow(set, limit);
  for (const [page, set] of kept) if (!changed.has(page)) present += countBelow(set, limit);
  return limit - present;
}

/** A copy that is a draft: its changes leave the original as it is. */
export function draftOfPages(pages: SeqPages | null): SeqPages | null {
  return pages && { ...pages, pages: draftOf(pages.pages) };
}

function addToPages(longest: SeqSet, of: SeqPages, seq: number): boolean {
  if (hasSeq(longest, seq)) return false;
  const page = Math.floor(seq / PAGE);
  const set = valueIn(of.pages, page);
  if (hasSeq(set, seq)) return false;
  if (seq > of.last) of.last = seq;
  if (seq === longest[1]! + 1) {
    longest[1] = seq;
    return true;
  }
  of.count++;
  const own = of.pages.changed.get(page);
  if (own !== undefined) return addSeq(own, seq);
  const copy = set?.slice() ?? [];
  of.pages.changed.set(page, copy);
  return addSeq(copy, seq);
}

/** Moves all intervals but the longest to pages. */
function spill(of: SeenSeqs): void {
  const { seen } = of;
  let longest = 0;
  for (let at = 2; at < seen.length; at += 2) if (seen[at + 1]! - seen[at]! > seen[longest + 1]! - seen[longest]!) longest = at;
  of.seen = seen.slice(longest, longest + 2);
  const pages: SeqPages = { count: 0, last: seen.at(-1)!, pages: layeredMap() };
  for (let at = 0; at < seen.length; at += 2) {
    if (at === longest) continue;
    for (let first = seen[at]!; first <= seen[at + 1]!; ) {
      const page = Math.floor(first / PAGE);
      const last = Math.min(seen[at + 1]!, (page + 1) * PAGE - 1);
      pages.count += last - first + 1;
      const set = pages.pages.changed.get(page) ?? [];
      set.push(first, last);
      pages.pages.changed.set(page, set);
      first = last + 1;
    }
  }
  of.seenPages = pages;
}

function lengthOf(interval: SeqSet): number {
  return interval[1]! - interval[0]! + 1;
}

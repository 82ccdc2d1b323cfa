import type { Fact } from '../../src/fact.ts';
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

/** How many numbers below `limit` the set lacks. */
export function missingBelow(set: SeqSet, limit: number): number {
  let present = 0;
  for (let at = 0; at < set.length; at += 2) {
    const first = set[at]!;
    if (first >= limit) break;
    present += Math.min(set[at + 1]!, limit - 1) - first + 1;
  }
  return limit - present;
}

/**
 * How many numbers are known to be missing: those below the greatest. Of an empty set it is one, since a span begins
 * with the number 0.
 */
export function missingIn(set: SeqSet): number {
  if (set.length === 0) return 1;
  return set.length === 2 ? set[0]! : missingBelow(set, set[set.length - 1]!);
}

function insertSeq(set: SeqSet, seq: number): boolean {
  // The last interval that begins at or before the number, -2 if none does.
  let at = set.length - 2;
  while (at >= 0 && set[at]! > seq) at -= 2;
  if (at >= 0 && seq <= set[at + 1]!) return false;
  const joinsBefore = at >= 0 && set[at + 1] === seq - 1;
  const joinsAfter = at + 2 < set.length && set[at + 2] === seq + 1;
  if (joinsBefore && joinsAfter) set.splice(at + 1, 2);
  else if (joinsBefore) set[at + 1] = seq;
  else if (joinsAfter) set[at + 2] = seq;
  else set.splice(at + 2, 0, seq, seq);
  return true;
}

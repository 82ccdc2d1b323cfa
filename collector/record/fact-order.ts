import type { Fact } from '../../src/fact.ts';
import { spanKey } from './scope-state.ts';

/**
 * Facts in the order in which the log tells what is committed at once: by time and sequence. Those of one span stand
 * by their sequence, also where its clock has gone back. Mostly they come so.
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

/** A fact counts as said no earlier than those before it in its span; at one time they stand as they came. */
function bySequenceAndTime(facts: readonly Fact[]): readonly Fact[] {
  const ofSpans = Map.groupBy(facts, keyOf);
  const times = new Map<Fact, number>();
  for (const [key, ofSpan] of ofSpans) {
    const bySequence = ofSpan.toSorted((one, other) => one.seq - other.seq);
    let time = 0;
    for (const fact of bySequence) times.set(fact, (time = Math.max(time, fact.time)));
    ofSpans.set(key, bySequence.toReversed());
  }
  const placed = facts.map((fact) => ofSpans.get(keyOf(fact))!.pop()!);
  return placed.toSorted((one, other) => times.get(one)! - times.get(other)!);
}

function keyOf({ span }: Fact): string {
  return spanKey(span.traceId, span.spanId);
}

import type { Attributes } from '@opentelemetry/api';
import { otherValue, plainValue } from '../../../src/attributes.ts';
import type { Fact, Plan, ScopeEnd, TaskEnd } from '../../../src/fact.ts';
import { attributesCut, boundedAttributes, cutText, DEFAULT_LIMITS, firstAttributes } from '../../../src/limits.ts';
import { cleanerWith } from '../../../src/text.ts';
import { setAttribute } from '../../facts/attributes.ts';
import { spanIdIn } from '../../facts/ids.ts';

/** Bounds the contents of received facts: a sender is not trusted, and may be of another version or another make. */

/**
 * Received values are bounded as those of our own sources are, by `src/limits.ts`. A text that a source has cut ends
 * with a mark, and is not cut again.
 */
const RECEIVED = cleanerWith(undefined, undefined);
/** Characters that the mark of a cut needs. */
const MARK = 64;
/** A result that was cut is a JSON string of its beginning, which has more characters than the beginning itself. */
const LONGEST_RESULT = 6 * DEFAULT_LIMITS.result + MARK;
const MOST_PLANNED = 10_000;
/** Bounds of a worker's heartbeat interval in milliseconds; those of the option `beatIntervalMs`. */
const LEAST_INTERVAL_MS = 50;
const LONGEST_INTERVAL_MS = 3_600_000;

/** The fact with its contents in bounds; a text that says why it is invalid. */
export function boundedFact(fact: Fact): Fact | string {
  const { time, seq } = fact;
  if (!Number.isSafeInteger(time) || time <= 0) return 'expected a time in nanoseconds since 1970';
  if (!Number.isSafeInteger(seq) || seq < 0) return `expected a sequence number from 0, got ${seq}`;
  return (
    withBoundedContents(fact) ??
    `expected a plan of at most ${MOST_PLANNED} names, each of at most ${DEFAULT_LIMITS.name} characters`
  );
}

/** A worker's heartbeat interval in bounds; 0, which promises no heartbeat, stays 0. */
export function boundedInterval(ms: number): number {
  return ms === 0 ? 0 : Math.min(Math.max(ms, LEAST_INTERVAL_MS), LONGEST_INTERVAL_MS);
}

/** A name in bounds. */
export function boundedName(name: string): string {
  return bounded(name, DEFAULT_LIMITS.name);
}

/** `undefined` for a plan that is too long. */
function withBoundedContents(fact: Fact): Fact | undefined {
  switch (fact.kind) {
    case 'task-announced':
      return { ...fact, name: boundedName(fact.name), attributes: markedAttributes(fact.attributes) };
    case 'task-start': {
      const { parentScope, ...rest } = fact;
      const taskSpanId = parentScope && spanIdIn(parentScope.taskSpanId);
      const spanId = parentScope && spanIdIn(parentScope.spanId);
      return {
        ...rest,
        name: boundedName(fact.name),
        attributes: markedAttributes(fact.attributes),
        workerId: boundedName(fact.workerId),
        workerIntervalMs: boundedInterval(fact.workerIntervalMs),
        ...(taskSpanId !== undefined && spanId !== undefined && { parentScope: { taskSpanId, spanId } }),
      };
    }
    case 'scope-start': {
      const name = boundedName(fact.name);
      const { taskSpanId } = fact.span;
      const parentSpanId = fact.parentSpanId === taskSpanId ? taskSpanId : (spanIdIn(fact.parentSpanId) ?? taskSpanId);
      if (fact.workerId !== undefined) return { ...fact, name, parentSpanId, workerId: boundedName(fact.workerId) };
      return name === fact.name && parentSpanId === fact.parentSpanId ? fact : { ...fact, name, parentSpanId };
    }
    case 'notification': {
      const message = boundedMessage(fact.message);
      if (fact.attributes !== undefined) {
        const cut = attributesCut(fact.attributes, DEFAULT_LIMITS.attributes);
        return { ...fact, message: message + cut, attributes: keptAttributes(firstAttributes(fact.attributes, DEFAULT_LIMITS.attributes)) };
      }
      return message === fact.message ? fact : { ...fact, message };
    }
    case 'exception':
      return { ...fact, type: boundedName(fact.type), message: boundedMessage(fact.message) };
    case 'result': {
      if (fact.result.length <= LONGEST_RESULT) return { ...fact, result: fact.result.toWellFormed() };
      return { ...fact, result: JSON.stringify(bounded(fact.result, DEFAULT_LIMITS.result)) };
    }
    case 'plan':
      return isBoundedPlan(fact.plan) ? fact : undefined;
    case 'scope-end':
      return fact.error === undefined && fact.attributes === undefined ? fact : { ...fact, ...boundedEnd(fact) };
    case 'task-end':
      return { ...fact, ...boundedEnd(fact), name: boundedName(fact.name), exception: boundedMessage(fact.exception) };
    case 'attributes':
      return { ...fact, attributes: markedAttributes(fact.attributes) };
    default:
      return fact;
  }
}

function boundedEnd({ error, attributes }: ScopeEnd | TaskEnd): Pick<ScopeEnd, 'error' | 'attributes'> {
  return {
    ...(error !== undefined && { error: boundedError(error) }),
    ...(attributes !== undefined && { attributes: markedAttributes(attributes) }),
  };
}

function boundedError({ name, message }: { name: string; message: string }): { name: string; message: string } {
  return { name: boundedName(name), message: boundedMessage(message) };
}

function boundedMessage(message: string): string {
  return bounded(message, DEFAULT_LIMITS.message);
}

function bounded(text: string, most: number): string {
  const cut = cutText(text, most);
  return cut.isWellFormed() ? cut : cut.toWellFormed();
}

function isBoundedPlan(plan: Plan): boolean {
  if (typeof plan === 'number') return true;
  const names = Object.keys(plan);
  return names.length <= MOST_PLANNED && names.every((name) => name.length <= DEFAULT_LIMITS.name + MARK);
}

/**
 * The first attributes, with an attribute that marks the cut. In process a notification marks it, which needs a sequence
 * number; here all sequence numbers are the sender's.
 */
function markedAttributes(attributes: Attributes): Attributes {
  return keptAttributes(boundedAttributes(attributes, DEFAULT_LIMITS.attributes));
}

/** The attributes with the values that the same attributes would have in process. */
function keptAttributes(attributes: Attributes): Attributes {
  const kept: Attributes = {};
  for (const [key, given] of Object.entries(attributes)) {
    const value = plainValue(given, RECEIVED) ?? otherValue(given, RECEIVED).value;
    if (value !== undefined) setAttribute(kept, boundedName(key), value);
  }
  return kept;
}

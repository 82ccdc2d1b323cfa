import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { otherValue, plainValue, attributesCut, boundedAttributes, firstAttributes } from '../../src/attributes.ts';
import { MOST_CAUSES } from '../../src/conventions.ts';
import type { ErrorCause, ErrorInfo, Plan } from '../../src/fact.ts';
import { canonicalJson, jsonUpTo } from '../../src/json-text.ts';
import { MOST_PLANNED } from '../../src/progress.ts';
import { CAUSE_LENGTH, cutText, DEFAULT_LIMITS, cleanerWith } from '../../src/text.ts';
import { setAttribute } from './attributes.ts';

/*
 * Received contents are bounded as those of our own sources are, by `src/text.ts`: a sender is not trusted, and may be
 * of another version or another make. A text that a source has cut ends with a mark, and is not cut again.
 */

const RECEIVED = cleanerWith(undefined, undefined);
/** Characters that the mark of a cut needs. */
const MARK = 64;
/** A result that was cut is a JSON string of its beginning, which has more characters than the beginning itself. */
const LONGEST_RESULT = 6 * DEFAULT_LIMITS.result + MARK;
/** Bounds of a worker's heartbeat interval in milliseconds: a sender's loss has to be noticed. */
const LEAST_INTERVAL_MS = 50;
export const LONGEST_INTERVAL_MS = 60_000;
/** The greatest number of an attempt. */
export const MOST_ATTEMPTS = 1_000_000;

/** A worker's heartbeat interval in bounds; 0, which promises no heartbeat, stays 0. */
export function boundedInterval(ms: number): number {
  return ms === 0 ? 0 : Math.min(Math.max(ms, LEAST_INTERVAL_MS), LONGEST_INTERVAL_MS);
}

export function boundedName(name: string): string {
  return boundedText(name, DEFAULT_LIMITS.name);
}

export function boundedMessage(message: string): string {
  return boundedText(message, DEFAULT_LIMITS.message);
}

export function boundedError({ name, message, causes }: ErrorInfo): ErrorInfo {
  const error = { name: boundedName(name), message: boundedMessage(message) };
  return causes === undefined ? error : { ...error, causes: causes.slice(0, MOST_CAUSES).map(boundedCause) };
}

function boundedCause({ name, message }: ErrorCause): ErrorCause {
  return { name: boundedName(name), message: boundedText(message, CAUSE_LENGTH) };
}

/** JSON text in bounds and in its one form; of a longer one its beginning, as a string. */
export function boundedJson(given: string): string {
  const json = canonicalJson(given) ?? given;
  return json.length <= LONGEST_RESULT ? json.toWellFormed() : JSON.stringify(boundedText(json, DEFAULT_LIMITS.result));
}

/** The reason why a plan is invalid; `undefined` for a plan in bounds. */
export function planFault(plan: Plan): string | undefined {
  if (typeof plan === 'number') return undefined;
  const names = Object.keys(plan);
  const isBounded = names.length <= MOST_PLANNED && names.every((name) => name.length <= DEFAULT_LIMITS.name + MARK);
  return isBounded ? undefined : `expected a plan of at most ${MOST_PLANNED} names, each of at most ${DEFAULT_LIMITS.name} characters`;
}

/**
 * The first attributes of a task or scope, with an attribute that marks the cut. In process a notification marks it, which
 * needs a sequence number; here all sequence numbers are the sender's.
 */
export function markedAttributes(attributes: Attributes): Attributes {
  return plainAttributes(boundedAttributes(attributes, DEFAULT_LIMITS.attributes));
}

/** The first attributes of a notification, and the mark of a cut, which its message gets. */
export function noticeAttributes(attributes: Attributes): { kept: Attributes; mark: string } {
  const { attributes: most } = DEFAULT_LIMITS;
  return { kept: plainAttributes(firstAttributes(attributes, most)), mark: attributesCut(attributes, most) };
}

/** The text of a received value: as it is, or as JSON. */
export function textOfValue(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? jsonUpTo(value, DEFAULT_LIMITS.message) : String(value);
}

/** The attributes with the values that the same attributes would have in process. An empty value, which none has there, stays. */
function plainAttributes(attributes: Attributes): Attributes {
  const kept: Attributes = {};
  for (const [key, given] of Object.entries(attributes) as [string, AttributeValue | null | undefined][]) {
    const value = given === null ? null : (plainValue(given, RECEIVED) ?? otherValue(given, RECEIVED).value);
    if (value !== undefined) setAttribute(kept, boundedName(key), value as AttributeValue);
  }
  return kept;
}

function boundedText(text: string, most: number): string {
  const cut = cutText(text, most);
  return cut.isWellFormed() ? cut : cut.toWellFormed();
}

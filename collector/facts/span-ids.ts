import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import type { SpanRef } from '../../src/fact.ts';
import { isTaskUuid } from '../../src/task-uuid.ts';

/** Stands for an id that is missing, of a wrong length or all zeros. */
export const NO_ID = '';

/** The reason why a span or log record without its ids is rejected. */
export const EXPECTED_IDS = 'expected a trace id of 16 bytes and a span id of 8, not all zeros';

/** An id of so many hex digits, in lower case; {@link NO_ID} for anything else. */
export function hexId(text: unknown, digits: 16 | 32): string {
  if (typeof text !== 'string' || text.length !== digits) return NO_ID;
  let isZero = true;
  let isLower = true;
  // By hand: a regular expression takes longer, and each span has some.
  for (let at = 0; at < digits; at++) {
    const code = text.charCodeAt(at);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isDigit && !isBetweenAAndF(code | 0x20)) return NO_ID;
    isZero &&= code === 0x30;
    isLower &&= isDigit || (code & 0x20) !== 0;
  }
  if (isZero) return NO_ID;
  return isLower ? text : text.toLowerCase();
}

function isBetweenAAndF(code: number): boolean {
  return code >= 0x61 && code <= 0x66;
}

/** A span id that stands in an attribute, in lower case; `undefined` for anything else. */
export function spanIdIn(value: unknown): string | undefined {
  const id = hexId(value, 16);
  return id === NO_ID ? undefined : id;
}

/** Which span of which task a span is, by its attributes; `undefined` for one that is neither a task, a scope nor an announcement. */
export function spanRefOf(attributes: Attributes, traceId: string, spanId: string): SpanRef | undefined {
  const kind = attributes[conventions.SPAN_KIND];
  if (!conventions.isSpanKind(kind)) return undefined;
  const taskUuid = uuidOf(attributes[conventions.TASK_UUID]);
  if (taskUuid === undefined) return undefined;
  const taskSpanId = kind === 'task' ? spanId : kind === 'scope' ? taskSpanIdOf(attributes[conventions.TASK_SPAN]) : '';
  return taskSpanId === undefined ? undefined : { taskUuid, traceId, spanId, taskSpanId };
}

let latestUuid: string | undefined;

/** The UUID of a task in lower case, as tasks are asked for; `undefined` for anything else. Most spans are of the same task as the one before. */
export function uuidOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value === latestUuid) return value;
  if (!isTaskUuid(value)) return undefined;
  latestUuid = value.toLowerCase();
  return latestUuid;
}

let latestTaskSpanId: string | undefined;

/** The id of a task span in lower case, as a span's own id is; `undefined` for anything else. Most are the same as the one before. */
export function taskSpanIdOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value === latestTaskSpanId) return value;
  const id = spanIdIn(value);
  if (id !== undefined) latestTaskSpanId = id;
  return id;
}

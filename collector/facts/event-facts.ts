import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import type { AttributesFact, ExceptionFact, NotificationFact, Plan, PlanFact, ProgressFact, ResultFact, SpanRef, UnknownFact } from '../../src/fact.ts';
import { hasUserAttributes, isOrdinal, textOf, userAttributes } from './attributes.ts';
import { unexpected } from './unexpected.ts';

/** A span event, or the log record of one. */
export interface ToldEvent {
  readonly name: string;
  readonly attributes: Attributes;
  /** Microseconds since the epoch. */
  readonly time: number;
}

export type EventFact = NotificationFact | ProgressFact | PlanFact | ExceptionFact | ResultFact | AttributesFact | UnknownFact;

const EVENT_NAMES: readonly string[] = [
  conventions.NOTIFICATION_EVENT,
  conventions.PROGRESS_EVENT,
  conventions.PLAN_EVENT,
  conventions.RESULT_EVENT,
  conventions.ATTRIBUTES_EVENT,
  conventions.EXCEPTION_EVENT,
];

/** Whether an event of this name is a fact of this version of the contract. */
export function isEventName(name: string): boolean {
  return EVENT_NAMES.includes(name);
}

/** The fact that an event tells, or why it can't be meant; `undefined` for one of other names. */
export function eventFactOf(ref: SpanRef, { name, attributes, time }: ToldEvent): EventFact | string | undefined {
  const seq = attributes[conventions.SEQ];
  if (!isOrdinal(seq)) return isEventName(name) ? unexpected(attributes, conventions.SEQ, 'a whole number from 1') : undefined;
  switch (name) {
    case conventions.NOTIFICATION_EVENT: {
      const message = attributes[conventions.MESSAGE] ?? '';
      if (typeof message !== 'string') return unexpected(attributes, conventions.MESSAGE, 'a string');
      if (!hasUserAttributes(attributes)) return { kind: 'notification', span: ref, seq, time, message };
      return { kind: 'notification', span: ref, seq, time, message, attributes: userAttributes(attributes) };
    }
    case conventions.PROGRESS_EVENT: {
      const done = attributes[conventions.DONE];
      const total = attributes[conventions.TOTAL];
      if (!isAmount(done)) return unexpected(attributes, conventions.DONE, 'a number from 0');
      if (!(total === undefined || isAmount(total))) return unexpected(attributes, conventions.TOTAL, 'a number from 0');
      return total === undefined ? { kind: 'progress', span: ref, seq, time, done } : { kind: 'progress', span: ref, seq, time, done, total };
    }
    case conventions.PLAN_EVENT: {
      const plan = planOf(parsed(textOf(attributes, conventions.PLAN)));
      if (plan === undefined) return unexpected(attributes, conventions.PLAN, 'JSON of a whole number from 1, or of weights above 0 by name');
      return { kind: 'plan', span: ref, seq, time, plan };
    }
    case conventions.RESULT_EVENT: {
      const result = textOf(attributes, conventions.RESULT);
      // It stands in the record as it is: what is no JSON would break it.
      if (parsed(result) === undefined) return unexpected(attributes, conventions.RESULT, 'JSON');
      return { kind: 'result', span: ref, seq, time, result };
    }
    case conventions.ATTRIBUTES_EVENT:
      return { kind: 'attributes', span: ref, seq, time, attributes: userAttributes(attributes) };
    case conventions.EXCEPTION_EVENT: {
      const type = textOf(attributes, conventions.EXCEPTION_TYPE);
      return { kind: 'exception', span: ref, seq, time, type, message: textOf(attributes, conventions.EXCEPTION_MESSAGE) };
    }
    default:
      return name.startsWith(conventions.RESERVED_PREFIX) ? { kind: 'unknown', span: ref, seq, time, name } : undefined;
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function planOf(value: unknown): Plan | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 1 ? value : undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const weights = Object.entries(value);
  const isWeight = ([, weight]: [string, unknown]): boolean => isAmount(weight) && weight > 0;
  return weights.length > 0 && weights.every(isWeight) ? (value as Record<string, number>) : undefined;
}

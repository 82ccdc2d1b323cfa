import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import type { ExceptionFact, NotificationFact, Plan, PlanFact, ProgressFact, ResultFact, SpanRef } from '../../src/fact.ts';
import { hasUserAttributes, textOf, userAttributes } from './attributes.ts';

/** A span event, or the log record of one. */
export interface ToldEvent {
  readonly name: string;
  readonly attributes: Attributes;
  /** Microseconds since the epoch. */
  readonly time: number;
}

export type EventFact = NotificationFact | ProgressFact | PlanFact | ExceptionFact | ResultFact;

/** The fact that an event tells; `undefined` for one of other names, without a number or with contents that can't be meant. */
export function eventFactOf(ref: SpanRef, { name, attributes, time }: ToldEvent): EventFact | undefined {
  const seq = attributes[conventions.SEQ];
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  switch (name) {
    case conventions.NOTIFICATION_EVENT: {
      const message = textOf(attributes, conventions.MESSAGE);
      if (!hasUserAttributes(attributes)) return { kind: 'notification', span: ref, seq, time, message };
      return { kind: 'notification', span: ref, seq, time, message, attributes: userAttributes(attributes) };
    }
    case conventions.PROGRESS_EVENT: {
      const done = attributes[conventions.DONE];
      const total = attributes[conventions.TOTAL];
      if (!isAmount(done) || !(total === undefined || isAmount(total))) return undefined;
      return total === undefined ? { kind: 'progress', span: ref, seq, time, done } : { kind: 'progress', span: ref, seq, time, done, total };
    }
    case conventions.PLAN_EVENT: {
      const plan = planOf(parsed(textOf(attributes, conventions.PLAN)));
      return plan === undefined ? undefined : { kind: 'plan', span: ref, seq, time, plan };
    }
    case conventions.RESULT_EVENT: {
      const result = textOf(attributes, conventions.RESULT);
      // It stands in the record as it is: what is no JSON would break it.
      return parsed(result) === undefined ? undefined : { kind: 'result', span: ref, seq, time, result };
    }
    case conventions.EXCEPTION_EVENT: {
      const type = textOf(attributes, conventions.EXCEPTION_TYPE);
      return { kind: 'exception', span: ref, seq, time, type, message: textOf(attributes, conventions.EXCEPTION_MESSAGE) };
    }
    default:
      return undefined;
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

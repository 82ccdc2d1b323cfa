import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { countOf, textOf } from '../../facts/attributes.ts';
import { NO_ID } from '../../facts/ids.ts';
import { factOf } from '../../facts/log-record-facts.ts';
import type { LogRecord } from '../../facts/log-record-facts.ts';
import type { Received } from './received.ts';
import { boundedInterval, boundedName, takeFact } from './take-fact.ts';

const MOST_BEATS = 1000;

/** Whether a log record of this event name can tell a fact or a beat. */
export function isToldByLog(eventName: string): boolean {
  return eventName === conventions.EXCEPTION_EVENT || eventName.startsWith(conventions.RESERVED_PREFIX);
}

/** Takes the fact or the beat of a log record. One of others is ignored. */
export function takeLogRecord(record: LogRecord, resource: () => Attributes, into: Received): void {
  const { eventName, spanId, attributes } = record;
  if (eventName === conventions.BEAT_EVENT) {
    takeBeat(record, resource(), into);
    return;
  }
  if (!isToldByLog(eventName) || attributes[conventions.TASK_UUID] === undefined) return;
  const fact = factOf(record);
  if (fact === undefined) return;
  const refusal = typeof fact === 'string' ? fact : takeFact(fact, into.facts);
  if (refusal !== undefined) into.reject(`${eventName}${spanId === NO_ID ? '' : ` of span ${spanId}`}: ${refusal}`);
}

function takeBeat({ attributes, time }: LogRecord, resource: Attributes, into: Received): void {
  const workerId = boundedName(textOf(attributes, conventions.WORKER_ID));
  const intervalMs = boundedInterval(countOf(attributes, conventions.WORKER_INTERVAL_MS));
  if (workerId === '' || intervalMs === 0 || !Number.isSafeInteger(time) || time <= 0) {
    into.reject(`${conventions.BEAT_EVENT}: expected a time, ${conventions.WORKER_ID} and ${conventions.WORKER_INTERVAL_MS}`);
    return;
  }
  if (into.beats.size >= MOST_BEATS && !into.beats.has(workerId)) {
    into.reject(`${conventions.BEAT_EVENT}: expected those of at most ${MOST_BEATS} workers in a request`);
    return;
  }
  const told = { ...resource, ...attributes };
  const busyMs = attributes[conventions.WORKER_BUSY_MS] === undefined ? undefined : countOf(attributes, conventions.WORKER_BUSY_MS);
  into.beat({ workerId, host: boundedName(textOf(told, HOST)), pid: countOf(told, PID), intervalMs, time, busyMs });
}

const HOST = 'host.name';
const PID = 'process.pid';

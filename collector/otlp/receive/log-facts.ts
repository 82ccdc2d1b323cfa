import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { countOf, textOf } from '../../facts/attributes.ts';
import { boundedInterval, boundedName } from '../../facts/bounds.ts';
import { boundedFact } from '../../facts/fact-codec.ts';
import { factOf } from '../../facts/log-record.ts';
import type { LogRecord } from '../../facts/log-record.ts';
import { NO_ID } from '../../facts/span-ids.ts';
import { NO_FACTS } from './received.ts';
import type { ItemFacts } from './received.ts';

/** Whether a log record of this event name can be a fact or a heartbeat. */
export function isFactEvent(eventName: string): boolean {
  return eventName === conventions.EXCEPTION_EVENT || eventName.startsWith(conventions.RESERVED_PREFIX);
}

/** Gives the fact or the heartbeat of a log record; nothing for a log record of other software. */
export function logRecordFacts(record: LogRecord, resource: () => Attributes): ItemFacts {
  const { eventName, spanId, attributes } = record;
  if (eventName === conventions.BEAT_EVENT) return heartbeatOf(record, resource());
  if (!isFactEvent(eventName) || attributes[conventions.TASK_UUID] === undefined) return NO_FACTS;
  const fact = factOf(record);
  if (fact === undefined) return NO_FACTS;
  const bounded = typeof fact === 'string' ? fact : boundedFact(fact);
  if (typeof bounded !== 'string') return { facts: [bounded] };
  return { rejected: `${eventName}${spanId === NO_ID ? '' : ` of span ${spanId}`}: ${bounded}` };
}

function heartbeatOf({ attributes, time }: LogRecord, resource: Attributes): ItemFacts {
  const workerId = boundedName(textOf(attributes, conventions.WORKER_ID));
  const intervalMs = boundedInterval(countOf(attributes, conventions.WORKER_INTERVAL_MS));
  if (workerId === '' || intervalMs === 0 || !Number.isSafeInteger(time) || time <= 0) {
    return { rejected: `${conventions.BEAT_EVENT}: expected a time, ${conventions.WORKER_ID} and ${conventions.WORKER_INTERVAL_MS}` };
  }
  const all = { ...resource, ...attributes };
  const busyMs = attributes[conventions.WORKER_BUSY_MS] === undefined ? undefined : countOf(attributes, conventions.WORKER_BUSY_MS);
  return { heartbeat: { workerId, host: boundedName(textOf(all, HOST)), pid: countOf(all, PID), intervalMs, time, busyMs } };
}

const HOST = 'host.name';
const PID = 'process.pid';

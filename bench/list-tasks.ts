import type { Attributes } from '@opentelemetry/api';
import type { Fact } from '../collector/index.ts';

/** A task of the list benchmark, of which most things follow from its number. */
const NAMES = ['Import customers', 'Export orders', 'Send newsletter', 'Rebuild search index', 'Nightly cleanup'];
const FIRMS = ['ACME', 'Globex', 'Initech', 'Umbrella', 'Hooli', 'Stark'];
const ERRORS = ['connect ECONNREFUSED 10.0.0.7:5432', 'quota exceeded for tenant', 'timeout after 30 s', 'invalid row 17'];
/** Microseconds from one task to the next: a million of them are a month. */
const APART = 2_592_000;
const BEGINNING = 1_790_000_000_000_000;

/** The time at which a task of the list was created, in microseconds. */
export function timeOf(number: number): number {
  return BEGINNING + number * APART;
}

export function uuidOf(number: number): string {
  const ms = Math.floor(timeOf(number) / 1000).toString(16).padStart(12, '0');
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-${hash(number).toString(16).padStart(12, '0')}`;
}

/** A number without order, from 0 to 2^32. */
export function hash(number: number): number {
  let mixed = Math.imul(number ^ (number >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** The five digits at the end of the name of every third task or so. */
export function customerOf(number: number): string {
  return String(hash(number) % 20_000).padStart(5, '0');
}

/** The facts of a task: five of six have ended, most of them well. One in 80 has the oldest tenant, all among the first half. */
export function factsOf(number: number, count: number): Fact[] {
  const mixed = hash(number);
  const time = timeOf(number);
  const spanId = (number + 1).toString(16).padStart(16, '0');
  const span = { taskUuid: uuidOf(number), traceId: spanId.padStart(32, '1'), spanId, taskSpanId: spanId };
  const name = mixed % 3 === 0 ? `${NAMES[mixed % 5]} of ${FIRMS[(mixed >>> 3) % 6]}-${customerOf(number)}` : NAMES[mixed % 5]!;
  const isOld = number < count / 2 && mixed % 40 === 0;
  const attributes: Attributes = {
    tenant: isOld ? 't999' : mixed % 10 < 3 ? 't0' : `t${1 + (mixed % 900)}`,
    queue: ['mail', 'billing', 'import', 'export', 'search', 'low', 'high', 'night'][(mixed >>> 4) % 8]!,
    region: ['eu', 'us', 'ap'][(mixed >>> 7) % 3]!,
    user: `u${(mixed >>> 2) % 50_000}`,
    order_id: number,
  };
  const facts: Fact[] = [
    { kind: 'task-start', span, seq: 0, time, name, attempt: 1, attributes, workerId: '', workerIntervalMs: 0, sampled: true, serviceName: `service-${mixed % 20}` },
  ];
  const fate = mixed % 200;
  if (fate === 0 && number > count - 20_000) return facts;
  const outcome = fate < 4 ? 'failed' : fate < 6 ? 'cancelled' : 'completed';
  const error = outcome === 'failed' ? { name: 'ImportError', message: ERRORS[mixed % 4]! } : undefined;
  const duration = (mixed % 1000 === 7 ? 3_600_000 : mixed % 20_000) * 1000;
  facts.push({
    kind: 'task-end', span, seq: 1, time: time + duration, outcome, duration, name, exception: error?.message ?? '',
    ...(error !== undefined && { error }), jobs: { total: 0, finished: 0, failed: 0 },
  });
  return facts;
}

import * as fc from 'fast-check';
import type { Attributes } from '@opentelemetry/api';
import type { ErrorCause, Fact, SpanRef } from '../../../src/fact.ts';
import type { TaskFilter } from '../../../src/task-filter.ts';
import { isoTime, TASK_STATES } from '../../../src/task-record.ts';
import type { TaskState } from '../../../src/task-record.ts';

/** A task as plain data, and what a filter means for it, written down once more: slowly, and without any index. */
export interface PlainTask {
  readonly uuid: string;
  readonly name: string;
  readonly service: string | null;
  readonly parent: string | null;
  /** Whether it was announced, and stays queued. */
  readonly isQueued: boolean;
  readonly created: number;
  readonly start: number;
  readonly end: number | null;
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly error: { readonly name: string; readonly message: string; readonly causes: readonly ErrorCause[] } | null;
  readonly attributes: Attributes;
  /** Whether its worker fell silent, in so far as it has not ended. */
  readonly isSilent: boolean;
}

export const SILENT_WORKER = '0190b1c4-7e5f-4000-8000-000000000001';
const MINUTE = 60_000_000;
/** The time at which the first of them can have been created, and when the silent worker was heard last. */
const BEGINNING = 1_790_000_000_000_000;
export const HEARD: number = BEGINNING + 900 * MINUTE;

const NAMES = ['Import customers', 'IMPORT Orders', 'Größe prüfen', 'Gro\u0308ße messen', 'Nightly-cleanup 7', 'Export', '输出 订单', 'a*b'];
const SERVICES = ['billing', 'Billing-EU', 'mail'];
const PARENTS = ['00000000-0000-4000-9000-000000000001', '00000000-0000-4000-9000-000000000002'];
const ERRORS = [
  { name: 'TimeoutError', message: 'no answer within 30 s', causes: [] },
  { name: 'Error', message: 'fetch failed', causes: [{ name: 'Error', message: 'connect ECONNREFUSED 10.0.0.7:5432' }] },
  { name: 'RangeError', message: '', causes: [] },
];
const VALUES = ['acme', 'Acme', 5, '5', 7.5, true, '', ['acme', 'globex'], [5, 6], 'x'.repeat(70), `${'x'.repeat(70)}y`];
const KEYS = ['tenant', 'order.id', '__proto__', 'k=v'];

const minutes = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most * 60 }).map((seconds) => seconds * 1_000_000 + 123_456);

/** So many random tasks, the same each time. */
export function plainTasks(count: number): PlainTask[] {
  return fc.sample(ANY_TASK, { numRuns: count, seed: 1 }).map((task, at) => ({ ...task, uuid: `${task.uuid}-0000-4000-8000-${String(at + 1).padStart(12, '0')}` }));
}

/** A task of which the UUID is only begun. */
const ANY_TASK: fc.Arbitrary<PlainTask> = fc
  .record({
    digits: fc.constantFrom('0000', '1234', 'abcd', 'beef'),
    name: fc.constantFrom(...NAMES),
    service: fc.option(fc.constantFrom(...SERVICES)),
    parent: fc.option(fc.constantFrom(...PARENTS), { freq: 2 }),
    isQueued: fc.integer({ min: 0, max: 19 }).map((at) => at === 0),
    created: minutes(600),
    waits: minutes(30),
    takes: fc.option(fc.oneof(minutes(1), minutes(120)), { freq: 6 }),
    outcome: fc.constantFrom('completed', 'completed', 'failed', 'cancelled'),
    error: fc.constantFrom(...ERRORS),
    attributes: fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES), { maxKeys: 3 }),
    isSilent: fc.integer({ min: 0, max: 3 }).map((at) => at === 0),
  })
  .map(({ digits, waits, takes, error, created, outcome, ...task }) => {
    const start = BEGINNING + created + waits;
    return {
      ...task,
      uuid: digits + digits,
      created: BEGINNING + created,
      start,
      end: takes === null ? null : start + takes,
      outcome,
      error: outcome === 'failed' ? error : null,
    };
  });

/** The facts of a task. It says its attributes as soon as it runs. */
export function factsOf(task: PlainTask): Fact[] {
  const digits = task.uuid.replaceAll('-', '');
  const span: SpanRef = { taskUuid: task.uuid, traceId: digits, spanId: digits.slice(-16), taskSpanId: digits.slice(-16) };
  const { name, attributes, error, start, end, outcome, service, parent } = task;
  const serviceName = service === null ? {} : { serviceName: service };
  const facts: Fact[] = [{ kind: 'task-announced', span: { ...span, spanId: '00000000000000aa', taskSpanId: '' }, seq: 0, time: task.created, name, attributes: task.isQueued ? attributes : {}, ...serviceName }];
  if (task.isQueued) return facts;
  facts.push({
    kind: 'task-start', span, seq: 0, time: start, name, attempt: 1, attributes: {}, ...serviceName, sampled: true,
    ...(task.isSilent && end === null ? { workerId: SILENT_WORKER, workerIntervalMs: 5000 } : { workerId: '', workerIntervalMs: 0 }),
    ...(parent !== null && { parentTaskUuid: parent }),
  });
  facts.push({ kind: 'attributes', span, seq: 1, time: start, attributes });
  if (end === null) return facts;
  const exception = error === null ? '' : error.message || error.name;
  facts.push({ kind: 'task-end', span, seq: 2, time: end, outcome, duration: end - start, name, exception, ...(error !== null && { error }), jobs: { total: 0, finished: 0, failed: 0 } });
  return facts;
}

export function stateOf({ isQueued, end, outcome, isSilent }: PlainTask): TaskState {
  if (isQueued) return 'queued';
  return end !== null ? outcome : isSilent ? 'lost' : 'running';
}

/** Random filters of one to three parts that have to do with such tasks. */
export const anyFilter: fc.Arbitrary<TaskFilter> = (() => {
  const some = <T>(...values: T[]): fc.Arbitrary<T[]> => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
  const time = minutes(700).map((at) => isoTime(BEGINNING + at - 123_456));
  const words = some('import', 'IMP', 'grö', 'messen', 'clean 7', '订', 'zzz', 'timeout', 'econn', '10 fetch', 'beefbeef', '1234', 'abcdabcd-0000-4', 'or');
  const parts: fc.Arbitrary<TaskFilter>[] = [
    some(...TASK_STATES).map((states) => ({ states })),
    some('import customers', 'Import*', 'größe*', 'GRÖSSE*', 'export', 'a*b', 'a*', 'none', '输出*').map((names) => ({ names })),
    some('beef*', '1234*', 'abcdabcd-0000-4000-8000-000000000007', 'ffff*').map((uuids) => ({ uuids })),
    some('timeout', 'range', 'fetch econnref', '5432', 'zzz', 'no answer 30').map((errors) => ({ errors })),
    words.map((texts) => ({ texts })),
    some(...KEYS, 'none').chain((keys) =>
      fc.tuple(...keys.map((key) => some('acme', '5', 'true', '7.5', 'globex', 'x'.repeat(70), 'none').map((values) => ({ key, values })))).map((attributes) => ({ attributes })),
    ),
    some(...PARENTS, '00000000-0000-4000-9000-000000000009').map((parents) => ({ parents })),
    some('BILLING', 'bill*', 'mail', 'none').map((services) => ({ services })),
    time.map((startedAfter) => ({ startedAfter })),
    time.map((startedBefore) => ({ startedBefore })),
    fc.tuple(time, time).map(([endedAfter, endedBefore]) => ({ endedAfter, endedBefore })),
    time.map((queuedAfter) => ({ queuedAfter })),
    time.map((queuedBefore) => ({ queuedBefore })),
    fc.constantFrom(0, 30_000, 1_800_000, 5_400_000, 10 ** 13).map((longerThanMs) => ({ longerThanMs })),
  ];
  return fc.uniqueArray(fc.nat(parts.length - 1), { minLength: 1, maxLength: 3 }).chain((which) => fc.tuple(...which.map((at) => parts[at]!))).map((chosen) => Object.assign({}, ...chosen) as TaskFilter);
})();

/** Whether a task fits a filter. */
export function fits(task: PlainTask, filter: TaskFilter): boolean {
  const { uuid, name, service, parent, isQueued, created, start, end, attributes } = task;
  const state = stateOf(task);
  const same = (text: string): string => text.normalize('NFC').toLowerCase();
  const wordsIn = (...texts: string[]): string[] => texts.flatMap((text) => same(text).split(/[^\p{L}\p{N}]+/u)).filter((word) => word !== '');
  const isName = (given: string, wanted: string): boolean => (wanted.endsWith('*') ? same(given).startsWith(same(wanted.slice(0, -1))) : same(given) === same(wanted));
  const isUuid = (wanted: string): boolean => (wanted.endsWith('*') ? uuid.startsWith(wanted.slice(0, -1)) : uuid === wanted);
  // What it has failed with is known once it has.
  const error = task.error === null || state !== 'failed' ? [] : [task.error.name, task.error.message, ...task.error.causes.flatMap((cause) => [cause.name, cause.message])];
  const has = (words: string[], asked: string): boolean => wordsIn(asked).every((each) => words.some((word) => word.startsWith(each)));
  const isText = (asked: string): boolean =>
    asked.split(' ').every((piece) => has(wordsIn(name, ...error), piece) || (/^[0-9a-f]{4,8}$/.test(piece) && uuid.startsWith(piece)) || (piece.length > 8 && piece.includes('-') && uuid.startsWith(piece)));
  const isIn = (time: number | null, after?: string, before?: string): boolean =>
    (after === undefined && before === undefined) || (time !== null && (after === undefined || isoTime(time) >= after) && (before === undefined || isoTime(time) < before));
  const begun = isQueued ? null : start;
  const until = isQueued ? null : end ?? (state === 'lost' ? HEARD : Date.now() * 1000);
  const texts = (value: unknown): string[] => [value].flat().map(String);
  return (
    (filter.states?.includes(state) ?? true) &&
    (filter.names?.some((wanted) => isName(name, wanted)) ?? true) &&
    (filter.uuids?.some(isUuid) ?? true) &&
    (filter.errors?.some((asked) => has(wordsIn(...error), asked)) ?? true) &&
    (filter.texts?.some(isText) ?? true) &&
    (filter.attributes?.every(({ key, values }) => Object.hasOwn(attributes, key) && texts(attributes[key]).some((text) => values.includes(text))) ?? true) &&
    (filter.parents?.some((wanted) => !isQueued && parent === wanted) ?? true) &&
    (filter.services?.some((wanted) => service !== null && isName(service, wanted)) ?? true) &&
    isIn(begun, filter.startedAfter, filter.startedBefore) &&
    isIn(isQueued ? null : end, filter.endedAfter, filter.endedBefore) &&
    isIn(created, filter.queuedAfter, filter.queuedBefore) &&
    (filter.longerThanMs === undefined || (until !== null && until - start > filter.longerThanMs * 1000))
  );
}

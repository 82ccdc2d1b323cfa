import { expect, it } from 'vitest';
import { logRecordOf } from '../../../../collector/facts/log-record.ts';
import type { LogRecord } from '../../../../collector/facts/log-record.ts';
import { createTasksApp, memoryStore } from '../../../../collector/index.ts';
import { logRecordFacts } from '../../../../collector/otlp/receive/facts-of-items.ts';
import { Received } from '../../../../collector/otlp/receive/otlp-items.ts';
import { ScriptedTask } from '../../record/scripted-task.ts';

const task = new ScriptedTask();
const attempt = task.attempt();
attempt.notify('said');
attempt.complete();
const [start, notification, end] = task.facts.map(logRecordOf) as [LogRecord, LogRecord, LogRecord];
const { spanId } = start;

function take(...records: LogRecord[]): Received {
  const into = new Received();
  for (const record of records) into.add(logRecordFacts(record, () => ({})));
  return into;
}

function changed(record: LogRecord, attributes: Record<string, unknown>): LogRecord {
  return { ...record, attributes: { ...record.attributes, ...attributes } as LogRecord['attributes'] };
}

it.each([
  [start, { 'taskspan.task.uuid': '00000000-0000-0000-0000-000000000000' }, 'expected taskspan.task.uuid to be a UUID, got "00000000-0000-0000-0000-000000000000"'],
  [start, { 'taskspan.task.uuid': 'x'.repeat(1000) }, `expected taskspan.task.uuid to be a UUID, got "${'x'.repeat(200)}…"`],
  [start, { 'taskspan.task.span': 'parent' }, 'expected taskspan.task.span to be a span id of 16 hex digits, got "parent"'],
  [start, { 'taskspan.task.span': undefined }, 'expected taskspan.task.span to be a span id of 16 hex digits, got none'],
  [start, { 'taskspan.task.span': 'eee19b7ec3c1b175' }, `expected taskspan.task.span to be the task span's own id, got "eee19b7ec3c1b175"`],
  [start, { 'taskspan.span': 'scope' }, `expected taskspan.task.span to be the id of another span, since this one is a scope, got "${spanId}"`],
  [start, { 'taskspan.span': undefined }, 'expected taskspan.span to be one of task, scope, announcement, got none'],
  ...[0, -1, 1.5, '2', true].map((bad) => [start, { 'taskspan.task.attempt': bad }, `expected taskspan.task.attempt to be a whole number from 1, got ${JSON.stringify(bad)}`]),
  ...[0, -1, 1.5, '2'].map((bad) => [end, { 'taskspan.facts': bad }, `expected taskspan.facts to be a whole number from 1, got ${JSON.stringify(bad)}`]),
  [end, { 'taskspan.facts': undefined }, 'expected taskspan.facts to be a whole number from 1, got none'],
  ...['', 'lost', 7].map((bad) => [end, { 'taskspan.outcome': bad }, `expected taskspan.outcome to be an outcome such as completed, failed, cancelled, timed_out, skipped, got ${JSON.stringify(bad)}`]),
  [notification, { 'taskspan.message': 42 }, 'expected taskspan.message to be a string, got 42'],
  [notification, { 'taskspan.seq': '1' }, 'expected taskspan.seq to be a whole number from 1, got "1"'],
  [notification, { 'taskspan.seq': undefined }, 'expected taskspan.seq to be a whole number from 1, got none'],
  [notification, { 'taskspan.span': 'announcement' }, 'expected no more of an announcement than its start and end'],
  [{ ...notification, eventName: 'taskspan.progress' }, { 'taskspan.done': -1 }, 'expected taskspan.done to be a number from 0, got -1'],
  [{ ...notification, eventName: 'taskspan.progress' }, { 'taskspan.done': 1, 'taskspan.total': 'many' }, 'expected taskspan.total to be a number from 0, got "many"'],
  [{ ...notification, eventName: 'taskspan.plan' }, { 'taskspan.plan': '[3]' }, 'expected taskspan.plan to be JSON of a whole number from 1, or of weights above 0 by name, got "[3]"'],
  [{ ...notification, eventName: 'taskspan.result' }, { 'taskspan.result': '{bad' }, 'expected taskspan.result to be JSON, got "{bad"'],
  [{ ...notification, time: NaN }, {}, 'expected a time in nanoseconds since 1970'],
] as [LogRecord, Record<string, unknown>, string][])('a log record is rejected with what was expected: %#', (record, attributes, reason) => {
  const { facts, rejected, message } = take(changed(record, attributes));
  expect([facts, rejected, message]).toEqual([[], 1, `${record.eventName} of span ${spanId}: ${reason}`]);
});

it.each([
  [{ 'taskspan.outcome': 'timed_out' }, 'timed_out'],
  [{ 'taskspan.outcome': 'skipped' }, 'skipped'],
  [{ 'taskspan.outcome': 'exploded' }, 'completed'],
  [{ 'taskspan.outcome': 'exploded', 'taskspan.error': 'Error' }, 'failed'],
  [{ 'taskspan.outcome': '__proto__' }, 'completed'],
])('an end with any outcome is taken, also one of a later contract: %j is %s', (attributes, outcome) => {
  expect(take(changed(end, attributes))).toMatchObject({ rejected: 0, facts: [{ outcome }] });
});

it('an event of a later contract counts as received, and changes nothing else', async () => {
  const unknown = { ...changed(notification, { 'taskspan.message': undefined }), eventName: 'taskspan.later' };
  const { facts, rejected } = take(start, unknown, end);
  expect(rejected).toBe(0);
  expect(facts).toMatchObject([{ kind: 'task-start' }, { kind: 'unknown', seq: 1, name: 'taskspan.later' }, { kind: 'task-end', seq: 2 }]);
  const store = memoryStore();
  await store.append(facts);
  expect((await store.log(facts[0]!.span.taskUuid))!.text).toBe('\tTask Finished\n');
});

it('an event of a later contract that is of no span is ignored', () => {
  const unknownTask = { ...changed(notification, { 'taskspan.task.span': undefined }), eventName: 'taskspan.later' };
  expect(take(unknownTask)).toMatchObject({ facts: [], rejected: 0 });
});

it('an announcement ends by an outcome that ends one, and by no other', () => {
  const ended = (outcome: unknown): Received => take(changed(end, { 'taskspan.span': 'announcement', 'taskspan.outcome': outcome }));
  for (const outcome of ['expired', 'cancelled', 'failed']) {
    expect(ended(outcome)).toMatchObject({ facts: [{ kind: 'announcement-end', outcome, span: { taskSpanId: '' } }], rejected: 0 });
  }
  for (const outcome of ['completed', 'later', 7, undefined]) expect(ended(outcome)).toMatchObject({ facts: [], rejected: 0 });
});

it('an end without an outcome has completed, a start without an attempt is the first, a notification without a message an empty line', () => {
  const { facts, rejected } = take(
    changed(start, { 'taskspan.task.attempt': undefined }),
    changed(notification, { 'taskspan.message': undefined }),
    changed(end, { 'taskspan.outcome': undefined }),
  );
  expect(rejected).toBe(0);
  expect(facts).toMatchObject([{ attempt: 1 }, { message: '' }, { outcome: 'completed', seq: 2 }]);
});

it('the id of the task span counts in upper case too', () => {
  const upper = task.facts.map(logRecordOf).map((record) => changed(record, { 'taskspan.task.span': spanId.toUpperCase() }));
  const { facts, rejected } = take(...upper);
  expect(rejected).toBe(0);
  expect(facts).toEqual(task.facts);
});

it('what a later contract may bring is ignored', () => {
  const later = changed({ ...start, eventName: 'taskspan.later' }, { 'taskspan.task.span': 7, 'taskspan.seq': 'x' });
  expect(take(later, changed({ ...later, traceId: '' }, {}))).toEqual(new Received());
  expect(take(changed(start, { 'taskspan.later': 1 })).facts).toEqual([task.facts[0]]);
});

it.each([
  ['as text', 'as text'],
  [42, '42'],
  [new Map([['sku', 'A1']]), '{"sku":"A1"}'],
  [['one', 2], '["one",2]'],
])('the body %j is the message of a notification and of an error without one', (body, message) => {
  const bare = changed(notification, { 'taskspan.message': undefined });
  const facts = [bare, { ...bare, eventName: 'exception' }, notification].map((record) => logRecordFacts(record, () => ({}), body).facts?.[0]);
  expect(facts).toMatchObject([{ kind: 'notification', message }, { kind: 'exception', message }, { kind: 'notification', message: 'said' }]);
});

it.each([
  [4_000_000, '1970-01-01T00:00:04.000Z'],
  [Date.UTC(2200) * 1000, '2200-01-01T00:00:00.000Z'],
])('a time that can not be right is kept, with a warning: %d', (time, shown) => {
  const { facts, rejected, message } = take({ ...notification, time });
  expect([facts.length, rejected, message]).toEqual([
    1, 0, `taskspan.notification of span ${spanId}: expected a time in nanoseconds since 1970 by a clock that is right, got ${shown}; it is kept`,
  ]);
});

it('an attempt beyond a million is rejected; a heartbeat interval beyond a minute counts as one, with a warning', () => {
  expect(take(changed(start, { 'taskspan.task.attempt': 1_000_001 }))).toMatchObject({
    facts: [], rejected: 1, message: `taskspan.start of span ${spanId}: expected an attempt of at most 1000000, got 1000001`,
  });
  expect(take(changed(start, { 'taskspan.task.attempt': 1_000_000 })).facts).toMatchObject([{ attempt: 1_000_000 }]);
  expect(take(changed(start, { 'taskspan.worker.interval_ms': 60_001 }))).toMatchObject({
    facts: [{ workerIntervalMs: 60_000 }], rejected: 0,
    message: `taskspan.start of span ${spanId}: expected taskspan.worker.interval_ms to be at most 60000, which it counts as, got 60001`,
  });
});

it.each([
  ['of several lines', '{\n  "rows": 12345678901234567890,\r\n  "names": ["a\\nb"]\n}', '{"rows":12345678901234567890,"names":["a\\nb"]}'],
  ['20,000 levels deep', '['.repeat(20_000) + ']'.repeat(20_000), `${'['.repeat(64)}"… (cut: deeper than 64 levels)"${']'.repeat(64)}`],
])('a result %s is one line in the record, by live facts and where it is stored directly', async (_, result, canonical) => {
  const { uuid, facts } = withResult(result);
  const taken = take(...facts.map(logRecordOf)).facts;
  for (const given of [taken, facts]) {
    const store = memoryStore();
    await store.append(given);
    const record = await (await createTasksApp({ store }).request(`/tasks/${uuid}`)).text();
    expect(record).toContain(`"result":${canonical},`);
    expect(record).not.toContain('\n');
    expect(await (await createTasksApp({ store }).request('/tasks')).json()).toMatchObject({ tasks: [{ task_uuid: uuid }] });
  }
});

function withResult(result: string): ScriptedTask {
  const scripted = new ScriptedTask();
  scripted.attempt().result(result);
  return scripted;
}

it('a task whose clock was set back while it ran does not end before it begins', async () => {
  const { facts } = take(start, { ...end, time: start.time - 5_000_000 });
  const store = memoryStore();
  await store.append(facts);
  const record = await store.task(facts[0]!.span.taskUuid);
  expect(record!.end).toBe(record!.start);
});

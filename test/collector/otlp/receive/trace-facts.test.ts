import type { Attributes } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { memoryStore } from '../../../../collector/index.ts';
import { spanFacts } from '../../../../collector/otlp/receive/facts-of-items.ts';
import { Received } from '../../../../collector/otlp/receive/otlp-items.ts';
import type { OtlpEvent, OtlpSpan } from '../../../../collector/otlp/receive/otlp-items.ts';
import type { Fact } from '../../../../src/fact.ts';
import { UUID } from '../../record/scripted-task.ts';

const TIME = 1_544_712_660_000_000;
const SPAN_ID = 'eee19b7ec3c1b174';

/** An ended task of one attempt with two facts beside its start. */
function task(attributes: Attributes = {}, ...events: OtlpEvent[]): OtlpSpan {
  const own = { 'taskspan.span': 'task', 'taskspan.task.uuid': UUID, 'taskspan.task.name': 'Import', 'taskspan.outcome': 'completed', 'taskspan.facts': 3 };
  return {
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: SPAN_ID,
    parentSpanId: '',
    name: 'Import',
    start: TIME,
    end: TIME + 1_000_000,
    attributes: { ...own, ...attributes },
    events,
    failed: false,
    message: '',
    scopeName: 'mine',
  };
}

function event(seq: unknown, name = 'notification', attributes: Record<string, unknown> = { 'taskspan.message': `line ${String(seq)}` }, time = TIME + 1000): OtlpEvent {
  return { name: name === 'exception' ? name : `taskspan.${name}`, time, attributes: { 'taskspan.seq': seq, ...attributes } as OtlpEvent['attributes'] };
}

function take(...spans: OtlpSpan[]): Received {
  const into = new Received();
  for (const span of spans) into.add(spanFacts(span, () => ({})));
  return into;
}

async function logOf(facts: readonly Fact[]): Promise<string> {
  const store = memoryStore();
  await store.append(facts);
  return (await store.log(UUID))!.text;
}

const LONG_PLAN = JSON.stringify(Object.fromEntries(Array.from({ length: 20_001 }, (_, at) => [`p${at}`, 1])));

it.each([
  [event(2, 'notification', {}, 0), 'expected a time in nanoseconds since 1970'],
  [event(2, 'notification', {}, NaN), 'expected a time in nanoseconds since 1970'],
  [event(2, 'notification', { 'taskspan.message': true }), 'expected taskspan.message to be a string, got true'],
  [event('2'), 'expected taskspan.seq to be a whole number from 1, got "2"'],
  [event(-2), 'expected taskspan.seq to be a whole number from 1, got -2'],
  [event(2, 'progress', { 'taskspan.done': -1 }), 'expected taskspan.done to be a number from 0, got -1'],
  [event(2, 'plan', { 'taskspan.plan': '{' }), 'expected taskspan.plan to be JSON of a whole number from 1, or of weights above 0 by name, got "{"'],
  [event(2, 'plan', { 'taskspan.plan': LONG_PLAN }), 'expected a plan of at most 20000 names, each of at most 256 characters'],
  [event(2, 'result', { 'taskspan.result': '{bad' }), 'expected taskspan.result to be JSON, got "{bad"'],
] as [OtlpEvent, string][])('an invalid event is left out of its span, with a warning and a mark in the log: %#', async (bad, reason) => {
  const { facts, rejected, message } = take(task({}, event(1), bad));
  expect([rejected, message]).toEqual([0, `span ${SPAN_ID}: its event ${bad.name} is left out: ${reason}`]);
  expect(await logOf(facts)).toBe('\tline 1\n\t1 update not received\n\tTask Finished\n');
});

it('an event without a number, and one of another name, is for the trace alone', () => {
  const noNumber = [event(undefined), event(undefined, 'progress', { 'taskspan.done': -1 }), event(undefined, 'exception', {})];
  const { facts, rejected, message } = take(task({ 'taskspan.facts': 1 }, ...noNumber, event('x', 'later')));
  expect([facts.map(({ kind }) => kind), rejected, message]).toEqual([['task-start', 'task-end'], 0, '']);
});

it.each([
  [{ 'taskspan.task.attempt': 0 }, 'expected taskspan.task.attempt to be a whole number from 1, got 0'],
  [{ 'taskspan.task.attempt': '2' }, 'expected taskspan.task.attempt to be a whole number from 1, got "2"'],
  [{ 'taskspan.task.uuid': 7 }, 'expected taskspan.task.uuid to be a UUID, got 7'],
  [{ 'taskspan.span': 'scope', 'taskspan.task.span': 'parent' }, 'expected taskspan.task.span to be a span id of 16 hex digits, got "parent"'],
  [
    { 'taskspan.span': 'scope', 'taskspan.task.span': SPAN_ID },
    `expected taskspan.task.span to be the id of another span, since this one is a scope, got "${SPAN_ID}"`,
  ],
])('of a span with %j nothing is taken, and the reason outranks a warning', (attributes, reason) => {
  const { facts, rejected, message } = take(task({}, event(-1)), task(attributes, event(1), event(2)));
  expect([facts.map(({ kind }) => kind), rejected, message]).toEqual([['task-start', 'task-end'], 1, `span ${SPAN_ID}: ${reason}`]);
});

it('a span whose end can have no number is rejected whole', () => {
  expect(take(task({ 'taskspan.facts': 0 }, event(1), event(Number.MAX_SAFE_INTEGER)))).toMatchObject({ facts: [], rejected: 1 });
});

it.each([undefined, 0])('the end of a span with taskspan.facts = %s follows its last event, and takes no line from the log', async (facts) => {
  const taken = take(task({ 'taskspan.facts': facts, 'taskspan.outcome': '' }, event(1), event(2)));
  expect([taken.rejected, taken.message]).toEqual([0, '']);
  expect(taken.facts.at(-1)).toMatchObject({ kind: 'task-end', seq: 3 });
  expect(await logOf(taken.facts)).toBe('\tline 1\n\tline 2\n\tTask Finished\n');
  expect(await logOf(taken.facts.toReversed())).toContain('\tline 1\n');
});

it.each([
  [{ 'taskspan.facts': -5 }, 'expected taskspan.facts to be a whole number from 3, got -5'],
  [{ 'taskspan.facts': -5, 'taskspan.outcome': undefined }, 'expected taskspan.facts to be a whole number from 3, got -5'],
  [{ 'taskspan.facts': 'many' }, 'expected taskspan.facts to be a whole number from 3, got "many"'],
  [{ 'taskspan.facts': 1 }, 'expected taskspan.facts to be a whole number from 3, got 1'],
  [{ 'taskspan.facts': 2 }, 'expected taskspan.facts to be a whole number from 3, got 2'],
  [{ 'taskspan.outcome': 7 }, 'expected taskspan.outcome to be an outcome such as completed, failed, cancelled, timed_out, skipped, got 7'],
])('an end with %j is taken as one that other software wrote, with a warning', (attributes, reason) => {
  const { facts, rejected, message } = take(task(attributes, event(1), event(2)));
  expect([rejected, message]).toEqual([0, `span ${SPAN_ID}: ${reason}`]);
  expect(facts.at(-1)).toMatchObject({ kind: 'task-end', seq: 3, outcome: 'completed' });
});

it('the id of the task span counts in upper case too', () => {
  const scope = task({ 'taskspan.span': 'scope', 'taskspan.task.span': SPAN_ID.toUpperCase() });
  const { facts } = take({ ...scope, spanId: 'eee19b7ec3c1b175' });
  expect(facts).toMatchObject([{ kind: 'scope-start', span: { taskSpanId: SPAN_ID } }, { kind: 'scope-end' }]);
});

it('an error without a time is left out of a span of another instrumentation, too', () => {
  const celery = { 'celery.action': 'run', 'messaging.message.id': UUID, 'celery.state': 'FAILURE' };
  const failed = { name: 'exception', time: NaN, attributes: { 'exception.type': 'E', 'exception.message': 'no rows' } };
  const span = { ...task(), attributes: celery, events: [failed], scopeName: 'opentelemetry.instrumentation.celery' };
  const { facts, rejected, message } = take(span);
  expect([facts.map(({ kind }) => kind), rejected]).toEqual([['task-start', 'task-end'], 0]);
  expect(message).toBe(`span ${SPAN_ID}: its event exception is left out: expected a time in nanoseconds since 1970`);
});

it('an end before the start is corrected, and reported', () => {
  const { facts, rejected, message } = take({ ...task(), end: TIME - 5_000_000 });
  expect(facts).toMatchObject([{ kind: 'task-start', time: TIME }, { kind: 'task-end', time: TIME, duration: 0 }]);
  expect([rejected, message]).toEqual([0, `span ${SPAN_ID}: its end is 5,000,000 µs before its start, and counts as at its start`]);
});

it('a span of a clock that begins in 1970 is kept, with a warning', () => {
  const { facts, rejected, message } = take({ ...task(), start: 1_000_000, end: 2_000_000 });
  expect(facts.map(({ time }) => time)).toEqual([1_000_000, 2_000_000]);
  expect([rejected, message]).toEqual([
    0, `span ${SPAN_ID}: expected a time in nanoseconds since 1970 by a clock that is right, got 1970-01-01T00:00:01.000Z; it is kept`,
  ]);
});

it('a task of which only scopes have come has the name and the attempt that they carry', async () => {
  const scope = (spanId: string, attempt: number): OtlpSpan => ({
    ...task({ 'taskspan.span': 'scope', 'taskspan.task.span': SPAN_ID, 'taskspan.task.attempt': attempt, 'taskspan.name': 'Read', 'taskspan.scope.parent': SPAN_ID }),
    spanId, name: 'Read',
  });
  const store = memoryStore();
  await store.append(take(scope('eee19b7ec3c1b175', 3), scope('eee19b7ec3c1b176', 3)).facts);
  expect(await store.task(UUID)).toMatchObject({ task_name: 'Import', attempt: 3, state: 'running' });
  await store.append(take(task({ 'taskspan.task.name': 'Import all', 'taskspan.task.attempt': 2 })).facts);
  expect(await store.task(UUID)).toMatchObject({ task_name: 'Import all', attempt: 2, state: 'completed' });
});

it('a task of which only the end has come has the name that it carries', async () => {
  const store = memoryStore();
  await store.append(take(task()).facts.slice(1));
  expect(await store.task(UUID)).toMatchObject({ task_name: 'Import', state: 'completed' });
});

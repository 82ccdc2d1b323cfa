import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { boundedFact } from '../../../../collector/facts/fact-codec.ts';
import type { Fact } from '../../../../src/fact.ts';
import { cutText, DEFAULT_LIMITS } from '../../../../src/text.ts';
import { arbitraryTask, cases } from '../../record/arbitrary-task.ts';
import { seedExample } from '../../record/seed-example.ts';

const { facts } = seedExample();
const [taskStart, scopeStart] = facts as [Fact & { kind: 'task-start' }, Fact & { kind: 'scope-start' }];
const span = taskStart.span;

function bounds(fact: Fact): Fact {
  const bounded = boundedFact(fact);
  if (typeof bounded === 'string') throw new Error(bounded);
  return bounded;
}

function message(text: string): Fact {
  return { kind: 'notification', span, seq: 1, time: 1, message: text };
}

it('what our own sources report stays as it is', () => {
  fc.assert(
    fc.property(arbitraryTask(), (task) => {
      for (const fact of task.facts) expect(bounds(fact)).toEqual(fact);
    }),
    cases(100),
  );
});

it('a text that was cut at its source is not cut again, and a longer one is', () => {
  const cut = cutText('x'.repeat(100_000), DEFAULT_LIMITS.message);
  expect(bounds(message(cut))).toEqual(message(cut));
  expect(bounds(message('x'.repeat(100_000)))).toEqual(message(cut));
  expect(bounds(message(cutText('x'.repeat(1e6), 100_000)))).toMatchObject({ message: expect.stringMatching(/^x{65536}… \(cut: [\d,]+ characters\)$/) });
});

it('names and attributes are bounded, and the first attributes by name count', () => {
  const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`${'k'.repeat(400)}${at}`, at]));
  const start = bounds({ ...taskStart, name: 'n'.repeat(1000), workerId: 'w'.repeat(1000), attributes });
  expect(start).toMatchObject({ name: expect.stringMatching(/^n{256}… /), workerId: expect.stringMatching(/^w{256}… /) });
  const many = bounds({ ...taskStart, attributes: Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, 'v'.repeat(20_000)])) });
  const received = many.kind === 'task-start' ? many.attributes : {};
  expect(Object.keys(received).toSorted()).toEqual([...Array.from({ length: 100 }, (_, at) => `k${at}`).toSorted().slice(0, 64), '…']);
  expect(received['…']).toBe('… (cut: 36 of 100 attributes)');
  expect(received['k0']).toMatch(/^v{16384}… \(cut: 20,000 characters\)$/);
});

/** Attributes in the order of their names. */
function some(length: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length }, (_, at) => [`k${100 + at}`, at]));
}

it('attributes that were cut at their source are not cut again, and count by name in any order', () => {
  const cut = { ...some(64), '…': '… (cut: 36 of 100 attributes)' };
  expect(bounds({ ...taskStart, attributes: cut })).toEqual({ ...taskStart, attributes: cut });
  expect(bounds({ ...taskStart, attributes: Object.fromEntries(Object.entries(some(100)).toReversed()) })).toEqual({ ...taskStart, attributes: cut });
});

it('a message with the marks of a cut text and of cut attributes is not cut again', () => {
  const marked = `${cutText('x'.repeat(1_234_567), DEFAULT_LIMITS.message)}… (cut: 36 of 100 attributes)`;
  expect(bounds({ ...message(marked), attributes: some(64) } as Fact)).toEqual({ ...message(marked), attributes: some(64) });
});

it.each([
  [[1, NaN], '[1,"NaN"]'],
  [[1, 'a'], '[1,"a"]'],
  [[2 ** 60, 1], '["1152921504606846976",1]'],
  [2 ** 60, '1152921504606846976'],
  [-Infinity, '-Infinity'],
  ['x'.repeat(16_400), `${'x'.repeat(16_384)}… (cut: 16,400 characters)`],
  [['a', null], ['a', null]],
])('a received value %# is kept as it is in process', (value, kept) => {
  expect(bounds({ ...taskStart, attributes: { value } as never })).toMatchObject({ attributes: { value: kept } });
});

it('a notification of too many attributes has a mark in its line, as in process; a set that is not too long stays', () => {
  expect(bounds({ ...message('said'), attributes: some(100) } as Fact)).toEqual({ ...message('said… (cut: 36 of 100 attributes)'), attributes: some(64) });
  const cutAtItsSource = { ...message('said… (cut: 36 of 100 attributes)'), attributes: some(64) } as Fact;
  expect(bounds(cutAtItsSource)).toEqual(cutAtItsSource);
  expect(bounds({ ...taskStart, attributes: some(64) })).toEqual({ ...taskStart, attributes: some(64) });
});

it('the name of a part\'s worker is bounded, as that of a task\'s is', () => {
  const part = { ...scopeStart, remote: true };
  expect(bounds({ ...part, workerId: 'w'.repeat(100_000) })).toMatchObject({ workerId: expect.stringMatching(/^w{256}… /) });
  expect(bounds({ ...part, workerId: 'w\ud800' })).toMatchObject({ workerId: 'w\ufffd' });
  expect(bounds({ ...part, workerId: 'w' })).toEqual({ ...part, workerId: 'w' });
});

it('half a surrogate pair is replaced, as nothing else can be stored', () => {
  expect(bounds(message('a\ud800b'))).toEqual(message('a\ufffdb'));
});

it('a heartbeat interval that is too short or too long is held to the bounds', () => {
  const interval = (workerIntervalMs: number): unknown => (bounds({ ...taskStart, workerIntervalMs }) as typeof taskStart).workerIntervalMs;
  expect([0, 1, 5000, 1e15].map(interval)).toEqual([0, 50, 5000, 60_000]);
});

it('a scope whose parent is an invalid span id hangs on the task span', () => {
  expect(bounds({ ...scopeStart, parentSpanId: 'x' })).toEqual({ ...scopeStart, parentSpanId: span.spanId });
  expect(bounds({ ...scopeStart, parentSpanId: span.spanId.toUpperCase() })).toEqual({ ...scopeStart, parentSpanId: span.spanId });
});

it.each([
  [{ ...taskStart, time: NaN }, /^expected a time in nanoseconds since 1970$/],
  [{ ...taskStart, time: -5 }, /^expected a time in nanoseconds since 1970$/],
  [{ ...taskStart, time: 2 ** 60 }, /^expected a time in nanoseconds since 1970$/],
  [{ ...taskStart, seq: 0.5 }, /^expected a sequence number/],
  [
    { kind: 'plan', span, seq: 1, time: 1, plan: Object.fromEntries(Array.from({ length: 20_001 }, (_, at) => [`p${at}`, 1])) },
    /^expected a plan of at most 20000 names, each of at most 256 characters$/,
  ],
] as [Fact, RegExp][])('is refused: %#', (fact, reason) => {
  expect(boundedFact(fact)).toMatch(reason);
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import { cases } from '../record/arbitrary-task.ts';
import { UUID } from '../record/scripted-task.ts';
import { expectedAfter, wholeOf } from './expected-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

const TIME = 1_700_000_000_000_000;

interface Ids {
  readonly trace: number;
  readonly span: number;
  /** The span of which it says that it is its task span. */
  readonly task: number;
}

const spanId = (number: number): string => number.toString(16).padStart(16, '0');

function fact({ trace, span, task }: Ids, seq: number, told: object): Fact {
  const ref = { taskUuid: UUID, traceId: trace.toString(16).padStart(32, '0'), spanId: spanId(span), taskSpanId: spanId(task) };
  return { span: ref, seq, time: TIME + seq, ...told } as Fact;
}

const notification = (ids: Ids, seq: number): Fact => fact(ids, seq, { kind: 'notification', message: `line ${seq}` });
const start = (ids: Ids, parent: number): Fact => fact(ids, 0, { kind: 'scope-start', name: `Part ${ids.span}`, parentSpanId: spanId(parent) });
const end = (ids: Ids): Fact => fact(ids, 9, { kind: 'scope-end', outcome: 'completed', duration: 9, heading: false });

/** Each append is written by a newly started process. */
async function expectStored(appends: readonly (readonly Fact[])[]): Promise<void> {
  const path = newFile();
  for (const facts of appends) {
    const store = storeIn(path);
    await store.append(facts);
    await store.close();
  }
  const store = storeIn(path);
  expect(await wholeOf(store, UUID)).toEqual(expectedAfter(appends));
  await store.close();
}

describe('spans as only a foreign sender reports them are stored as they are reported', () => {
  test('a scope that other spans name as their task span', async () => {
    await expectStored([
      [start({ trace: 1, span: 2, task: 1 }, 1), notification({ trace: 1, span: 2, task: 1 }, 4)],
      [start({ trace: 1, span: 3, task: 2 }, 2)],
      [notification({ trace: 1, span: 2, task: 1 }, 2), end({ trace: 1, span: 3, task: 2 })],
      [end({ trace: 1, span: 2, task: 1 })],
    ]);
  });

  test('a task span that begins inside another one, which became known later', async () => {
    await expectStored([
      [1, 2, 3].map((task) => start({ trace: 1, span: 10 + task, task }, task)),
      [start({ trace: 1, span: 1, task: 3 }, 3)],
      [11, 12, 13].map((span) => notification({ trace: 1, span, task: span - 10 }, 1)),
    ]);
  });

  test('a task span that was reported as a scope first', async () => {
    const told = { name: 'Task', attempt: 2, attributes: {}, workerId: 'w', workerIntervalMs: 0, sampled: true };
    const taskStart = fact({ trace: 1, span: 2, task: 2 }, 0, { kind: 'task-start', ...told });
    const store = storeIn(newFile());
    await store.append([notification({ trace: 1, span: 2, task: 1 }, 1)]);
    await store.append([taskStart]);
    expect((await wholeOf(store, UUID)).summary).toMatchObject({ task_name: 'Task', attempt: 2 });
  });

  test('any ids', { timeout: 60_000 }, async () => {
    const number = fc.integer({ min: 1, max: 5 });
    const ids = fc.record({ trace: fc.integer({ min: 1, max: 2 }), span: number, task: number });
    const anyFact = fc.oneof(
      fc.tuple(ids, number).map(([of, parent]) => start(of, parent)),
      fc.tuple(ids, number).map(([of, seq]) => notification(of, seq)),
      fc.tuple(ids, number).map(([of, seq]) => fact(of, seq, { kind: 'progress', done: seq, total: 5 })),
      ids.map(end),
    );
    await fc.assert(fc.asyncProperty(fc.array(fc.array(anyFact, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }), expectStored), cases(60));
  });
});

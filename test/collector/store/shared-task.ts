import type { Fact, SpanRef } from '../../../src/fact.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { UUID } from '../record/scripted-task.ts';

/** How many notifications each process says. */
export const LINES = 300;

const TRACE = 'abcdef0123456789'.repeat(2);
const TASK_SPAN = '0'.repeat(15).concat('1');

/** The beginning of the task that several processes work on. */
export const TASK_START: Fact = {
  kind: 'task-start', span: { taskUuid: UUID, traceId: TRACE, spanId: TASK_SPAN, taskSpanId: TASK_SPAN }, seq: 0,
  time: 1_700_000_000_000_000, name: 'Shared', attempt: 1, attributes: {}, workerId: 'worker-1', workerIntervalMs: 0, sampled: true,
};

/** The facts of one process's own scope, each to be appended alone. */
export function factsOfProcess(number: number): Fact[] {
  const span: SpanRef = { ...TASK_START.span, spanId: `${'0'.repeat(15)}${number}` };
  const time = (seq: number): number => TASK_START.time + seq * 10 + number;
  return [
    { kind: 'scope-start', span, seq: 0, time: time(0), name: `Process ${number}`, parentSpanId: TASK_SPAN },
    ...Array.from({ length: LINES }, (_, at): Fact => ({
      kind: 'notification', span, seq: at + 1, time: time(at + 1), message: `process ${number} line ${at}`,
    })),
    { kind: 'scope-end', span, seq: LINES + 1, time: time(LINES + 1), outcome: 'completed', heading: false, duration: 1 },
  ];
}

/** Appends facts one by one, and again where another process's lock was in the way. */
export async function appendEach(store: TaskStore, facts: readonly Fact[]): Promise<void> {
  for (let at = 0; at < facts.length; ) {
    const failure = await store.append([facts[at]!]).then(() => undefined, (error: Error) => error);
    if (failure === undefined) at++;
    else if (!failure.message.includes('locked')) throw failure;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

import { expect, onTestFinished, test } from 'vitest';
import { Collector } from '../../../collector/runtime/collector.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { warnings } from '../../../src/report.ts';
import { factsOf, uuidOf } from '../store/stored-task.ts';

/** No other test fills it: each task without room is reported once in a process. */
const FULL = uuidOf(1_000_001);

/** The facts of an attempt of one task, with some lines. */
function attempt(number: number, lines: number): Fact[] {
  const spanId = number.toString(16).padStart(16, '0');
  const facts = factsOf(FULL, { lines });
  return facts.map((fact): Fact => ({ ...fact, span: { ...fact.span, spanId, taskSpanId: spanId }, ...(fact.kind === 'task-start' && { attempt: number }) }));
}

test('facts for which a task has no room are reported once', async () => {
  const { write } = warnings;
  const lines: string[] = [];
  warnings.write = (line) => void lines.push(line);
  onTestFinished(() => void (warnings.write = write));
  const store = memoryStore();
  await store.append(Array.from({ length: 1000 }, (_, at) => attempt(at + 1, 0)).flat());
  const waiting = [attempt(1001, 20), attempt(1002, 20)];
  const collector = new Collector({
    source: { get hasFacts() { return waiting.length > 0; }, read: () => waiting.shift() ?? [], acknowledge: () => undefined },
    sleep: () => new Promise(() => undefined),
    store,
    closesStore: true,
    heartbeat: undefined,
    upkeep: { retention: {}, quietFinalMs: 0, queuedFinalMs: 0 },
    workerId: 'w',
    hasLiveWork: () => false,
    cancel: () => undefined,
    report: (line) => void lines.push(line),
  });
  await collector.drain(15_000);
  await collector.close();
  // Whatever else this process reports meanwhile.
  expect(lines.filter((line) => line.includes(FULL))).toEqual([`taskspan: facts are dropped: task ${FULL} has 1000 attempts, no more are kept`]);
});

import { createTasksApp, memoryStore } from '../collector/index.ts';
import { serveTasks } from '../collector/server/serve-tasks.ts';
import type { Fact } from '../src/fact.ts';

/** Serves a task with so many lines, and then adds lines to it, as many a second, until the process that started it ends. */
const [count, perSecond] = process.argv.slice(2).map(Number) as [number, number];

const TASK_UUID = '01a00000-0000-7000-8000-00000000beef';
const span = { taskUuid: TASK_UUID, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'b'.repeat(16) };
const began = Date.now() * 1000;
const line = (number: number): Fact => ({
  kind: 'notification', span, seq: number + 1, time: began + number, message: `line ${number}: 812 rows of orders-2026-11.csv written`,
});
const lines = (from: number, to: number): Fact[] => Array.from({ length: to - from }, (_, at) => line(from + at));

const store = memoryStore();
await store.append([{ kind: 'task-start', span, seq: 0, time: began, name: 'Import orders', attempt: 1, attributes: {}, workerId: 'w', workerIntervalMs: 0, sampled: true }]);
const BATCH = 5000;
for (let from = 0; from < count; from += BATCH) await store.append(lines(from, Math.min(count, from + BATCH)));
const { url } = await serveTasks({ app: createTasksApp({ store }), port: 0 });

let next = count;
const start = performance.now();
const EVERY_MS = 20;
if (perSecond > 0) {
  setInterval(() => {
    const due = count + Math.floor(((performance.now() - start) / 1000) * perSecond);
    if (due === next) return;
    const [from, to] = [next, due];
    next = due;
    void store.append(lines(from, to));
  }, EVERY_MS);
}
process.on('disconnect', () => process.exit());
process.send!(`${url}/tasks/${TASK_UUID}`);

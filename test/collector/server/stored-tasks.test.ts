import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { TaskRecord } from '../../../src/task-record.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { UUID } from './plain-store.ts';

const span = { taskUuid: UUID, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'b'.repeat(16) };
const base = { span, time: 1_767_323_045_000_000 };
const start: Fact = {
  ...base, kind: 'task-start', seq: 0, name: 'TEST', attempt: 1, attributes: {}, workerId: 'w', workerIntervalMs: 0, sampled: true,
};

function notification(seq: number, message: string): Fact {
  return { ...base, kind: 'notification', seq, time: base.time + seq, message };
}

function sqliteFile(): TaskStore {
  const folder = mkdtempSync(join(tmpdir(), 'taskspan-'));
  const store = sqliteStore(join(folder, 'tasks.sqlite'));
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  return store;
}

test.each([
  ['in memory', memoryStore],
  ['in a SQLite file', sqliteFile],
])('a long log %s is served whole as text and by its tail as JSON', async (_, open) => {
  const store = open();
  const messages = Array.from({ length: 400 }, (_unused, n) => `${n} ${'aé✓🎉'.repeat(n % 7 === 0 ? 5000 : 50)}`);
  for (let n = 0; n < messages.length; n += 50) {
    const facts = messages.slice(n, n + 50).map((message, at) => notification(n + at + 1, message));
    await store.append(n === 0 ? [start, ...facts] : facts);
  }
  const app = createTasksApp({ store });
  const whole = messages.map((message) => `\t${message}\n`).join('');

  const text = await app.request(`/tasks/${UUID}`, { headers: { Accept: 'text/plain' } });
  expect((await text.text()) === whole).toBe(true);

  const record: TaskRecord = JSON.parse(await (await app.request(`/tasks/${UUID}`)).text());
  const bytes = Buffer.from(whole);
  expect(record).toMatchObject({ task_name: 'TEST', state: 'running', version: 8, log_bytes: bytes.length });
  expect(record.log_offset).toBeGreaterThan(0);
  expect(record.log === bytes.toString('utf8', record.log_offset)).toBe(true);
  expect(bytes[record.log_offset - 1]).toBe(10);
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteStore } from '../../../collector/index.ts';
import type { TaskRecord, TaskStore } from '../../../collector/index.ts';
import { recordJson } from '../../../collector/record/record-json.ts';
import { onTestFinished } from 'vitest';
import { startNode } from '../../support/node-process.ts';
import type { TestProcess } from '../../support/node-process.ts';

const root = new URL('../../../', import.meta.url);

/** What every script begins with. */
const IMPORTS = `
import { runTask, TaskUpdater } from '${new URL('src/index.ts', root).href}';
import { memoryStore, startTaskspan } from '${new URL('collector/index.ts', root).href}';
`;

/** What every script has, whatever it imports: a flush waits for two seconds at the most, a loaded machine may need more. */
const COMMON = `
const allCommitted = async (taskspan) => {
  for (let flush = 0; flush < 5; flush++) await taskspan.flush();
};
`;

/** Runs a script of a user in a process of its own. Its default store is a file in the folder. */
export async function startScript(
  folder: string,
  text: string,
  options: { env?: Record<string, string>; args?: string[]; imports?: string } = {},
): Promise<TestProcess> {
  const file = join(folder, `script-${crypto.randomUUID()}.ts`);
  await writeFile(file, (options.imports ?? IMPORTS) + COMMON + text);
  const { env, args = [] } = options;
  // Node.js 22 warns of its SQLite on standard error, which a test asserts to be empty.
  const quiet = '--disable-warning=ExperimentalWarning';
  return startNode([quiet, ...args, file], { cwd: folder, ...(env !== undefined && { env }) });
}

/** The store that a script left in its folder. */
export function storeIn(folder: string): TaskStore {
  const store = sqliteStore(join(folder, 'taskspan.sqlite'));
  onTestFinished(() => store.close());
  return store;
}

/** Holds the lock of a store that another process writes, from when it is free: until the connection is closed. */
export function lockStore(folder: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, 'taskspan.sqlite'), { timeout: 10_000 });
  database.exec('BEGIN IMMEDIATE');
  return database;
}

/** All records in a store, the oldest first, by the task's name. */
export async function recordsOf(store: TaskStore): Promise<Map<string, TaskRecord>> {
  const { tasks } = await store.tasks({ limit: 1000 });
  const records = new Map<string, TaskRecord>();
  for (const task of tasks.toReversed()) {
    const log = (await store.log(task.uuid))!;
    const record = JSON.parse(recordJson(task, log)) as TaskRecord;
    records.set(record.task_name, record);
  }
  return records;
}

/** How many lines of a log are the messages `step 0`, `step 1`, … in their order, each once. */
export function stepsIn(log: string): number {
  const steps = [...log.matchAll(/^\tstep (\d+)$/gm)].map(([, step]) => Number(step));
  steps.forEach((step, index) => {
    if (step !== index) throw new Error(`expected step ${index}, got step ${step}`);
  });
  return steps.length;
}

import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { TaskRecord } from '../../../collector/index.ts';

const POLL_MS = 20;
const LIMIT_MS = 60_000;

/** The record of a task as soon as it is as asked for; fails with the latest one after a minute. */
export async function recordWhen(url: string, uuid: string, isSo: (record: TaskRecord) => boolean): Promise<TaskRecord> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const response = await fetch(`${url}/tasks/${uuid}`);
    const record = response.ok ? ((await response.json()) as TaskRecord) : undefined;
    if (record !== undefined && isSo(record)) return record;
    if (performance.now() > deadline) expect.fail(`the record of ${uuid} is still ${JSON.stringify(record)}`);
    await delay(POLL_MS);
  }
}

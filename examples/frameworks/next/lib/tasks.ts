import { setTimeout } from 'node:timers/promises';
import { startTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';
import type { Taskspan } from 'taskspan/collector';

const shared = globalThis as typeof globalThis & { taskspan?: Promise<Taskspan> };

/** The collector of this process, started by the first call. Next loads this module several times, so its copies share it. */
export function taskspan(): Promise<Taskspan> {
  return (shared.taskspan ??= startTaskspan());
}

/** Starts a task of one minute. Resolves to its UUID when the task can be found, for the answer to a request. */
export async function sendInvoices(): Promise<string> {
  const { taskUuid } = await startTask('Send invoices', async (updater) => {
    for (let sent = 1; sent <= 60; sent++) {
      await setTimeout(1000, undefined, { signal: updater.signal });
      updater.progress(sent, 60);
    }
  });
  return taskUuid;
}

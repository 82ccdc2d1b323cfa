import { setTimeout } from 'node:timers/promises';
import { startTask } from 'taskspan';

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

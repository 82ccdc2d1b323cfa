import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';
import type { Taskspan } from 'taskspan/collector';

/** The collector of this process: the first call starts it, each further one gives a handle to the same. */
export function taskspan(): Promise<Taskspan> {
  return startTaskspan({ store: './taskspan.sqlite' });
}

/** Starts a task of one minute and gives its UUID at once, for the answer to a request. */
export function sendInvoices(): string {
  const taskUuid = randomUUID();
  const sending = runTask(
    'Send invoices',
    async (updater) => {
      for (let sent = 1; sent <= 60; sent++) {
        await setTimeout(1000, undefined, { signal: updater.signal });
        updater.progress(sent, 60);
      }
    },
    { taskUuid },
  );
  // What went wrong is in the task's record.
  sending.catch(() => undefined);
  return taskUuid;
}

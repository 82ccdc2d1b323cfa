import { announceTask, runTask } from 'taskspan';
import type { TaskUpdater } from 'taskspan';
import type { Sleep } from './sleep.ts';

const NAME = 'Send invoices';
const INVOICES: readonly string[] = Array.from({ length: 12 }, (_, at) => `2026-11-${String(at + 1).padStart(2, '0')}`);
/** The mail server fails at this one, once. */
const FAILS_AT = '2026-11-07';

/** Seconds after which a failed attempt is followed by the next one. */
export const RETRY_AFTER_S = 8;

/**
 * Runs a job as a queue would: announced first, taken by a worker after some seconds, and tried again when it has
 * failed. The second attempt goes on where the first one stopped.
 *
 * @param failed Gets the error of the first attempt.
 */
export async function sendInvoices(sleep: Sleep, failed: (error: unknown) => void): Promise<void> {
  const taskUuid = await announceTask({ taskName: NAME, attributes: { month: '2026-11' } });
  await sleep(4);
  const sent: string[] = [];
  try {
    await runTask(NAME, (updater) => send(updater, sent, sleep, FAILS_AT), { taskUuid });
    return;
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    failed(error);
  }
  await sleep(RETRY_AFTER_S);
  await runTask(NAME, (updater) => send(updater, sent, sleep), { taskUuid, attempt: 2 });
}

async function send(updater: TaskUpdater<false>, sent: string[], sleep: Sleep, failsAt?: string): Promise<void> {
  updater.plan({ 'Find invoices': 1, 'Send e-mails': 12 });
  const waiting = await updater.scope('Find invoices', async (scope) => {
    await sleep(1, updater.signal);
    const found = INVOICES.filter((invoice) => !sent.includes(invoice));
    scope.notify(sent.length === 0 ? `${found.length} invoices` : `${found.length} invoices, ${sent.length} were sent before`);
    return found;
  });
  await updater.scope('Send e-mails', async (scope) => {
    for (const invoice of scope.each(waiting)) {
      await sleep(1.5, updater.signal);
      if (invoice === failsAt) {
        throw new Error(`invoice ${invoice} was not sent`, { cause: new Error('the mail server closed the connection') });
      }
      sent.push(invoice);
      scope.notify(`Sent ${invoice}`);
    }
  });
  updater.setResult({ sent: sent.length });
}

import { expect, test } from 'vitest';
import type { TaskRecord } from '../../../collector/index.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import type { TestProcess } from '../../support/node-process.ts';
import { startScript } from './script.ts';

/** Real processes: a server with a task, and parts of the task in others. */

const IMPORTS = `
  import { continueTask, runTask } from '${new URL('../../../src/index.ts', import.meta.url).href}';
  import { startTaskspan } from '${new URL('../../../collector/index.ts', import.meta.url).href}';
  const waiting = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const alive = setInterval(() => undefined, 1000);
`;

/** A process with a task that waits, and serves it; and the texts of its carrier. */
async function startTask(folder: string): Promise<{ task: TestProcess; url: string; carrier: string }> {
  const task = await startScript(
    folder,
    `const taskspan = await startTaskspan({ serve: { port: 0, receive: true } });
     await runTask('Import', async (updater) => {
       console.log(taskspan.url + '/tasks/' + updater.taskUuid, JSON.stringify(updater.carrier()));
       await waiting(updater.signal);
     }).catch(({ code }) => console.log('the task threw', code));
     console.log('the task has ended');`,
    { imports: IMPORTS },
  );
  const [, url = '', carrier = ''] = await task.printed(/(\S+) (\{.*\})/);
  return { task, url, carrier };
}

/** A process that runs a part of it until it is cancelled, and then a second part; its options say where to. */
async function startPart(folder: string, carrier: string, options: string): Promise<TestProcess> {
  return startScript(
    folder,
    `const taskspan = await startTaskspan(${options});
     const shown = (name) => ({ code }) => console.log(name, 'threw', code);
     await continueTask(${carrier}).scope('Convert', (part) => waiting(part.signal)).catch(shown('Convert'));
     await continueTask(${carrier}).scope('Convert more', (part) => waiting(part.signal)).catch(shown('Convert more'));
     clearInterval(alive);
     await allCommitted(taskspan);
     await taskspan.close();`,
    { imports: IMPORTS },
  );
}

const recordAt = async (url: string): Promise<TaskRecord> => (await (await fetch(url)).json()) as TaskRecord;

test.each(['a file in common', 'a server in common'])('a request to cancel a task reaches its parts in other processes, with %s', { timeout: 60_000 }, async (by) => {
  const folder = await temporaryFolder();
  const { task, url, carrier } = await startTask(folder);
  const isShared = by === 'a file in common';
  const part = await startPart(isShared ? folder : await temporaryFolder(), carrier, isShared ? '{}' : `{ endpoint: '${new URL(url).origin}' }`);
  await expect.poll(async () => (await recordAt(url)).log).toContain('\t - Convert\n');
  expect((await fetch(`${url}/cancel`, { method: 'POST' })).status).toBe(202);
  await task.printed(/the task threw TASKSPAN_CANCELLED/);
  await part.printed(/Convert threw TASKSPAN_CANCELLED/);
  // A part that begins when the task was cancelled is cancelled too.
  await part.printed(/Convert more threw TASKSPAN_CANCELLED/);
  expect(await part.ended).toMatchObject({ code: 0, stderr: '' });
  await expect.poll(() => recordAt(url)).toMatchObject({ state: 'cancelled', jobs: { running: 0, failed: 0 }, facts_missing: 0 });
  const { log } = await recordAt(url);
  for (const name of ['Convert', 'Convert more']) expect(log).toMatch(new RegExp(`\t - ${name}( \\(continued\\))?\n\t\tCancelled\n`));
});

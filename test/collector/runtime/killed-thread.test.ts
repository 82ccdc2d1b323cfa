import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, stepsIn, storeIn } from './script.ts';

/** Gives the script the thread's own handle, by the channel on which Node announces each new worker. */
const CATCH_WORKERS = `
import { channel } from 'node:diagnostics_channel';
const workers = [];
channel('worker_threads').subscribe(({ worker }) => workers.push(worker));
`;

test('a collector thread that is killed is started again, and nothing is missing', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `${CATCH_WORKERS}
     const taskspan = await startTaskspan();
     const updater = new TaskUpdater({ taskName: 'work' });
     const pause = () => new Promise((resolve) => setImmediate(resolve));
     await updater.scope('steps', async (scope) => {
       for (let step = 0; step < 30_000; step++) {
         scope.notify('step ' + step);
         if (step % 100 === 0) await pause();
         if (step === 5_000 || step === 20_000) {
           const { length } = workers;
           await workers.at(-1).terminate();
           scope.notify('step ' + ++step);
           while (workers.length === length) await new Promise((resolve) => setTimeout(resolve, 10));
         }
       }
     });
     updater.complete();
     await allCommitted(taskspan);
     await taskspan.close();
     console.log(workers.length);`,
  );
  const { code, stdout, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stdout).toBe('3\n');
  expect(stderr.match(/the collector thread has ended and is started again/g)).toHaveLength(1);
  const record = (await recordsOf(storeIn(folder))).get('work')!;
  expect(stepsIn(record.log)).toBe(30_000);
  expect(record).toMatchObject({ state: 'completed', jobs: { total: 1, finished: 1 } });
});

test('where the thread has died and the process exits at once, the last facts are committed all the same', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `${CATCH_WORKERS}
     await startTaskspan();
     await workers.at(-1).terminate();
     await runTask('work', (updater) => { for (let step = 0; step < 1000; step++) updater.notify('step ' + step); });
     process.exit(0);`,
  );
  expect((await script.ended).code).toBe(0);
  expect(stepsIn((await recordsOf(storeIn(folder))).get('work')!.log)).toBe(1000);
});

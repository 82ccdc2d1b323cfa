import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, stepsIn, storeIn } from './script.ts';

/** Heap of each thread of the process, in MiB. A collector thread that needed more would die, which is reported. */
const HEAP = ['--max-old-space-size=96'];

test('a task with a million notifications holds bounded memory, and none is missing', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan();
     await runTask('work', async (updater) => {
       for (let step = 0; step < 1_000_000; step++) {
         updater.notify('step ' + step);
         if (step % 10_000 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
       }
     });
     while ((await taskspan.store.tasks({ limit: 1 })).tasks[0]?.state !== 'completed') await taskspan.flush();
     await taskspan.close();`,
    { args: HEAP },
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
  const log = (await storeIn(folder).log((await storeIn(folder).tasks({ limit: 1 })).tasks[0]!.uuid))!;
  expect(stepsIn(log.text)).toBe(1_000_000);
});

test('ten thousand scopes, in part open at once, hold bounded memory', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan();
     await runTask('work', async (updater) => {
       await updater.scope('in a row', async (scope) => {
         for (let n = 0; n < 10_000; n++) {
           scope.scope('part ' + n, (part) => part.notify('in ' + n));
           if (n % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
         }
       });
       await updater.scope('at once', (scope) =>
         Promise.all(Array.from({ length: 2000 }, (_, n) => scope.scope('parallel ' + n, async (part) => {
           await new Promise((resolve) => setTimeout(resolve, 5));
           part.notify('in ' + n);
         }))),
       );
     });
     await allCommitted(taskspan);
     await taskspan.close();`,
    { args: HEAP },
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
  const record = (await recordsOf(storeIn(folder))).get('work')!;
  expect(record).toMatchObject({ state: 'completed', jobs: { total: 12_000, finished: 12_000 } });
});

test('messages of ten megabytes hold bounded memory, cut to what a message may be', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan();
     const long = 'x'.repeat(10 * 1024 * 1024);
     await runTask('work', (updater) => { for (let n = 0; n < 100; n++) updater.notify(n + long); });
     await allCommitted(taskspan);
     await taskspan.close();`,
    // The messages themselves are a gigabyte that the script makes and drops.
    { args: ['--max-old-space-size=192'] },
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
  const record = (await recordsOf(storeIn(folder))).get('work')!;
  expect(record).toMatchObject({ state: 'completed', facts_missing: 0 });
  expect((await storeIn(folder).log(record.task_uuid))!.text.match(/… \(cut: 10,485,76\d characters\)/g)).toHaveLength(100);
});

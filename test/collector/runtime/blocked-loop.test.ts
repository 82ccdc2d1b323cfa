import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { startScript } from './script.ts';

test('a task that blocks its event loop is served meanwhile, up to the last thing that it reported', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { readFileSync, writeSync } from 'node:fs';
     const taskspan = await startTaskspan({ serve: { port: 0 } });
     const updater = new TaskUpdater({ taskName: 'blocking' });
     writeSync(1, taskspan.url + '/tasks/' + updater.taskUuid + '\\n');
     updater.scope('block', (scope) => {
       scope.notify('before the block');
       const blocked = Date.now();
       while (Date.now() - blocked < 1000);
       scope.progress(1, 4);
       scope.notify('in the midst of it');
       // The loop stays blocked until the test has seen it all.
       const { control } = { control: new Int32Array(new SharedArrayBuffer(4)) };
       for (let round = 0; round < 600; round++) {
         Atomics.wait(control, 0, 0, 50);
         try { readFileSync('seen'); break; } catch {}
       }
     });
     updater.complete();
     process.exit(0);`,
  );
  const [url] = await script.printed(/http:\S+/);
  await expect
    .poll(async () => (await fetch(url)).json())
    .toMatchObject({ log: '\t - block\n\tbefore the block\n', jobs: { running: 1 }, progress: null });
  await expect
    .poll(async () => (await fetch(url)).json())
    .toMatchObject({ log: '\t - block\n\tbefore the block\n\tin the midst of it\n', state: 'running' });
  const { writeFile } = await import('node:fs/promises');
  await writeFile(`${folder}/seen`, '');
  expect((await script.ended).code).toBe(0);
});

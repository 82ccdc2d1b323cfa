import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { startScript } from './script.ts';

test('a task that blocks its event loop is served meanwhile, up to the last thing that it reported', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { existsSync, writeSync } from 'node:fs';
     const taskspan = await startTaskspan({ serve: { port: 0 } });
     const updater = new TaskUpdater({ taskName: 'blocking' });
     writeSync(1, taskspan.url + '/tasks/' + updater.taskUuid + '\\n');
     updater.scope('block', (scope) => {
       // The loop stays blocked until the test has seen what was reported.
       const untilSeen = (file) => { while (!existsSync(file)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); };
       scope.notify('before the block');
       untilSeen('first seen');
       scope.progress(1, 4);
       scope.notify('in the midst of it');
       untilSeen('all seen');
     });
     updater.complete();
     process.exit(0);`,
  );
  const [url] = await script.printed(/http:\S+/);
  await expect
    .poll(async () => (await fetch(url)).json())
    .toMatchObject({ log: '\t - block\n\tbefore the block\n', jobs: { running: 1 }, progress: null });
  await writeFile(join(folder, 'first seen'), '');
  await expect
    .poll(async () => (await fetch(url)).json())
    .toMatchObject({ log: '\t - block\n\tbefore the block\n\tin the midst of it\n', state: 'running', jobs: { running: 1 } });
  await writeFile(join(folder, 'all seen'), '');
  expect((await script.ended).code).toBe(0);
});

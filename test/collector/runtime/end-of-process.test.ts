import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, stepsIn, storeIn } from './script.ts';

/** More than one commit takes, and much less than the second in which the exit has to commit them, also on a loaded machine. */
const STEPS = 6000;
const WORK = `
  const taskspan = await startTaskspan();
  const updater = new TaskUpdater({ taskName: 'work' });
  updater.scope('steps', () => { for (let step = 0; step < ${STEPS}; step++) updater.notify('step ' + step); });
`;

test.for([
  ['process.exit()', 'process.exit(3);', 3, 'failed', 'process ended: exit code 3'],
  ['an uncaught error', "throw new TypeError('nobody catches this');", 1, 'failed', 'uncaught error: TypeError: nobody catches this'],
  [
    'an unhandled rejection',
    "void Promise.reject(new Error('nobody handles this')); await new Promise(() => undefined);", 1, 'failed',
    'uncaught error: Error: nobody handles this',
  ],
  ['a natural end', '', 0, 'failed', 'the process ended with the task open'],
  ['close()', 'await taskspan.close();', 0, 'running', ''],
] as const)('after %s all that was reported is in record and log, and an open task has its true state', async ([, end, code, state, exception]) => {
  const folder = await temporaryFolder();
  const script = await startScript(folder, `${WORK}\n${end}`);
  expect(await script.ended).toMatchObject({ code, signal: null });
  const record = (await recordsOf(storeIn(folder))).get('work')!;
  expect(stepsIn(record.log)).toBe(STEPS);
  expect(record.jobs).toEqual({ total: 1, finished: 1, failed: 0, running: 0 });
  expect(record).toMatchObject({ state, exception });
});

test('what is reported right before process.exit() is kept', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `await startTaskspan(); const updater = new TaskUpdater({ taskName: 'short' }); updater.notify('last word'); updater.complete(); process.exit(7);`,
  );
  expect((await script.ended).code).toBe(7);
  expect((await recordsOf(storeIn(folder))).get('short')).toMatchObject({ state: 'completed', log: expect.stringContaining('\tlast word\n') });
});

test('a script whose tasks have ended exits by itself, its server notwithstanding', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan({ serve: { port: 0 } });
     await runTask('short', async () => undefined);
     console.log(taskspan.url);`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\n$/) });
});

test('with nothing listening at the OTLP endpoint a script ends in good time and reports what was not sent', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan({ store: 'taskspan.sqlite', endpoint: 'http://127.0.0.1:9' });
     await runTask('short', async () => undefined);
     const begun = performance.now();
     await taskspan.close();
     console.log(performance.now() - begun < 10_000);`,
  );
  const { code, stdout, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stdout).toBe('true\n');
  expect(stderr).toContain('1 of 1 spans were not received by the OTLP endpoint');
  expect((await recordsOf(storeIn(folder))).get('short')?.state).toBe('completed');
});

test('a natural end waits for no unreachable endpoint', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `await startTaskspan({ store: 'taskspan.sqlite', endpoint: 'http://127.0.0.1:9' }); await runTask('short', async () => undefined);`,
  );
  expect((await script.ended).code).toBe(0);
  expect((await recordsOf(storeIn(folder))).get('short')?.state).toBe('completed');
});

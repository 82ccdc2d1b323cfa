import { expect, test } from 'vitest';
import { BLOCKED, installed, passed, versions } from './project.ts';

test.each(versions(['1.4.5'], []))('Bun %s runs the collector in its thread, which serves while the task blocks', async (bun) => {
  const project = await installed('blocked', { packages: { bun } });
  const { stdout, stderr } = await passed(project.command('bun', ['run', 'app.js'], BLOCKED.options));
  expect({ stderr, printed: JSON.parse(stdout) }).toEqual({ stderr: '', printed: BLOCKED.printed });
});

/** What a program needs that serves tasks and keeps them in a file; `run` is for the other process of this test alone. */
const PERMISSIONS = ['--allow-env', '--allow-net', '--allow-read', '--allow-sys', '--allow-write', '--allow-run'];

test.each(versions(['2.9.6'], ['2.7.14']))('Deno %s runs the collector in its thread, which serves while the task blocks', async (deno) => {
  const project = await installed('blocked', { packages: { deno } });
  const { stdout, stderr } = await passed(project.command('deno', ['run', ...PERMISSIONS, 'app.js'], { env: { ...BLOCKED.options.env, DENO_NO_UPDATE_CHECK: '1' } }));
  expect({ stderr, printed: JSON.parse(stdout) }).toEqual({ stderr: '', printed: BLOCKED.printed });
});

test('where worker threads are forbidden the task is recorded all the same, and `failures` names the remedy', async () => {
  const project = await installed('blocked');
  const forbidden = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-child-process'];
  const { stdout, stderr } = await passed(
    project.node(['--disable-warning=ExperimentalWarning', '--disable-warning=SecurityWarning', ...forbidden, 'here.js']),
  );
  const message = expect.stringMatching(/^no collector thread could be started: .*Allow worker threads/);
  expect(JSON.parse(stdout)).toEqual({ log: '\treported\n\tTask Finished\n', failures: [message] });
  expect(stderr.match(/no collector thread could be started/g)).toHaveLength(1);
});

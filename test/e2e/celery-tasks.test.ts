/** Celery by its own instrumentation: a real worker, a publisher in another process, Redis between them. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blocksOf } from '../house/code-blocks.ts';
import { startProgram, temporaryFolder } from '../support/node-process.ts';
import type { TestProcess } from '../support/node-process.ts';
import { describeWithPythonPeers, pythonPeers } from './python.ts';
import { describeWithRedis, startRedis } from './redis.ts';
import type { RedisServer } from './redis.ts';
import { startServing } from './serving.ts';

const PEERS = fileURLToPath(new URL('../peers/python', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../examples/python', import.meta.url));

const [WITH_UPDATER = '', TRACED = ''] = blocksOf('docs/celery.md', 'python');

const bin = (program: string): string => join(pythonPeers(), 'bin', program);

describeWithRedis('Celery', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const environment = (folder: string, url: string): Record<string, string> => ({
    BROKER: `redis://127.0.0.1:${redis.connection.port}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    PYTHONPATH: `${folder}:${EXAMPLES}`,
    TASKSPAN_ENDPOINT: url,
    TASKSPAN_BEAT_INTERVAL_MS: '500',
    PYTHONDONTWRITEBYTECODE: '1',
  });
  const publish = async (app: string, folder: string, url: string): Promise<string[]> => {
    const { code, stdout, stderr } = await startProgram(bin('python'), [app], { cwd: folder, env: environment(folder, url) }).ended;
    expect(code, stderr).toBe(0);
    return stdout.trim().split('\n');
  };
  const work = async (app: string, folder: string, url: string, pool: readonly string[]): Promise<TestProcess> => {
    const args = ['--workdir', app, '--app', 'celery_tasks', 'worker', '--loglevel', 'info', ...pool];
    const worker = startProgram(bin('celery'), args, { cwd: folder, env: environment(folder, url) });
    await worker.printedError(/ ready\./);
    return worker;
  };

  describeWithPythonPeers('with its instrumentation and no code of taskspan', () => {
    test('its tasks are queued, run, fail and are tried again', async () => {
      const folder = await temporaryFolder();
      await writeFile(join(folder, 'traced.py'), TRACED);
      const { url, recordWith } = await startServing(folder);
      const [well = '', failing = '', retried = '', givenUp = '', named = '', first = '', next = ''] = await publish(join(PEERS, 'celery_tasks.py'), folder, url);
      expect(named).toBe('order 17');
      await recordWith(well, { state: 'queued', task_name: 'shop.total', start: null, log: '' });
      await recordWith(givenUp, { state: 'queued' });

      await work(PEERS, folder, url, ['--concurrency', '1']);
      await recordWith(well, { state: 'completed', status: 1, attempt: 1, facts_missing: 0 });
      const failed = await recordWith(failing, { state: 'failed', status: 0, exception: 'division by zero' });
      expect(failed.log).toBe(`\
\t - shop.share
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
ZeroDivisionError: division by zero
\tTask Finished
`);
      const paid = await recordWith(retried, { state: 'completed', attempt: 3, exception: '' });
      expect(paid.log.split('\n').filter((line) => /Attempt|Retry|Finished/.test(line))).toEqual([
        "Retry: Retry in 0s: ConnectionError('the bank is unreachable')",
        '\tTask Finished',
        '\tAttempt 2',
        "Retry: Retry in 0s: ConnectionError('the bank is unreachable')",
        '\tTask Finished',
        '\tAttempt 3',
        '\tTask Finished',
      ]);
      await recordWith(givenUp, { state: 'failed', attempt: 3, exception: 'the bank is unreachable' });
      await recordWith(next, { state: 'completed', parent_task_uuid: first });
      await recordWith(first, { state: 'completed', parent_task_uuid: null });
    });
  });

  describeWithPythonPeers('with the updater of the examples', () => {
    test('is as the page shows it', () => {
      expect(WITH_UPDATER).not.toBe('');
      expect(readFileSync(join(EXAMPLES, 'celery_tasks.py'), 'utf8')).toContain(WITH_UPDATER);
    });

    test('a task is live, and lost when its worker is killed', async () => {
      const folder = await temporaryFolder();
      const { url, recordWith } = await startServing(folder);
      // One process, so that the process that is killed is the process that runs the task.
      const worker = await work(EXAMPLES, folder, url, ['--pool', 'solo']);
      // Of customers enough that it runs until it is killed.
      await writeFile(join(folder, 'publisher.py'), `from celery_tasks import import_customers\nprint(import_customers.delay(['Ada'] * 1000).id)\n`);
      const [uuid = ''] = await publish(join(folder, 'publisher.py'), folder, url);
      const log = expect.stringMatching(/^\t - Read customers\n\t1000 customers\n/) as string;
      await recordWith(uuid, { task_name: 'import customers', state: 'running', heard: expect.any(String) as string, log });
      worker.kill('SIGKILL');
      await recordWith(uuid, { state: 'lost' });
    });

    test('and its instrumentation, the instrumentation queues a task and the updater records it, once', async () => {
      const folder = await temporaryFolder();
      await writeFile(join(folder, 'traced.py'), TRACED);
      const publisher = `import runpy, traced\ntraced.trace_tasks()\nrunpy.run_path(${JSON.stringify(join(EXAMPLES, 'celery_tasks.py'))}, run_name='__main__')\n`;
      await writeFile(join(folder, 'publisher.py'), publisher);
      const { url, recordWith } = await startServing(folder);
      const [uuid = ''] = await publish(join(folder, 'publisher.py'), folder, url);
      await recordWith(uuid, { state: 'queued', task_name: 'import customers' });
      await work(EXAMPLES, folder, url, ['--concurrency', '1', '--include', 'traced']);
      const { log } = await recordWith(uuid, { state: 'completed', attempt: 1, trace_sampled: true, facts_missing: 0 });
      // A task that is published after it, in the same process: by then the span of the first run has come too.
      const [next = ''] = await publish(join(folder, 'publisher.py'), folder, url);
      await recordWith(next, { state: 'completed' });
      expect((await recordWith(uuid, { state: 'completed' })).log).toBe(log);
      expect(log.match(/Task Finished/g)).toHaveLength(1);
    });
  });
});

/** Every ending of a Celery task, in every pool: real workers, whose tasks have the updater of examples/python. */
import { expect, test } from 'vitest';
import { celerySession } from './celery-session.ts';
import { describeWithPythonPeers } from './python.ts';
import { describeWithRedis } from './redis.ts';

type Fields = Readonly<Record<string, unknown>>;

const RETRIED = "Retry in 0s: ConnectionError('the bank is unreachable')";

/** What the code of a task can do, in any pool. */
const ENDINGS: Readonly<Record<string, Fields>> = {
  returns: { state: 'completed', attempt: 1, result: { rows: 3 }, jobs: { total: 1, finished: 1, failed: 0, running: 0 } },
  raises: { state: 'failed', exception: 'no rows' },
  keeps: { state: 'failed', exception: 'kept', jobs: { total: 1, finished: 0, failed: 1, running: 0 } },
  retries: { state: 'completed', attempt: 2, exception: '' },
  'retries.inside': { state: 'completed', attempt: 2, exception: '' },
  ignores: { state: 'completed', exception: '' },
  rejects: { state: 'cancelled', status: 0 },
  tracked: { state: 'completed', attributes: expect.objectContaining({ rows: 7 }) as unknown, jobs: { total: 1, finished: 1, failed: 0, running: 0 } },
};

const NO_JOBS = { total: 0, finished: 0, failed: 0, running: 0 };

/** What becomes of it from outside, which only a pool of processes can survive. */
const FROM_OUTSIDE: Readonly<Record<string, Fields>> = {
  'soft.limit': { state: 'failed', outcome: 'timed_out', exception: 'soft time limit exceeded' },
  'hard.limit': { state: 'failed', outcome: 'timed_out', exception: 'hard time limit of 5 s exceeded' },
  exits: { state: 'failed', exception: 'exit code 3' },
  'is.killed': { state: 'failed', exception: expect.stringContaining('signal 9 (SIGKILL)') as unknown, jobs: NO_JOBS },
  expired: { state: 'expired', attempt: 0 },
  revoked: { state: 'cancelled', attempt: 0 },
  'not.known': { state: 'failed', attempt: 0, exception: 'the worker has no task not.known' },
};

describeWithRedis('Celery tasks with the updater', () => {
  describeWithPythonPeers('end when Celery ends them', () => {
    const session = celerySession([
      { pool: 'prefork', traced: true },
      { pool: 'threads', traced: false },
      { pool: 'solo', traced: false },
      { pool: 'gevent', traced: false },
      { pool: 'eventlet', traced: false },
    ]);

    const publish = async (pool: string, endings: Readonly<Record<string, Fields>>, traced = false): Promise<void> => {
      const published = await session.run([pool, ...Object.keys(endings)], traced);
      for (const [name = '', uuid = ''] of published) {
        const { facts_missing: missing, parent_task_uuid: parent } = await session.recordWith(uuid, { finished: true, ...endings[name] });
        expect([name, parent, missing <= 1]).toEqual([name, null, true]);
      }
    };
    const attemptsOf = async (uuid: string): Promise<unknown[]> => ((await session.get(`/tasks/${uuid}/scopes`)) as { attempts: unknown[] }).attempts;

    test('by its code and from outside, in a pool of processes that is traced too: one run is one attempt', async () => {
      const names = [...Object.keys(ENDINGS), ...Object.keys(FROM_OUTSIDE)];
      const published = await session.run(['prefork', ...names], true);
      const ended = new Map<string, number>();
      for (const [name = '', uuid = ''] of published) {
        const { attempt } = await session.recordWith(uuid, { finished: true, ...ENDINGS[name], ...FROM_OUTSIDE[name] });
        ended.set(uuid, attempt);
      }
      // By now the spans of the instrumentation have come too.
      for (const [uuid, attempts] of ended) expect(await attemptsOf(uuid)).toHaveLength(attempts);
      const [, retried = ''] = published.find(([name]) => name === 'retries')!;
      // Its attempts may run in two processes, of which the second may send its end first.
      const { log } = await session.recordWith(retried, { attempt: 2, log: expect.stringMatching(/Task Finished\n[^]*Task Finished\n/) as unknown });
      expect(log).toContain(`Retry: ${RETRIED}\n`);
      expect(log.match(/Task Finished/g)).toHaveLength(2);
    });

    test.each(['threads', 'solo', 'gevent', 'eventlet'])('by its code, in the pool %s', async (pool) => {
      const exits = pool === 'solo' ? {} : { exits: { state: 'failed', exception: 'exit code 3' } };
      const limit = pool === 'gevent' ? { 'hard.limit': { state: 'failed', outcome: 'timed_out' } } : {};
      await publish(pool, { ...ENDINGS, ...exits, ...limit });
    });

    test('when they are revoked while they run', async () => {
      const [[, uuid = ''] = []] = await session.run(['prefork', 'waits']);
      await session.recordWith(uuid, { state: 'running', cancellable: true });
      await session.run(['terminate', uuid]);
      await session.recordWith(uuid, { state: 'cancelled', end: expect.any(String) as unknown });
    });

    test.each(['prefork', 'threads'])('when they are cancelled, in the pool %s', async (pool) => {
      const [[, uuid = ''] = []] = await session.run([pool, 'waits']);
      await session.recordWith(uuid, { state: 'running', cancellable: true });
      await session.get(`/tasks/${uuid}/cancel?by=ada&reason=wrong+file`, 'POST');
      const { log } = await session.recordWith(uuid, { state: 'cancelled', cancel: { by: 'ada', heard: expect.any(String) as unknown } });
      expect(log).toContain('\tCancel requested by ada: wrong file\n');
    });

    test('and have their parents, in chains, in chords and where one publishes another', async () => {
      const published = await session.run(['threads', 'chain', 'chord', 'parent']);
      const [[, last = '', first = ''] = [], [, body = '', ...headers] = [], [, parent = ''] = []] = published;
      await session.recordWith(last, { state: 'completed', parent_task_uuid: first });
      const { parent_task_uuid: ofBody } = await session.recordWith(body, { state: 'completed' });
      expect(headers).toContain(ofBody);
      const { result: child } = await session.recordWith(parent, { state: 'completed', parent_task_uuid: null });
      await session.recordWith(child as string, { state: 'completed', parent_task_uuid: parent });

      const [[, scoped = ''] = []] = await session.run(['prefork', 'parent.of.plain'], true);
      const { result: plain } = await session.recordWith(scoped, { state: 'completed' });
      await session.recordWith(plain as string, { task_name: 'plain', state: 'completed', parent_task_uuid: scoped });
    });
  });
});

/** Celery for tests: Redis, workers, and a server that records what they do; all of it for as long as a suite runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import type { TaskRecord } from '../../collector/index.ts';
import { blocksOf } from '../house/code-blocks.ts';
import { freePort } from '../support/free-port.ts';
import { cleanEnv, ENTRY } from '../support/node-process.ts';
import { pythonPeers } from './python.ts';
import { startRedis } from './redis.ts';
import type { RedisServer } from './redis.ts';

const PEERS = fileURLToPath(new URL('../peers/python', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../examples/python', import.meta.url));

/** What traces Celery, as docs/celery.md has it. */
const [, TRACED = ''] = blocksOf('docs/celery.md', 'python');

interface Worker {
  readonly pool: string;
  /** Whether OpenTelemetry's instrumentation traces it. */
  readonly traced: boolean;
}

export interface CelerySession {
  /** Runs `python -m endings` and gives the words that it prints, a list for each line. */
  run(args: readonly string[], traced?: boolean): Promise<string[][]>;
  /** The record of a task once it has these fields. */
  recordWith(uuid: string, fields: Readonly<Record<string, unknown>>): Promise<TaskRecord>;
  /** Asks the server. */
  get(path: string, method?: 'GET' | 'POST'): Promise<unknown>;
}

/** Starts all of it before the tests of a suite, each worker with the queue of its pool's name, and ends it after them. */
export function celerySession(workers: readonly Worker[]): CelerySession {
  const ends: (() => Promise<unknown>)[] = [];
  let folder = '';
  let url = '';
  let redis: RedisServer;

  const start = (program: string, args: readonly string[], env: Record<string, string>) => {
    const child = spawn(program, args, { cwd: folder, env: { ...cleanEnv(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const closed = once(child, 'close');
    ends.push(() => (child.kill('SIGKILL'), closed));
    return {
      closed,
      printed: () => printed,
      code: () => child.exitCode,
      async prints(pattern: RegExp): Promise<void> {
        const check = (): void => {
          if (child.exitCode !== null || !pattern.test(printed)) throw new Error(`${program} has not printed ${pattern}:\n${printed}`);
        };
        await vi.waitFor(check, { timeout: 240_000, interval: 20 });
      },
    };
  };

  const environment = (traced: boolean): Record<string, string> => ({
    BROKER: `redis://127.0.0.1:${redis.connection.port}`,
    PYTHONPATH: [folder, PACKAGE, PEERS].join(':'),
    PYTHONDONTWRITEBYTECODE: '1',
    TASKSPAN_ENDPOINT: url,
    TASKSPAN_BEAT_INTERVAL_MS: '500',
    ...(traced && { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '100' }),
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'taskspan-celery-'));
    await writeFile(join(folder, 'traced.py'), TRACED);
    redis = await startRedis();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const serve = ['--disable-warning=ExperimentalWarning', ENTRY, 'serve', '--port', String(port), '--store', 'served.sqlite'];
    const server = start(process.execPath, serve, {});
    await server.prints(/Tasks are served/);
    const started = workers.map(({ pool, traced }) => {
      const options = ['--queues', pool, '--hostname', `${pool}@%h`, '--pool', pool, '--concurrency', '4', '--without-gossip', '--without-mingle'];
      return start(join(pythonPeers(), 'bin/celery'), ['--app', 'endings', 'worker', '--loglevel', 'info', ...options], environment(traced));
    });
    await Promise.all(started.map((worker) => worker.prints(/ ready\./)));
  });

  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const get: CelerySession['get'] = async (path, method = 'GET') => {
    const response = await fetch(`${url}${path}`, { method, headers: { Accept: 'application/json' } });
    return response.json();
  };
  return {
    get,
    async run(args, traced = false) {
      const python = start(join(pythonPeers(), 'bin/python'), ['-m', 'endings', ...args], environment(traced));
      await python.closed;
      expect(python.code(), python.printed()).toBe(0);
      return python.printed().trim().split('\n').map((line) => line.split(' '));
    },
    async recordWith(uuid, fields) {
      let read: unknown;
      await expect.poll(async () => (read = await get(`/tasks/${uuid}`))).toMatchObject(fields);
      return read as TaskRecord;
    },
  };
}

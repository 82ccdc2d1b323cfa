import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { sqliteStore } from '../collector/index.ts';
import { startChildServer } from './child-server.ts';
import { medianOf } from './figure.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import type { Effort } from './rounds.ts';
import { bodiesOf } from './task-bodies.ts';

const CONNECTIONS = 600;
const FULL_MS = 600_000;
const QUICK_MS = 30_000;
/** For how much of the time another process has the store's lock. */
const LOCKED_SHARE = 0.1;
const LOCK_EVERY_MS = 10_000;

/** Sends more than a receiver can take, for ten minutes: it must answer so, not grow, and keep what it acknowledged. */
export function measure({ quick }: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    const path = join(folder, 'taskspan.sqlite');
    await using server = startChildServer('overload-server.ts', [path]);
    const port = await server.answer<number>();
    const until = performance.now() + (quick ? QUICK_MS : FULL_MS);
    const sent = new Sent(port);
    const memory: number[] = [];
    const sample = async (): Promise<void> => {
      for (; performance.now() < until; await delay(1000)) memory.push(await server.memory());
    };
    await Promise.all([sample(), lockNowAndThen(path, until), ...Array.from({ length: CONNECTIONS }, () => sent.postUntil(until))]);
    sent.close();
    const quarter = (number: number): number => medianOf(memory.slice((memory.length * number) >> 2, (memory.length * (number + 1)) >> 2));
    return [
      { name: 'tasks acknowledged', unit: '', ours: sent.acknowledged.length, target: { of: 'ours', least: 1 } },
      { name: 'of them not whole in the store', unit: '', ours: await notWhole(path, sent.acknowledged), target: { of: 'ours', most: 0 } },
      { name: 'answers 429', unit: '', ours: sent.answers(429), target: { of: 'ours', least: 1 } },
      { name: 'answers 503', unit: '', ours: sent.answers(503), target: { of: 'ours', least: 1 } },
      { name: 'other answers than 200, 429, 503', unit: '', ours: sent.otherAnswers(), target: { of: 'ours', most: 0 } },
      { name: 'memory of the server in the last quarter', unit: 'MB', ours: quarter(3) / 1e6 },
      { name: 'against that in the second', unit: '', ours: quarter(3) / quarter(1), target: { of: 'ours', most: 1.2 } },
    ];
  });
}

class Sent {
  readonly acknowledged: string[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #nextBody = bodiesOf('protobuf', 'flood');
  readonly #answers = new Map<number, number>();
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async postUntil(until: number): Promise<void> {
    while (performance.now() < until) {
      const { body, uuids } = this.#nextBody();
      const status = await this.#post(body);
      this.#answers.set(status, this.answers(status) + 1);
      if (status === 200) this.acknowledged.push(...uuids);
    }
  }

  answers(status: number): number {
    return this.#answers.get(status) ?? 0;
  }

  otherAnswers(): number {
    return [...this.#answers].reduce((sum, [status, count]) => ([200, 429, 503].includes(status) ? sum : sum + count), 0);
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(body: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/x-protobuf', 'Content-Length': body.length };
      const sent = request({ port: this.#port, path: '/v1/traces', method: 'POST', agent: this.#agent, headers }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode!));
      });
      sent.on('error', reject).end(body);
    });
  }
}

async function lockNowAndThen(path: string, until: number): Promise<void> {
  const database = new DatabaseSync(path, { timeout: 5000 });
  while (performance.now() + LOCK_EVERY_MS < until) {
    await delay(LOCK_EVERY_MS * (1 - LOCKED_SHARE));
    database.exec('BEGIN IMMEDIATE');
    await delay(LOCK_EVERY_MS * LOCKED_SHARE);
    database.exec('ROLLBACK');
  }
  database.close();
}

async function notWhole(path: string, uuids: readonly string[]): Promise<number> {
  const store = sqliteStore(path);
  let count = 0;
  for (const uuid of uuids) {
    const task = await store.stored(uuid);
    const log = await store.log(uuid);
    if (task?.state !== 'completed' || log?.text.endsWith('\tTask Finished - 9 out of 9 jobs finished\n') !== true) count++;
  }
  await store.close();
  return count;
}

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import type { TestProcess } from '../../support/node-process.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

const SLOW = { timeout: 20_000, interval: 50 };
const BEAT_MS = 100;
/** By this the new store is distinguished from the old store, which knows of the scope that has ended. */
const ONLY_OPEN = { total: 1, finished: 0, failed: 0, running: 1 };

/** A worker that serves, with a task that was cancelled before and one that waits in two scopes until it is cancelled. */
const WORKER = `
  import { setTimeout as pause } from 'node:timers/promises';
  const taskspan = await startTaskspan({ serve: { port: 0 }, beatIntervalMs: ${BEAT_MS} });
  const waiting = (name, callback) =>
    runTask(name, async (updater) => {
      updater.notify('before');
      await updater.scope('outer', async (outer) => {
        await outer.scope('done', () => undefined);
        await outer.scope('inner', async (inner) => {
          await allCommitted(taskspan);
          callback?.(updater);
          await pause(1e9, undefined, { signal: inner.signal });
        });
      });
    }, { attributes: { tenant: 'acme' } }).catch(() => console.log('cancelled ' + name));
  const first = Promise.withResolvers();
  const earlier = waiting('earlier', first.resolve);
  await fetch(taskspan.url + '/tasks/' + (await first.promise).taskUuid + '/cancel', { method: 'POST' });
  await earlier;
  await waiting('work', ({ taskUuid }) => console.log('at ' + taskspan.url + '/tasks/' + taskUuid));
  await taskspan.close();
`;

interface Worker {
  process: TestProcess;
  url: string;
  uuid: string;
  readonly read: () => Promise<Record<string, unknown>>;
}

async function workerWithoutItsFile(folder: string): Promise<Worker> {
  const worker = await startScript(folder, WORKER);
  const url = (await worker.printed(/at (\S+)/))[1]!;
  for (const end of ['', '-wal', '-shm']) rmSync(join(folder, `taskspan.sqlite${end}`), { force: true });
  const read = async (): Promise<Record<string, unknown>> => (await (await fetch(url)).json()) as Record<string, unknown>;
  return { process: worker, url, uuid: url.split('/').at(-1)!, read };
}

test('a task that runs while its store is deleted is in the new one, with its scopes and its worker, and can be cancelled', async () => {
  const folder = await temporaryFolder();
  const { process: worker, url, read } = await workerWithoutItsFile(folder);
  await vi.waitFor(async () => {
    expect(await read()).toMatchObject({
      task_name: 'work', state: 'running', attempt: 1, start: expect.any(String), attributes: { tenant: 'acme' }, cancellable: true,
      heard: expect.any(String), jobs: ONLY_OPEN,
    });
  }, SLOW);
  const scopes = (await (await fetch(`${url}/scopes`)).json()) as { scopes: { name: string }[] };
  expect(JSON.stringify(scopes)).toMatch(/"outer".*"inner"/);
  expect((await fetch(`${url}/cancel`, { method: 'POST' })).status).toBe(202);
  await worker.printed(/cancelled work/);
  expect((await worker.ended).code).toBe(0);
  const record = (await recordsOf(storeIn(folder))).get('work')!;
  // The notification was reported before, and can not be repeated.
  expect(record).toMatchObject({ state: 'cancelled', facts_missing: 1, cancellable: false });
});

test('the outage of a store that is deleted is reported once, and so is its end', async () => {
  const { process: worker, url } = await workerWithoutItsFile(await temporaryFolder());
  // Whichever comes upon it first.
  const [begun, trouble] = await worker.printedError(new RegExp(`taskspan: (${Object.keys(ENDS).join('|')}): .*\n`));
  const ended = `taskspan: ${ENDS[trouble as keyof typeof ENDS]}\n`;
  await worker.printedError(new RegExp(ended));
  await vi.waitFor(async () => expect((await fetch(`${url}/cancel`, { method: 'POST' })).status).toBe(202), SLOW);
  const { stderr } = await worker.ended;
  expect([stderr.split(begun).length - 1, stderr.split(ended).length - 1]).toEqual([1, 1]);
});

const ENDS = {
  'facts could not be committed, trying again': 'facts are being committed again',
  'requests to cancel tasks can not be read': 'requests to cancel tasks are read again',
  'heartbeats can not be stored or read, trying again': 'heartbeats are stored and read again',
};

test('a task whose store is deleted and whose worker is killed afterwards is lost', async () => {
  const folder = await temporaryFolder();
  const { process: worker, read, uuid } = await workerWithoutItsFile(folder);
  await vi.waitFor(async () => expect(await read()).toMatchObject({ task_name: 'work', jobs: ONLY_OPEN }), SLOW);
  worker.kill('SIGKILL');
  await worker.ended;
  await startScript(folder, `await startTaskspan({ beatIntervalMs: ${BEAT_MS} }); setInterval(() => undefined, 1000);`);
  const store = storeIn(folder);
  await vi.waitFor(async () => expect(await store.stored(uuid)).toMatchObject({ state: 'lost' }), SLOW);
});

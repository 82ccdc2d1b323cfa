import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { watchTask } from '../../src/client/index.ts';
import type { LogEntryJson, TaskSnapshot, WatchTaskOptions } from '../../src/client/index.ts';
import type { TaskRecord } from '../../src/task-record.ts';
import { UUID } from '../collector/record/scripted-task.ts';
import { recordsOf, storeIn } from '../collector/runtime/script.ts';
import { startSteppingTask, startStreamServer } from '../collector/server/streaming-processes.ts';
import type { TestProcess } from '../support/node-process.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { describeWithBrowser, startPage, startProxy } from './browser-and-proxy.ts';

/** What a client has seen of a task so far. */
interface Seen {
  snapshot: TaskSnapshot<string | readonly LogEntryJson[]>;
  /** The connection after each change of it. */
  connections: string[];
  /** Details of errors, each once. */
  errors: string[];
  /** How much of the log it has. */
  bytes: number;
}

type Options = Pick<WatchTaskOptions, 'log' | 'scopes' | 'silentMs'>;

/** A client that follows the task. */
interface Client {
  /** What it has seen so far; its snapshot only where that is asked for: it is long. */
  (part?: 'snapshot'): Promise<Seen>;
}

type Follow = (url: string, options: Options) => Promise<Client>;

/** Collects what a watch gives; the same text runs in the browser. */
function collect(watch: { subscribe(listener: () => void): unknown; getSnapshot(): unknown }): Seen {
  const seen = { connections: [], errors: [] } as unknown as Seen;
  const look = (): void => {
    seen.snapshot = watch.getSnapshot() as Seen['snapshot'];
    const { connection, error, log } = seen.snapshot;
    seen.bytes = log.bytes;
    if (seen.connections.at(-1) !== connection) seen.connections.push(connection);
    if (error && !seen.errors.includes(error.detail)) seen.errors.push(error.detail);
  };
  look();
  watch.subscribe(look);
  return seen;
}

const inNode: Follow = async (url, options) => {
  const watch = watchTask(`${url}/tasks/${UUID}`, options);
  onTestFinished(() => watch.close());
  const seen = collect(watch);
  return async () => seen;
};

/** In a page, as a module that the server itself serves. */
const inChromium: Follow = async (url, options) => {
  const page = await startPage();
  await page.goto(`${url}/tasks/assets/index.js`);
  await page.evaluate(`(async () => {
    const { watchTask } = await import('/tasks/assets/index.js');
    globalThis.seen = (${collect.toString()})(watchTask('/tasks/${UUID}', ${JSON.stringify(options)}));
  })()`);
  return (part) => page.evaluate(part === 'snapshot' ? 'seen' : '({ ...seen, snapshot: undefined })');
};

const textOf = ({ snapshot }: Seen): string => snapshot.log.parts.map((part) => (typeof part === 'string' ? part : part.map(({ text }) => text).join(''))).join('');
const bytesOf = async (seen: Client): Promise<number> => (await seen()).bytes;

/** Ends the task, and checks that the client has the record, the log and the tree of the store, and one end. */
async function expectWhole(folder: string, task: TestProcess, follow: Client): Promise<void> {
  await writeFile(`${folder}/stop`, '');
  expect((await task.ended).code).toBe(0);
  await expect.poll(async () => (await follow()).connections.at(-1)).toBe('ended');
  const seen = await follow('snapshot');
  const { log, log_offset: _, ...record } = (await recordsOf(storeIn(folder))).get('stepping') as TaskRecord;
  expect(seen.snapshot.task).toMatchObject(record);
  expect(seen.snapshot.log).toMatchObject({ from: 0, bytes: Buffer.byteLength(log) });
  expect(textOf(seen)).toBe(log);
  expect(seen.connections.filter((connection) => connection === 'ended')).toEqual(['ended']);
}

describeWithBrowser('the client', () => {
  const FORMS: Options[] = [{}, { log: 'entries', scopes: true }];
  for (const [place, follow] of [['Node.js', inNode], ['Chromium, as a module that the app serves', inChromium]] as const) {
    for (const options of FORMS) {
      test(`in ${place} misses nothing of a task whose server is killed and started again, with ${JSON.stringify(options)}`, async () => {
        const folder = await temporaryFolder();
        const task = await startSteppingTask(folder, UUID);
        let server = await startStreamServer(folder);
        const port = Number(new URL(server.url).port);
        const seen = await follow(server.url, options);
        for (let kill = 0; kill < 2; kill++) {
          const before = await bytesOf(seen);
          await expect.poll(() => bytesOf(seen)).toBeGreaterThan(before);
          server.process.kill('SIGKILL');
          await server.process.ended;
          await expect.poll(async () => (await seen()).connections.at(-1)).toBe('interrupted');
          server = await startStreamServer(folder, port);
          await expect.poll(async () => (await seen()).connections.at(-1)).toBe('live');
        }
        await expectWhole(folder, task, seen);
        const { connections } = await seen();
        expect(connections.slice(0, 2)).toEqual(['connecting', 'live']);
      });
    }

    test(`in ${place} goes on after the 502 of nginx, which is HTML`, async () => {
      const folder = await temporaryFolder();
      const task = await startSteppingTask(folder, UUID);
      let server = await startStreamServer(folder);
      const proxy = await startProxy(folder, server.url);
      const seen = await follow(proxy, {});
      await expect.poll(async () => (await seen()).connections.at(-1)).toBe('live');
      server.process.kill('SIGKILL');
      await server.process.ended;
      await expect.poll(async () => (await seen()).errors).toContainEqual(expect.stringMatching(/^502 text\/html/));
      server = await startStreamServer(folder, Number(new URL(server.url).port));
      await expect.poll(async () => (await seen()).connections.at(-1)).toBe('live');
      await expectWhole(folder, task, seen);
    });

    test(`in ${place} leaves a server that has stopped to answer, and goes on when it answers again`, async () => {
      const folder = await temporaryFolder();
      const task = await startSteppingTask(folder, UUID);
      const server = await startStreamServer(folder);
      const seen = await follow(server.url, { silentMs: 2000 });
      await expect.poll(async () => (await seen()).connections.at(-1)).toBe('live');
      server.process.kill('SIGSTOP');
      await expect.poll(async () => (await seen()).errors.length).toBeGreaterThan(0);
      server.process.kill('SIGCONT');
      await expect.poll(async () => (await seen()).connections.at(-1)).toBe('live');
      await expectWhole(folder, task, seen);
    });
  }

  test('goes on at another server on the same store', async () => {
    const folder = await temporaryFolder();
    const task = await startSteppingTask(folder, UUID);
    const [first, second] = [await startStreamServer(folder), await startStreamServer(folder)];
    let origin = first.url;
    const asked: string[] = [];
    const watch = watchTask(`http://tasks.localhost/tasks/${UUID}`, {
      scopes: true,
      fetch: (url, init) => {
        const to = url.replace('http://tasks.localhost', origin);
        asked.push(to);
        return fetch(to, init);
      },
    });
    onTestFinished(() => watch.close());
    const seen = collect(watch);
    await expect.poll(() => seen.bytes).toBeGreaterThan(100);
    origin = second.url;
    first.process.kill('SIGKILL');
    await expect.poll(() => asked.at(-1)).toMatch(new RegExp(`^${second.url}.*after=\\d`));
    const before = seen.bytes;
    await expect.poll(() => seen.bytes).toBeGreaterThan(before);
    await expectWhole(folder, task, async () => seen);
  });
});

import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { memoryStore, sqliteStore, startTaskspan, TaskSpanProcessor } from '../../../collector/index.ts';
import type { TaskspanOptions } from '../../../collector/index.ts';
import { runTask } from '../../../src/index.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

/**
 * Flush and close settle while an application's tests have put fake timers in place, and leave none of ours among them.
 *
 * @isolated The fake timers are those of the whole process.
 */

const ALL = [
  'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'performance', 'Date',
] as const;

afterEach(() => void vi.useRealTimers());

/** One flush ends after two seconds, also where a loaded machine has not committed all by then. */
async function allFlushed(flush: () => Promise<void>): Promise<void> {
  for (let times = 0; times < 5; times++) await flush();
}

const WAYS: [string, () => Promise<TaskspanOptions>][] = [
  ['in a thread of its own', async () => ({ store: join(await temporaryFolder(), 'taskspan.sqlite') })],
  ['with a server', async () => ({ store: join(await temporaryFolder(), 'taskspan.sqlite'), serve: { port: 0 } })],
  ["in the task's own thread", () => Promise.resolve({ store: memoryStore() })],
  ["in the task's own thread, with a server", () => Promise.resolve({ store: memoryStore(), serve: { port: 0 } })],
];

test.each(WAYS)('vi.useFakeTimers() holds up neither start, flush nor close: %s', async (_, optionsOf) => {
  const options = await optionsOf();
  vi.useFakeTimers({ toFake: [...ALL] });
  const taskspan = await startTaskspan({ ...options, retention: false });
  const uuid = runTask('task', ({ taskUuid }) => taskUuid);
  await allFlushed(() => taskspan.flush());
  expect(await taskspan.store.task(uuid)).toMatchObject({ state: 'completed' });
  expect(vi.getTimerCount()).toBe(0);
  await taskspan.close();
});

test.each(WAYS)('nor where they come after the start: %s', async (_, optionsOf) => {
  const taskspan = await startTaskspan(await optionsOf());
  vi.useFakeTimers({ toFake: [...ALL] });
  const uuid = await runTask('task', async ({ taskUuid }) => taskUuid);
  await allFlushed(() => taskspan.flush());
  expect(await taskspan.store.task(uuid)).toMatchObject({ state: 'completed' });
  expect(vi.getTimerCount()).toBe(0);
  await taskspan.close();
});

test.each([
  ['answers', true],
  ['never answers', false],
])('nor where spans are sent to a receiver that %s', { timeout: 60_000 }, async (_, answers) => {
  const paths: (string | undefined)[] = [];
  const unanswered: ServerResponse[] = [];
  const receiver = createServer((request, response) => {
    paths.push(request.url);
    if (answers) response.end('{}');
    else unanswered.push(response);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => void receiver.once('listening', resolve));
  onTestFinished(async () => {
    // A connection that breaks would be tried again, by a timer among the fake ones of the next test.
    const open = unanswered.filter(({ destroyed }) => !destroyed);
    await Promise.all(open.map((response) => new Promise((resolve) => response.once('close', resolve).end('{}'))));
    receiver.close();
    receiver.closeIdleConnections();
  });
  const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  vi.useFakeTimers({ toFake: [...ALL] });
  const taskspan = await startTaskspan({ store: memoryStore(), endpoint });
  runTask('task', () => undefined);
  await taskspan.flush();
  expect(paths).toEqual(['/v1/traces']);
  await taskspan.close();
});

test('nor the processor of an own provider, while its store is locked', async () => {
  const store = sqliteStore(join(await temporaryFolder(), 'taskspan.sqlite'));
  const append = store.append.bind(store);
  let failures = 0;
  store.append = (facts) => (failures++ < 3 ? Promise.reject(new Error('locked')) : append(facts));
  vi.useFakeTimers({ toFake: [...ALL] });
  const provider = new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store })] });
  provider.getTracer('taskspan').startSpan('task', { attributes: { 'taskspan.span': 'task', 'taskspan.task.uuid': crypto.randomUUID() } }).end();
  await allFlushed(() => provider.forceFlush());
  expect((await store.tasks({ limit: 1 })).tasks).toMatchObject([{ state: 'completed' }]);
  expect(vi.getTimerCount()).toBe(0);
  await provider.shutdown();
  await store.close();
});

const NODE_TEST = `import { mock } from 'node:test';
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] });`;

/** As Jest and Sinon.js do: the globals, and what a module exports. */
const REPLACED = `import timers from 'node:timers';
  import promises from 'node:timers/promises';
  for (const name of ['setTimeout', 'setInterval', 'setImmediate']) {
    globalThis[name] = timers[name] = () => ({ unref() {}, ref() {} });
    promises[name] = () => new Promise(() => undefined);
  }
  globalThis.queueMicrotask = () => undefined;
  globalThis.performance.now = () => 1;
  Date.now = () => 1_700_000_000_000;`;

test.each([
  ['mock.timers of node:test', NODE_TEST],
  ['replaced globals and modules', REPLACED],
])('%s hold up neither flush nor close', async (_, fake) => {
  const folder = await temporaryFolder();
  const [imports, ...statements] = [fake.match(/^\s*import .*$/gm)!.join('\n'), fake.replaceAll(/^\s*import .*$/gm, '')];
  const script = await startScript(
    folder,
    `${imports}
     ${statements.join('\n')}
     // By the clock that the test has set, the task ended long ago.
     const taskspan = await startTaskspan({ retention: false });
     runTask('task', (updater) => updater.notify('said'));
     await allCommitted(taskspan);
     await taskspan.close();
     console.log('closed');`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: 'closed\n', stderr: '' });
  expect((await recordsOf(storeIn(folder))).get('task')).toMatchObject({ state: 'completed' });
});

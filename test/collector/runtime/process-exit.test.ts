import { buffer } from 'node:stream/consumers';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { traceRequest } from '../../support/trace-request.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

/** Leaves a task with three open scopes, two of them in parallel, and one that is done. */
const OPEN_TASK = `
  const updater = new TaskUpdater({ taskName: 'open', suppressException: false });
  void updater.scope('Outer', async (outer) => {
    outer.scope('Done', () => undefined);
    void outer.scope('Left', () => new Promise(() => undefined));
    await outer.scope('Right', () => new Promise(() => undefined));
  });
`;

const started = (name: string): string => `\t - ${name}\n`;
const failed = (reason: string): string => `\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nUnfinishedError: ${reason}\n`;
const DONE = `${started('Outer')}${started('Done')}\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n`;

test.for([
  ['process.exit()', 'process.exit(3);', 3, 'process ended: exit code 3'],
  ['an uncaught error', "throw new TypeError('nobody catches this');", 1, 'uncaught error: TypeError: nobody catches this'],
  ['an exit by its exit code', 'process.exitCode = 4; process.exit();', 4, 'process ended: exit code 4'],
  [
    'an exit some time after an uncaught error that was handled',
    `process.once('uncaughtException', () => setTimeout(() => process.exit(5), 5)); setTimeout(() => { throw new Error('handled'); });
     await new Promise(() => undefined);`,
    5, 'process ended: exit code 5',
  ],
  ['a natural end', '', 0, 'the process ended with the task open'],
] as const)('%s ends what is open as failed, inner scopes first', async ([, end, code, reason]) => {
  const folder = await temporaryFolder();
  const script = await startScript(folder, `await startTaskspan();\n${OPEN_TASK}\n${end}`);
  expect((await script.ended).code).toBe(code);
  const record = (await recordsOf(storeIn(folder))).get('open')!;
  expect(record).toMatchObject({
    state: 'failed', status: 0, finished: true, exception: reason, jobs: { total: 3, finished: 1, failed: 2, running: 0 },
  });
  const [, thrown] = /^uncaught error: (.*)/.exec(reason) ?? [];
  const lines = failed(reason) + (thrown === undefined ? '' : `\t  | caused by ${thrown}\n`);
  expect(record.log).toBe(
    `${DONE}${started('Left')}${started('Right')}${lines}` +
      `${started('Left (continued)')}${lines}\tTask Finished - 1 out of 3 jobs finished\n`,
  );
  const [attempt] = (await storeIn(folder).scopes(record.task_uuid))!.attempts;
  const ends = [attempt!, ...attempt!.scopes, ...attempt!.scopes[0]!.scopes];
  expect(ends.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
    'open failed', 'Outer failed', 'Done completed', 'Left failed', 'Right failed',
  ]);
});

test.for(['SIGTERM', 'SIGINT'] as const)('%s, taken, ends what is open as cancelled, and the process by the signal', async (signal) => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `await startTaskspan({ handleSignals: true });\n${OPEN_TASK}\nsetInterval(() => {}, 1000); console.log('up');`,
  );
  await script.printed(/up/);
  script.kill(signal);
  expect(await script.ended).toMatchObject({ code: null, signal });
  const record = (await recordsOf(storeIn(folder))).get('open')!;
  expect(record).toMatchObject({ state: 'cancelled', exception: '', jobs: { total: 1, finished: 1, failed: 0, running: 0 } });
  expect(record.log).toBe(
    `${DONE}${started('Left')}${started('Right')}\t\tCancelled\n\t\tTime spent: 0h0m\n` +
      `${started('Left (continued)')}\t\tCancelled\n\t\tTime spent: 0h0m\n` +
      `\tStopped by ${signal}\n${started('open')}\t\tCancelled\n\t\tTime spent: 0h0m\n\tTask Cancelled - 1 out of 1 jobs finished\n`,
  );
});

test('a signal that is not taken ends the process as ever', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan();\n${OPEN_TASK}\nawait allCommitted(taskspan); setInterval(() => {}, 1000); console.log('up');`,
  );
  await script.printed(/up/);
  script.kill('SIGTERM');
  expect(await script.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
  expect((await recordsOf(storeIn(folder))).get('open')).toMatchObject({ state: 'running' });
});

test('an application that listens to the signal itself ends when it likes, with what is open ended', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `await startTaskspan({ handleSignals: true });\n${OPEN_TASK}
     process.on('SIGTERM', () => setTimeout(() => process.exit(7), 50));
     setInterval(() => {}, 1000); console.log('up');`,
  );
  await script.printed(/up/);
  script.kill('SIGTERM');
  expect(await script.ended).toMatchObject({ code: 7, signal: null });
  expect((await recordsOf(storeIn(folder))).get('open')).toMatchObject({ state: 'cancelled' });
});

/** Takes spans, and with `silent` never answers. */
async function otlpServer(silent = false): Promise<{ url: string; names: string[]; asked: Promise<void> }> {
  const names: string[] = [];
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      names.push(...traceRequest(body).spans.map(({ name }) => name));
      resolve();
      if (!silent) response.end();
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((done) => server.once('listening', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, names, asked };
}

test.for([
  ['SIGTERM', "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);"],
  ['a natural end', ''],
] as const)('at %s the spans of what was open are sent', async ([, end]) => {
  const folder = await temporaryFolder();
  const { url, names } = await otlpServer();
  const script = await startScript(folder, `await startTaskspan({ handleSignals: true, store: 'taskspan.sqlite', endpoint: '${url}' });\n${OPEN_TASK}\n${end}`);
  await script.ended;
  expect(names.toSorted()).toEqual(['Done', 'Left', 'Outer', 'Right', 'open']);
});

test('a second signal ends the process at once', async () => {
  const folder = await temporaryFolder();
  const { url, asked } = await otlpServer(true);
  const script = await startScript(
    folder,
    `import { writeSync } from 'node:fs';
     await startTaskspan({ handleSignals: true, store: 'taskspan.sqlite', endpoint: '${url}' });\n${OPEN_TASK}
     setInterval(() => {}, 1000); console.log('up');`,
  );
  await script.printed(/up/);
  // Opened before: the end waits for two seconds.
  const store = storeIn(folder);
  script.kill('SIGTERM');
  await asked;
  await expect.poll(async () => (await recordsOf(store)).get('open')?.state).toBe('cancelled');
  script.kill('SIGINT');
  expect(await script.ended).toMatchObject({ code: null, signal: 'SIGINT' });
});

test('with an endpoint that never answers a signal ends the process all the same', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const { url } = await otlpServer(true);
  const script = await startScript(
    folder,
    `await startTaskspan({ handleSignals: true, store: 'taskspan.sqlite', endpoint: '${url}' });\n${OPEN_TASK}\nsetInterval(() => {}, 1000); console.log('up');`,
  );
  await script.printed(/up/);
  script.kill('SIGTERM');
  expect(await script.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
  expect((await recordsOf(storeIn(folder))).get('open')).toMatchObject({ state: 'cancelled' });
});

test('at the natural end another listener may still end the task', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `await startTaskspan();
     const updater = new TaskUpdater({ taskName: 'late' });
     process.once('beforeExit', () => setTimeout(() => updater.complete(), 20));`,
  );
  expect((await script.ended).code).toBe(0);
  expect((await recordsOf(storeIn(folder))).get('late')).toMatchObject({ state: 'completed' });
});

test('an application with a provider of its own has its tasks ended too', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { NodeTracerProvider } from '${import.meta.resolve('@opentelemetry/sdk-trace-node')}';
     import { sqliteStore, TaskSpanProcessor } from '${new URL('../../../collector/index.ts', import.meta.url).href}';
     new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store: sqliteStore('taskspan.sqlite') })] }).register();
     ${OPEN_TASK}
     process.exit(3);`,
  );
  expect((await script.ended).code).toBe(3);
  expect((await recordsOf(storeIn(folder))).get('open')).toMatchObject({ state: 'failed', exception: 'process ended: exit code 3' });
});

test('an updater that is dropped without its final update is ended as abandoned; one that is in use is not', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { currentUpdater } from '${new URL('../../../src/index.ts', import.meta.url).href}';
     import { setTimeout as pause } from 'node:timers/promises';
     const taskspan = await startTaskspan({ serve: { port: 0 } });
     console.log(taskspan.url + '/tasks');
     (() => { const updater = new TaskUpdater({ taskName: 'dropped' }); updater.signal.addEventListener('abort', () => updater.notify('never')); updater.scope('Open'); })();
     (() => { const updater = new TaskUpdater({ taskName: 'stuck' }); void updater.scope('Never', () => new Promise(() => undefined)); })();
     let stop = false;
     void new TaskUpdater({ taskName: 'running' }).scope('Runs', async () => { while (!stop) await pause(5); currentUpdater().complete(); });
     const held = (() => new TaskUpdater({ taskName: 'held by a scope' }).scope('Held'))();
     const waiting = runTask('runTask', async () => { while (!stop) await pause(5); });
     new TaskUpdater({ taskName: 'timer' }).run(() => { const timer = setInterval(() => { if (!stop) return; clearInterval(timer); currentUpdater().complete(); }, 5); });
     for (;;) {
       gc();
       await pause(5);
       const { tasks } = await taskspan.store.tasks({ limit: 10 });
       if (tasks.filter(({ state }) => state === 'failed').length >= 2) break;
     }
     for (let round = 0; round < 5; round++) { gc(); await pause(5); }
     const { tasks } = await taskspan.store.tasks({ limit: 10 });
     console.log(JSON.stringify(Object.fromEntries(tasks.map(({ summary, state }) => [JSON.parse(summary).task_name, state]))));
     stop = true;
     held.complete();
     await waiting;`,
    { args: ['--expose-gc'] },
  );
  const { stdout } = await script.ended;
  expect(JSON.parse(stdout.split('\n')[1]!)).toEqual({
    dropped: 'failed', stuck: 'failed', running: 'running', 'held by a scope': 'running', runTask: 'running', timer: 'running',
  });
  const records = await recordsOf(storeIn(folder));
  expect(records.get('dropped')).toMatchObject({
    exception: 'abandoned: the updater was dropped without its final update', jobs: { total: 1, failed: 1 },
  });
  expect(records.get('dropped')!.log).toContain(`${started('Open')}${failed('abandoned: the updater was dropped without its final update')}`);
  expect(records.get('running')).toMatchObject({ state: 'completed', jobs: { finished: 1 } });
  expect(records.get('timer')).toMatchObject({ state: 'completed' });
});

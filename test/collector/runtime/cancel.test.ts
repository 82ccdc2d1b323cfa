import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TaskRecord } from '../../../collector/index.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import type { TestProcess } from '../../support/node-process.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

/** Prints the URL of a task, and how its function ended. */
const PREAMBLE = `
  import { setTimeout as pause } from 'node:timers/promises';
  const taskspan = await startTaskspan({ serve: { port: 0 } });
  const print = (...words) => console.log(...words);
  const urlOf = (updater) => taskspan.url + '/tasks/' + updater.taskUuid;
  /** Ends some turns after the cancellation was heard, whatever becomes of it. */
  const heard = (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve));
  const alive = setInterval(() => {}, 1000);
`;

async function started(text: string, folder?: string): Promise<{ script: TestProcess; url: string }> {
  const script = await startScript(folder ?? (await temporaryFolder()), PREAMBLE + text);
  const [url] = await script.printed(/http:\S+/);
  return { script, url };
}

const recordAt = async (url: string): Promise<TaskRecord> => (await (await fetch(url)).json()) as TaskRecord;
const cancel = (url: string): Promise<Response> => fetch(`${url}/cancel`, { method: 'POST' });

/** Cancels as soon as the task is known, and gives its record when it has ended. */
async function cancelled(url: string): Promise<TaskRecord> {
  await expect.poll(async () => (await fetch(url)).status).toBe(200);
  expect((await cancel(url)).status).toBe(202);
  await expect.poll(async () => (await recordAt(url)).finished).toBe(true);
  return recordAt(url);
}

const END = `catch (error) { print('threw', error.name, error.code, error.message); }`;

test('a running task that is cancelled by HTTP hears it within a second, and ends as cancelled in record and log', async () => {
  const folder = await temporaryFolder();
  const { script, url } = await started(`
    import { existsSync } from 'node:fs';
    try {
      await runTask('Long', async (updater) => {
        print(urlOf(updater));
        await updater.scope('First', () => undefined);
        await updater.scope('Wait', async (scope) => {
          scope.signal.addEventListener('abort', () => print('signal', scope.signal.reason === updater.signal.reason));
          // Nothing is reported before the test has read the record twice.
          while (!existsSync('go on')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
          await pause(600_000, undefined, { signal: updater.signal });
        });
      });
    } ${END}
  `, folder);
  await expect.poll(() => recordAt(url)).toMatchObject({ cancellable: true, jobs: { running: 1 }, log: expect.stringContaining('\t - Wait\n') });
  const { version } = await recordAt(url);
  const answer = await cancel(url);
  expect(answer.status).toBe(202);
  expect(new URL(answer.headers.get('Location')!, `${url}/cancel`).href).toBe(url);
  expect(await answer.json()).toMatchObject({ url });
  expect((await recordAt(url)).version).toBe(version);
  await writeFile(join(folder, 'go on'), '');
  await script.printed(/signal true/);
  await script.printed(/threw AbortError ABORT_ERR/);
  await expect.poll(() => recordAt(url)).toMatchObject({
    state: 'cancelled', status: 0, finished: true, exception: '', cancellable: false,
    jobs: { total: 1, finished: 1, failed: 0, running: 0 },
  });
  const { log } = await recordAt(url);
  expect(log).toBe(
    '\t - First\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n' +
      '\t - Wait\n\t\tCancelled\n\t\tTime spent: 0h0m\n' +
      '\t - Long\n\t\tCancelled\n\t\tTime spent: 0h0m\n\tTask Cancelled - 1 out of 1 jobs finished\n',
  );
  const again = await cancel(url);
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ detail: expect.stringContaining('has ended') });
});

test('code that blocks its event loop stops at its next scope, its task\'s next attempt and a new child at their start', async () => {
  const { script, url } = await started(`
    const { continueTask } = await import('${new URL('../../../src/index.ts', import.meta.url).href}');
    const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    const until = async (work) => { try { await work(); print('completed'); } catch ({ code, by }) { print('threw', code, by); } };
    let carrier;
    const begin = (updater) => { carrier = updater.carrier(); print(urlOf(updater)); };
    const steps = (updater) => { for (;;) updater.scope('Step', block); };
    await until(() => runTask('Blocks', (updater) => { begin(updater); steps(updater); }));
    await until(() => continueTask(carrier).nextAttempt(steps));
    await until(() => continueTask(carrier).child('Child', steps));
    print('done');
  `);
  await expect.poll(async () => (await fetch(url)).status).toBe(200);
  expect((await fetch(`${url}/cancel?by=ada`, { method: 'POST' })).status).toBe(202);
  await script.printed(/(threw TASKSPAN_CANCELLED ada\n){3}done/);
  await expect.poll(() => recordAt(url)).toMatchObject({ attempt: 2, cancel: { by: 'ada', reason: null, heard: expect.any(String) } });
});

test('fetch with the signal just works', async () => {
  const { script, url } = await started(`
    import { createServer } from 'node:http';
    const server = createServer((request) => {
      print('asked');
      request.on('close', () => print('the connection was closed'));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      await runTask('Fetch', (updater) => {
        print(urlOf(updater));
        return updater.scope('Ask', () => fetch('http://127.0.0.1:' + server.address().port, { signal: updater.signal }));
      });
    } ${END}
  `);
  await script.printed(/asked/);
  const record = await cancelled(url);
  await script.printed(new RegExp(`threw AbortError TASKSPAN_CANCELLED task ${record.task_uuid} was cancelled`));
  await script.printed(/the connection was closed/);
  expect(record).toMatchObject({ state: 'cancelled', exception: '' });
});

test('each stops before the next item, of a sync iterable as of an async one, and closes it', async () => {
  const { script, url } = await started(`
    try {
      await runTask('Each', async (updater) => {
        print(urlOf(updater));
        const items = (kind) => ({ *[Symbol.iterator]() { try { for (let item = 0; ; item++) yield item; } finally { print(kind, 'closed'); } } });
        const asyncItems = (async function* () { try { for (let item = 0; ; item++) yield item; } finally { print('async closed'); } })();
        const sync = updater.scope('sync', async (scope) => {
          for (const item of scope.each(items('sync'))) { if (scope.signal.aborted) print('an item too many', item); await pause(1); }
        });
        const async = updater.scope('async', async (scope) => {
          for await (const item of scope.each(asyncItems)) { if (scope.signal.aborted) print('an item too many', item); await pause(1); }
        });
        const results = await Promise.allSettled([sync, async]);
        print(results.map(({ reason }) => reason === updater.signal.reason).join());
        throw results[0].reason;
      });
    } ${END}
    print('done');
    process.on('SIGTERM', () => process.exit(0));
  `);
  expect(await cancelled(url)).toMatchObject({ state: 'cancelled', jobs: { total: 0 } });
  await script.printed(/done/);
  script.kill('SIGTERM');
  const { stdout } = await script.ended;
  expect(stdout).toContain('sync closed\n');
  expect(stdout).toContain('async closed\n');
  expect(stdout).toContain('true,true\n');
  expect(stdout).not.toContain('an item too many');
});

test('nested and parallel scopes all end as cancelled, and no further scope runs, though errors are suppressed', async () => {
  const folder = await temporaryFolder();
  const { script, url } = await started(`
    const updater = new TaskUpdater({ taskName: 'Nested' });
    print(urlOf(updater));
    try {
      await updater.scope('Outer', async (outer) => {
        await outer.scope('Fails', () => { throw new Error('no'); });
        await Promise.all([
          outer.scope('Left', () => pause(600_000, undefined, { signal: outer.signal })),
          outer.scope('Right', async (scope) => {
            await heard(scope.signal);
            scope.scope('Never', () => print('ran'));
          }),
        ]);
      });
      print('went on');
    } ${END}
    print('ended', await new Promise((resolve) => setImmediate(resolve, updater.isOpen)));
    try { updater.raiseLatestException(); } catch (error) { print('raised', error.code, error === updater.signal.reason); }
    try { updater.raiseLatestException(); } catch (error) { print('again', error.code); }
    clearInterval(alive);
  `, folder);
  await expect.poll(async () => (await recordAt(url)).jobs).toMatchObject({ failed: 1, running: 2 });
  expect((await cancel(url)).status).toBe(202);
  const { stdout } = await script.ended;
  expect(stdout).not.toContain('ran\n');
  expect(stdout).not.toContain('went on');
  expect(stdout).toContain('raised TASKSPAN_CANCELLED true\nagain TASKSPAN_CANCELLED\n');
  const record = (await recordsOf(storeIn(folder))).get('Nested')!;
  expect(record).toMatchObject({ state: 'cancelled', exception: 'no', jobs: { total: 1, finished: 0, failed: 1, running: 0 } });
  const [attempt] = (await storeIn(folder).scopes(record.task_uuid))!.attempts;
  const [outer] = attempt!.scopes;
  expect([outer!, ...outer!.scopes].map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
    'Outer cancelled', 'Fails failed', 'Left cancelled', 'Right cancelled',
  ]);
});

test('a task that finishes without hearing of it has completed', async () => {
  const { url } = await started(`
    await runTask('Deaf', async (updater) => {
      print(urlOf(updater));
      await updater.scope('Work', async (scope) => { await heard(scope.signal); });
    });
  `);
  expect(await cancelled(url)).toMatchObject({ state: 'completed', jobs: { finished: 1 } });
});

test('cancelled at the server of another process on the same file, it stops too', async () => {
  const folder = await temporaryFolder();
  const { url, script } = await started(
    `try { await runTask('Here', async (updater) => { print(urlOf(updater)); await pause(600_000, undefined, { signal: updater.signal }); }); } ${END}`,
    folder,
  );
  const other = await started(`print(taskspan.url);`, folder);
  const there = other.url + new URL(url).pathname;
  await expect.poll(async () => (await fetch(there)).status).toBe(200);
  expect((await cancel(there)).status).toBe(202);
  expect((await cancel(there)).status).toBeOneOf([202, 409]);
  await script.printed(/threw AbortError/);
  await expect.poll(() => recordAt(there)).toMatchObject({ state: 'cancelled' });
});

test("the collector in the task's own thread hears it likewise", async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { setTimeout as pause } from 'node:timers/promises';
     const taskspan = await startTaskspan({ store: memoryStore(), serve: { port: 0 } });
     const alive = setInterval(() => {}, 1000);
     await runTask('Here', async (updater) => {
       console.log(taskspan.url + '/tasks/' + updater.taskUuid);
       await pause(600_000, undefined, { signal: updater.signal });
     }).catch((error) => console.log('threw', error.name));`,
  );
  const [url] = await script.printed(/http:\S+/);
  expect(await cancelled(url)).toMatchObject({ state: 'cancelled' });
  await script.printed(/threw AbortError/);
});

test('a request that came while the collector thread was dead is heard when the thread is started again', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const { url, script } = await started(
    `import { channel } from 'node:diagnostics_channel';
     const workers = [];
     channel('worker_threads').subscribe(({ worker }) => workers.push(worker));
     await taskspan.close();
     const again = await startTaskspan();
     try {
       await runTask('Here', async (updater) => {
         await updater.scope('known', () => allCommitted(again));
         await workers.at(-1).terminate();
         print(urlOf(updater).replace('undefined', 'http://nowhere'));
         await pause(600_000, undefined, { signal: updater.signal });
       });
     } ${END}`,
    folder,
  );
  const store = storeIn(folder);
  await expect.poll(() => store.cancel(new URL(url).pathname.split('/').at(-1)!)).toBe('requested');
  await script.printed(/threw AbortError/);
});

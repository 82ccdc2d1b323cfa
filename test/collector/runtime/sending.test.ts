import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import type { TestProcess } from '../../support/node-process.ts';
import { latestAttempt } from '../../../collector/record/task-fold.ts';
import { commit, logOf } from '../record/folding.ts';
import { startLogReceiver } from '../otlp/receive/log-receiver.ts';
import type { LogReceiver } from '../otlp/receive/log-receiver.ts';
import { startScript, stepsIn } from './script.ts';

const SECRET = 'a-secret-of-16-letters';

async function startSending(receiver: LogReceiver, text: string, env: Record<string, string> = {}): Promise<TestProcess> {
  return startScript(await temporaryFolder(), text, { env: { TASKSPAN_ENDPOINT: receiver.url, ...env } });
}

const linesAt = (receiver: LogReceiver): number => (receiver.facts().length === 0 ? 0 : stepsIn(logOf(receiver.facts())));

describe('with an endpoint and no store', () => {
  test('facts are sent while the task runs, whatever blocks it, and nothing is kept here', async () => {
    const receiver = await startLogReceiver();
    const folder = await temporaryFolder();
    const script = await startScript(
      folder,
      `const taskspan = await startTaskspan({ endpoint: '${receiver.url}', serviceName: 'imports' });
       const updater = new TaskUpdater({ taskName: 'work' });
       updater.notify('step 0');
       console.log(await taskspan.store.stored(updater.taskUuid).catch(({ name, code, message }) => [name, code, message].join(' ')));
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`,
    );
    await expect.poll(() => linesAt(receiver)).toBe(1);
    const [line] = await script.printed(/^.*\n/);
    expect(line).toBe(`TaskStoreError UNAVAILABLE records are not kept in this process: they are served at ${receiver.url}\n`);
    expect(receiver.taken[0]?.resource).toMatchObject({ 'service.name': 'imports', 'process.pid': expect.any(Number), 'host.name': expect.any(String) });
    expect(existsSync(join(folder, 'taskspan.sqlite'))).toBe(false);
  });

  test('the whole task is there when the process has ended by itself, spans too', async () => {
    const receiver = await startLogReceiver();
    const script = await startSending(receiver, `await startTaskspan(); await runTask('work', (updater) => updater.notify('step 0'));`);
    expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
    expect(latestAttempt(commit([receiver.facts()]).task)?.end).toMatchObject({ outcome: 'completed' });
    expect(receiver.asked).toContain('/v1/traces');
  });

  test('what was reported before process.exit() is sent', async () => {
    const receiver = await startLogReceiver();
    const script = await startSending(
      receiver,
      `await startTaskspan(); await runTask('work', (updater) => { for (let at = 0; at < 3000; at++) updater.notify('step ' + at); }); process.exit(3);`,
    );
    expect((await script.ended).code).toBe(3);
    expect(linesAt(receiver)).toBe(3000);
  });

  test('what was reported while the endpoint was unreachable arrives when it is back, in its order and once', async () => {
    const receiver = await startLogReceiver();
    const folder = await temporaryFolder();
    const script = await startScript(
      folder,
      `import { existsSync } from 'node:fs';
       const taskspan = await startTaskspan();
       const updater = new TaskUpdater({ taskName: 'work' });
       let step = 0;
       const notifying = setInterval(() => {
         if (!existsSync('stop')) return updater.notify('step ' + step++);
         clearInterval(notifying);
         console.log('notified ' + step);
       }, 2);
       setInterval(() => undefined, 1000);`,
      { env: { TASKSPAN_ENDPOINT: receiver.url } },
    );
    await expect.poll(() => linesAt(receiver)).toBeGreaterThan(20);
    await receiver.stop();
    await script.printedError(/facts could not be committed, trying again: .*\/v1\/logs can't be reached/);
    await writeFile(join(folder, 'stop'), '');
    const [, notified] = await script.printed(/notified (\d+)\n/);
    await receiver.start();
    await expect.poll(() => linesAt(receiver)).toBe(Number(notified));
    await script.printedError(/facts are being committed again/);
  });

  test('an unreachable endpoint keeps no process alive: it ends in time and reports what is lost', { timeout: 60_000 }, async () => {
    const receiver = await startLogReceiver();
    await receiver.stop();
    const script = await startSending(receiver, `const taskspan = await startTaskspan(); await runTask('work', () => 1); await taskspan.close(); console.log(taskspan.failures.length);`);
    const { code, stdout, stderr } = await script.ended;
    expect([code, stdout]).toEqual([0, '1\n']);
    expect(stderr).toContain('2 facts could not be committed before the end and are lost');
  });

  test('an endpoint that takes no logs is reported at the start, and keeps no task from running', { timeout: 60_000 }, async () => {
    const receiver = await startLogReceiver();
    receiver.answer = (path) => ({ status: path === '/v1/traces' ? 200 : 404 });
    const script = await startSending(receiver, `const taskspan = await startTaskspan(); console.log(taskspan.failures.map(String), await runTask('work', () => 1)); await taskspan.close();`);
    const { code, stdout } = await script.ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`the endpoint does not take logs: ${receiver.url}/v1/logs answered HTTP 404`);
    expect(stdout).toMatch(/\] 1\n$/);
  });
});

describe('facts stay here', () => {
  test.each([
    ['with a store', `{ store: 'here.sqlite' }`, {}],
    ['with a server', `{ serve: { port: 0 } }`, {}],
    ['with a store by the environment', '{}', { TASKSPAN_STORE: 'here.sqlite' }],
    ['with a server by the environment', '{}', { TASKSPAN_PORT: '0' }],
  ])('%s: spans alone are sent', async (_, options, env) => {
    const receiver = await startLogReceiver();
    const script = await startSending(
      receiver,
      `const taskspan = await startTaskspan(${options});
       const uuid = await runTask('work', ({ taskUuid }) => taskUuid);
       await allCommitted(taskspan);
       console.log((await taskspan.store.stored(uuid)).state);
       await taskspan.close();`,
      env,
    );
    expect(await script.ended).toMatchObject({ code: 0, stdout: 'completed\n' });
    expect(new Set(receiver.asked)).toEqual(new Set(['/v1/traces']));
  });

  test('with OpenTelemetry\'s own endpoint, which may take spans alone', async () => {
    const receiver = await startLogReceiver();
    const script = await startScript(await temporaryFolder(), `await startTaskspan(); await runTask('work', () => 1);`, {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
    });
    expect((await script.ended).code).toBe(0);
    expect(receiver.asked).toEqual(['/v1/traces']);
  });
});

describe('a token', () => {
  test.each([
    ['goes with facts, spans and questions', {}, `Bearer ${SECRET}`, `Bearer ${SECRET}`],
    ['leaves the endpoint its own credentials', { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20abc,x-tenant=7' }, 'Basic abc', 'Basic abc'],
  ])('%s', async (_, env, ofLogs, ofSpans) => {
    const receiver = await startLogReceiver();
    const script = await startSending(receiver, `const taskspan = await startTaskspan(); await runTask('work', () => 1); await taskspan.close();`, {
      TASKSPAN_TOKEN: SECRET,
      ...env,
    });
    expect((await script.ended).code).toBe(0);
    const byPath = (end: string): unknown[] => [...new Set(receiver.heads.filter(([path]) => path.includes(end)).map(([, { authorization }]) => authorization))];
    expect([byPath('/v1/logs'), byPath('/v1/traces'), byPath('/cancellations')]).toEqual([[ofLogs], [ofSpans], [ofLogs]]);
  });
});

describe('heartbeats', () => {
  test('are sent while a task is open, and only then, and report when its event loop is blocked', async () => {
    const receiver = await startLogReceiver();
    const folder = await temporaryFolder();
    await startScript(
      folder,
      `import { existsSync } from 'node:fs';
       await startTaskspan({ endpoint: '${receiver.url}', beatIntervalMs: 50 });
       const updater = new TaskUpdater({ taskName: 'work' });
       setTimeout(() => {
         while (!existsSync('go')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
         updater.complete();
         setInterval(() => undefined, 1000);
       }, 300);`,
    );
    await expect.poll(() => receiver.beats().some(({ attributes }) => Number(attributes['taskspan.worker.busy_ms']) >= 1000)).toBe(true);
    expect(receiver.beats()[0]?.attributes).toMatchObject({
      'taskspan.worker.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'taskspan.worker.interval_ms': 50,
      'process.pid': expect.any(Number),
      'host.name': expect.any(String),
    });
    await writeFile(join(folder, 'go'), '');
    await expect.poll(() => receiver.facts().some(({ kind }) => kind === 'task-end')).toBe(true);
    const beats = receiver.beats().length;
    const until = performance.now() + 500;
    await expect.poll(() => performance.now()).toBeGreaterThan(until);
    expect(receiver.beats().length - beats).toBeLessThan(3);
  });
});

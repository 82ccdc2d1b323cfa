import { createServer } from 'node:http';
import { mkdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

const REGISTER = new URL('../../../collector/register.ts', import.meta.url).href;

test('a second start gives a handle whose close() does nothing', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const [first, second] = await Promise.all([startTaskspan(), startTaskspan({ store: 'other.sqlite' })]);
     await second.close();
     await runTask('after the second close', async () => undefined);
     await first.close();`,
  );
  const { code, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stderr).toContain('a collector runs in this process already');
  expect((await recordsOf(storeIn(folder))).get('after the second close')?.state).toBe('completed');
});

test('a second start is ready when the first one is', async () => {
  const script = await startScript(
    await temporaryFolder(),
    `const first = startTaskspan({ serve: { port: 0 } });
     const second = await startTaskspan();
     console.log(second.url !== undefined && second.url === (await first).url);
     await (await first).close();`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: 'true\n' });
});

test('a store given as an object is its owner\'s to open, whatever its methods are called', async () => {
  const script = await startScript(
    await temporaryFolder(),
    `const store = Object.assign(memoryStore(), { open: () => console.log('opened') });
     const taskspan = await startTaskspan({ store });
     await taskspan.close();
     console.log(taskspan.failures.length);`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: '0\n' });
});

test('after close() it can be started again', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `for (const name of ['one', 'two']) {
       const taskspan = await startTaskspan();
       await runTask(name, async () => undefined);
       await taskspan.close();
       await taskspan.close();
     }`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
  expect([...(await recordsOf(storeIn(folder))).keys()]).toEqual(['one', 'two']);
});

test('a taken port is reported once, and tasks are recorded all the same', async () => {
  const folder = await temporaryFolder();
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan({ serve: { port: ${port} } });
     await runTask('task', async () => undefined);
     console.log(taskspan.url, taskspan.failures.map(({ message, code }) => [message, code]));
     await taskspan.close();`,
  );
  const { code, stdout, stderr } = await script.ended;
  server.close();
  expect(code).toBe(0);
  expect(stdout).toContain(`undefined`);
  expect(stdout).toContain('EADDRINUSE');
  expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(`port ${port}`)]);
  expect((await recordsOf(storeIn(folder))).get('task')?.state).toBe('completed');
});

test('a database that can not be opened is reported, and never thrown into task code', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan({ store: 'missing/folder/tasks.sqlite' });
     console.log(await runTask('task', async () => 'its result'), taskspan.failures.length);
     process.exit(0);`,
  );
  const { code, stdout, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stdout).toBe('its result 1\n');
  expect(stderr).toContain('missing/folder/tasks.sqlite can\'t be opened');
});

test('a database that can be opened only later gets what was reported before', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan({ store: 'later/taskspan.sqlite' });
     await runTask('early', async () => undefined);
     console.log('reported');
     process.stdin.resume();
     while ((await taskspan.store.tasks({ limit: 1 }).catch(() => ({ tasks: [] }))).tasks.length === 0) {
       await new Promise((resolve) => setTimeout(resolve, 20));
     }
     process.exit(0);`,
  );
  await script.printed(/reported/);
  await mkdir(`${folder}/later`);
  expect((await script.ended).code).toBe(0);
});

test('beside a provider that is registered already tasks are recorded, and the handle reports what is not used', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { NodeTracerProvider } from '${import.meta.resolve('@opentelemetry/sdk-trace-node')}';
     new NodeTracerProvider().register();
     const taskspan = await startTaskspan({ store: 'taskspan.sqlite', endpoint: 'http://127.0.0.1:9' });
     await runTask('task', (updater) => updater.notify('said'));
     console.log(taskspan.failures.map(({ message }) => message).join());
     await taskspan.close();`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('not used for them: endpoint') });
  expect((await recordsOf(storeIn(folder))).get('task')?.log).toContain('\tsaid\n');
});

test('where no provider may be registered, the handle reports at once which options for it are not used', async () => {
  const script = await startScript(
    await temporaryFolder(),
    `const taskspan = await startTaskspan({ registerProvider: false, endpoint: 'http://127.0.0.1:9', store: 'taskspan.sqlite' });
     console.log(taskspan.failures.map(({ message }) => message).join());
     await taskspan.close();`,
  );
  const message = "spans are made by another OpenTelemetry provider than taskspan's: not used for them: endpoint\n";
  expect(await script.ended).toEqual(expect.objectContaining({ stdout: message, stderr: `taskspan: ${message}` }));
});

test('an application with a provider of its own adds the processor of the handle', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { AlwaysOffSampler, NodeTracerProvider } from '${import.meta.resolve('@opentelemetry/sdk-trace-node')}';
     const taskspan = await startTaskspan({ registerProvider: false });
     new NodeTracerProvider({ spanProcessors: [taskspan.processor], sampler: new AlwaysOffSampler() }).register();
     await runTask('task', (updater) => updater.notify('said'));
     await taskspan.close();`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
  expect((await recordsOf(storeIn(folder))).get('task')?.log).toContain('\tsaid\n');
});

test('invalid options reject at once', async () => {
  const { startTaskspan } = await import('../../../collector/index.ts');
  await expect(startTaskspan({ port: 1 } as never)).rejects.toThrow(/expected options among store, .*got "port"/);
  await expect(startTaskspan({ endpoint: 'nowhere' })).rejects.toThrow('endpoint: expected a URL such as http://127.0.0.1:4318, got "nowhere"');
  await expect(startTaskspan({ endpoint: 'localhost:4318' })).rejects.toThrow('endpoint: expected a URL such as http://127.0.0.1:4318');
  await expect(startTaskspan({ serve: 5 as never })).rejects.toThrow('serve: expected true, false or an object of options, got 5');
  await expect(startTaskspan({ serve: { prot: 1 } as never })).rejects.toThrow(/serve: expected options among port, .*got "prot"/);
  await expect(startTaskspan({ sampler: {} as never })).rejects.toThrow('sampler: expected a Sampler, got {}');
  await expect(startTaskspan({ spanProcessors: {} as never })).rejects.toThrow('spanProcessors: expected a list of SpanProcessors');
  await expect(startTaskspan({ registerProvider: 'no' as never })).rejects.toThrow(`registerProvider: expected 'auto', true or false, got "no"`);
  await expect(startTaskspan({ store: {} as never })).rejects.toThrow('store: expected a path or a TaskStore, got {}');
  await expect(startTaskspan(null as never)).rejects.toThrow('startTaskspan: expected an object of options, got null');
  await expect(startTaskspan({ bufferBytes: 10 })).rejects.toThrow('bufferBytes: expected a whole number of at least 1048576, got 10');
  await expect(startTaskspan({ beatIntervalMs: 10 })).rejects.toThrow('beatIntervalMs: expected 0 or a whole number from 50 to 3600000, got 10');
  await expect(startTaskspan({ lostFinalMs: -1 })).rejects.toThrow('lostFinalMs: expected a whole number from 0 to 2147483647, got -1');
  await expect(startTaskspan({ serve: { port: 70_000 } })).rejects.toThrow('serve.port: expected a whole number from 0 to 65535, got 70000');
  await expect(startTaskspan({ store: '' })).rejects.toThrow('store: expected a path or a TaskStore, got ""');
});

test('started by a preload, all is set by the environment', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `await runTask('task', async () => undefined);
     const port = process.env.TASKSPAN_PORT;
     console.log((await fetch('http://127.0.0.1:' + port + '/healthz')).status);`,
    { args: ['--import', REGISTER], env: { TASKSPAN_STORE: 'by-env.sqlite', TASKSPAN_PORT: String(await freePort()) } },
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: '200\n', stderr: '' });
  const store = (await import('../../../collector/index.ts')).sqliteStore(`${folder}/by-env.sqlite`);
  expect([...(await recordsOf(store)).keys()]).toEqual(['task']);
  await store.close();
});

test('a preload by NODE_OPTIONS starts one thread, not threads without end', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(folder, `await runTask('task', async () => undefined);`, {
    env: { NODE_OPTIONS: `--import ${REGISTER}` },
  });
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
  expect((await recordsOf(storeIn(folder))).size).toBe(1);
});

test('several processes keep their tasks in one file', async () => {
  const folder = await temporaryFolder();
  const scripts = await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      startScript(
        folder,
        `const taskspan = await startTaskspan();
         await runTask('${name}', async (updater) => {
           for (let step = 0; step < 3000; step++) {
             updater.notify('step ' + step);
             if (step % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
           }
         });
         await allCommitted(taskspan);`,
      ),
    ),
  );
  for (const script of scripts) expect(await script.ended).toMatchObject({ code: 0 });
  const records = await recordsOf(storeIn(folder));
  const { stepsIn } = await import('./script.ts');
  for (const name of ['a', 'b', 'c']) expect(stepsIn(records.get(name)!.log)).toBe(3000);
});

test('a full buffer costs facts, never the task, and is reported', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { DatabaseSync } from 'node:sqlite';
     const taskspan = await startTaskspan({ bufferBytes: 1024 * 1024 });
     const lock = new DatabaseSync('taskspan.sqlite', { timeout: 10_000 });
     lock.exec('BEGIN IMMEDIATE');
     const updater = new TaskUpdater({ taskName: 'work' });
     for (let step = 0; step < 50_000; step++) updater.notify('step ' + step);
     lock.exec('ROLLBACK');
     lock.close();
     updater.complete();
     await allCommitted(taskspan);
     await taskspan.close();`,
    { args: ['--disable-warning=ExperimentalWarning'] },
  );
  const { code, stderr } = await script.ended;
  expect(code).toBe(0);
  expect(stderr).toContain('facts are being dropped');
  const record = (await recordsOf(storeIn(folder))).get('work')!;
  const { stepsIn } = await import('./script.ts');
  expect(stepsIn(record.log)).toBeGreaterThan(1000);
});

test('a store that never answers holds up neither start nor close', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const never = () => new Promise(() => undefined);
     const names = ['append', 'stored', 'storedMany', 'task', 'tasks', 'log', 'logEntries', 'find', 'scopes', 'scopesOf', 'scopeChanges', 'changes', 'counts', 'beat', 'workers', 'silence', 'lease', 'cancel', 'cancellations', 'cancellationHeard', 'open', 'close', 'sweep', 'overdue', 'loseQuiet', 'lastCommit', 'delete', 'lostTraces', 'tracesEnded'];
     const store = { ...Object.fromEntries(names.map((name) => [name, never])), watch: () => () => undefined };
     const taskspan = await startTaskspan({ store });
     console.log(taskspan.failures[0].message, await runTask('task', async () => 'result'));
     await taskspan.close();
     process.exit(0);`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: 'the store does not answer result\n' });
});

test('with OTEL_SDK_DISABLED there are no spans, and tasks are recorded', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan(); console.log(await runTask('task', async () => 'result')); await taskspan.close();`,
    { env: { OTEL_SDK_DISABLED: 'true' } },
  );
  expect(await script.ended).toMatchObject({ code: 0, stdout: 'result\n', stderr: '' });
  expect((await recordsOf(storeIn(folder))).get('task')).toMatchObject({ state: 'completed', trace_sampled: false });
});

test('a preload with an invalid variable reports it, and the application runs', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(folder, `console.log(await runTask('task', async () => 'result'));`, {
    args: ['--import', REGISTER],
    env: { TASKSPAN_PORT: 'abc' },
  });
  expect(await script.ended).toMatchObject({
    code: 0,
    stdout: 'result\n',
    stderr: 'taskspan: TASKSPAN_PORT: expected a whole number from 0 to 65535, got "abc"; nothing is recorded\n',
  });
});

test('live streams of its server obey its options', async () => {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan({ serve: { port: 0, streams: { aliveMs: 100 } } });
     console.log(taskspan.url);
     setInterval(() => undefined, 1000);`,
  );
  const [url] = await script.printed(/http:\S+/);
  const stream = await fetch(`${url}/tasks/events`);
  let text = '';
  // Ten of them come within a second, and by default in two minutes and a half.
  for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split(': alive').length > 10) break;
  }
  expect(text).toContain(': alive');
});

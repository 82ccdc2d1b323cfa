/** The updater of examples/python: the seed's own form, sent live by OTLP. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { jobUuid } from '../../src/bullmq/job.ts';
import { SEED_LOG } from '../collector/record/seed-example.ts';
import { freePort } from '../support/free-port.ts';
import { startProgram, temporaryFolder } from '../support/node-process.ts';
import type { TestProcess } from '../support/node-process.ts';
import { describeWithProgram, describeWithPythonPeers, pythonPeers } from './python.ts';
import { startServing } from './serving.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/python', import.meta.url));

function startPython(args: readonly string[], cwd: string, url: string): TestProcess {
  // No heartbeat comes between the facts.
  const env = { PYTHONPATH: EXAMPLES, PYTHONDONTWRITEBYTECODE: '1', TASKSPAN_ENDPOINT: url, TASKSPAN_BEAT_INTERVAL_MS: '60000' };
  return startProgram('python3', args, { cwd, env });
}

/** At its end a program waits for a second until all is sent: too short for a test that asks what has come. */
const PATIENT = 'import taskspan.sender\ntaskspan.sender.EXIT_SECONDS = 60\n';

/** Runs a program that has `updater`, of the task whose UUID is its argument. */
async function startTask(folder: string, url: string, code: string, before = PATIENT): Promise<{ uuid: string; python: TestProcess }> {
  const uuid = randomUUID();
  const head = `${before}import sys\nfrom taskspan import TaskUpdater, default_sender\nupdater = TaskUpdater(sys.argv[1], 'TEST')\n`;
  await writeFile(join(folder, 'task.py'), head + code);
  return { uuid, python: startPython(['task.py', uuid], folder, url) };
}

/** A server with given answers to what is sent. It has no cancellations just now. */
async function startAnswering(answer: (response: ServerResponse) => void): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    if (request.method === 'GET') response.writeHead(503).end();
    else void text(request).then((body) => {
      bodies.push(body);
      answer(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await server[Symbol.asyncDispose]();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

describeWithProgram('python3', 'Python 3.9 or newer', 'the updater in Python', () => {
  test("gives the seed's example the seed's log", async () => {
    const folder = await temporaryFolder();
    const { url, record } = await startServing(folder);
    const uuid = randomUUID().toUpperCase();
    const seed = `${PATIENT}import runpy\nrunpy.run_path(${JSON.stringify(join(EXAMPLES, 'seed.py'))}, run_name='__main__')`;
    const { stdout, stderr, code } = await startPython(['-c', seed, uuid], folder, url).ended;
    expect({ stdout, stderr, code }).toEqual({
      stdout: `${SEED_LOG}The caller gets ZeroDivisionError('division by zero')\n`,
      stderr: '',
      code: 0,
    });
    expect(await record(uuid)).toMatchObject({
      task_name: 'TEST',
      task_uuid: uuid.toLowerCase(),
      log: SEED_LOG,
      exception: 'division by zero',
      finished: true,
      status: 0,
      state: 'failed',
      jobs: { total: 4, finished: 3, failed: 1, running: 0 },
      facts_missing: 0,
    });
  });

  test('counts a part that fails by itself, not a part that an error passes through', async () => {
    const folder = await temporaryFolder();
    const { url, record } = await startServing(folder);
    const { uuid, python } = await startTask(folder, url, `
with updater('By itself'):
    with updater('Inside'):
        updater.progress(1, 2)
    raise KeyError('the key')
with updater('Passed through'):
    error = None
    with updater('Inside'):
        error = OSError()
        raise error
    raise error
updater.notify('still here', rows=3)
updater.insert_final_update()
`);
    expect(await python.ended).toMatchObject({ code: 0, stderr: '' });
    const { log, ...fields } = (await record(uuid))!;
    expect(log).toBe(`\
\t - By itself
\t - Inside
\t\tSuccessfully completed
\t\tTime spent: 0h0m
\t - By itself (continued)
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
KeyError: 'the key'
\t - Passed through
\t - Inside
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
OSError
\tstill here
\tTask Finished - 1 out of 3 jobs finished
`);
    expect(fields).toMatchObject({ state: 'failed', exception: 'OSError', facts_missing: 0 });
  });

  test('lets an interruption through, which cancels the task', async () => {
    const folder = await temporaryFolder();
    const { url, record } = await startServing(folder);
    const { uuid, python } = await startTask(folder, url, `
try:
    with updater('Wait'):
        raise KeyboardInterrupt
except KeyboardInterrupt:
    updater.insert_final_update()
`);
    expect(await python.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await record(uuid)).toMatchObject({ state: 'cancelled', status: 0, log: expect.stringContaining('\tCancelled\n') as string });
  });

  test('has all reports of many threads, and of a forked process', async () => {
    const folder = await temporaryFolder();
    const { url, record } = await startServing(folder);
    const forked = randomUUID();
    const { uuid, python } = await startTask(folder, url, `
import os, threading, warnings
warnings.simplefilter('ignore', DeprecationWarning)  # of a fork beside threads
def work(number):
    for line in range(200):
        with updater(f'Part {number}.{line}'):
            updater.notify(line)
threads = [threading.Thread(target=work, args=[number]) for number in range(5)]
for thread in threads: thread.start()
for thread in threads: thread.join()
if os.fork() == 0:
    child = TaskUpdater('${forked}', 'FORKED')
    with child('Inside'):
        pass
    child.insert_final_update()
    os._exit(0 if default_sender().flush(60) else 1)
print(os.wait()[1])
updater.insert_final_update()
`);
    expect(await python.ended).toMatchObject({ code: 0, stdout: '0\n', stderr: '' });
    expect(await record(uuid)).toMatchObject({ state: 'completed', jobs: { total: 1000, finished: 1000 }, facts_missing: 0 });
    expect(await record(forked)).toMatchObject({ state: 'completed', jobs: { total: 1, finished: 1 }, facts_missing: 0 });
  });

  test('imports nothing in its thread, where a fork would find it half done', async () => {
    const folder = await temporaryFolder();
    const { url, record } = await startServing(folder);
    const uuid = randomUUID();
    const python = startPython(['-c', `
import sys
from taskspan import TaskUpdater, default_sender
before = set(sys.modules)
updater = TaskUpdater('${uuid}', 'TEST')
with updater('Part'):
    pass
updater.insert_final_update()
default_sender().flush(60)
print(set(sys.modules) - before)
`], folder, url);
    expect(await python.ended).toMatchObject({ code: 0, stdout: 'set()\n', stderr: '' });
    expect(await record(uuid)).toMatchObject({ state: 'completed', facts_missing: 0 });
  });

  test('has one sender for all threads, whichever needs it first', async () => {
    const python = startPython(['-c', `
import threading, time
from taskspan import sender
class Slow(sender.Sender):
    def __init__(self):
        time.sleep(0.2)
        super().__init__()
sender.Sender = Slow
senders = []
threads = [threading.Thread(target=lambda: senders.append(sender.default_sender())) for _ in range(5)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(senders), len(set(senders)))
`], await temporaryFolder(), 'http://127.0.0.1:1');
    expect(await python.ended).toMatchObject({ code: 0, stdout: '5 1\n', stderr: '' });
  });

  test('makes the same UUID of a job as BullMQ\'s jobs have, and takes no other', async () => {
    const ids = ['order 17', '54BF5712-B9EC-11E9-AFDD-8C16454A0938', '00000000-0000-0000-0000-000000000000', 'ünï 🚀'];
    const { python } = await startTask(await temporaryFolder(), `http://127.0.0.1:${await freePort()}`, `
from taskspan import job_uuid
for id in ${JSON.stringify(ids)}:
    print(job_uuid('mails', id))
try:
    TaskUpdater('order 17')
except ValueError as error:
    print(error)
`, '');
    const { stdout } = await python.ended;
    expect(stdout.trim().split('\n')).toEqual([
      ...ids.map((id) => jobUuid('mails', id)),
      "task_uuid: expected a UUID (RFC 9562), got 'order 17'",
    ]);
  });

  test('accepts any value', async () => {
    const folder = await temporaryFolder();
    const { url, record } = await startServing(folder);
    const { uuid, python } = await startTask(folder, url, `
class Hostile:
    def __str__(self): raise RuntimeError
for message in (Hostile(), None, 'a lone \\ud800', 'x' * 2_000_000, {'a': float('nan')}):
    updater.notify(message, nan=float('nan'), huge=2**70, text=Hostile())
updater.insert_final_update()
`);
    expect(await python.ended).toMatchObject({ code: 0, stderr: '' });
    const { log, ...fields } = (await record(uuid))!;
    expect(log).toMatch(/^\t<Hostile>\n\tNone\n\ta lone \?\n\tx{60000}/);
    expect(fields).toMatchObject({ state: 'completed', facts_missing: 0 });
  });

  test('never delays the task when the server is unreachable, and reports that once', async () => {
    const { python } = await startTask(await temporaryFolder(), `http://127.0.0.1:${await freePort()}`, `
for number in range(200_000):
    updater.notify('x' * 200)
updater.raise_latest_exception()
print('done')
`, '');
    const { code, stdout, stderr } = await python.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'done\n' });
    // Two threads report them.
    expect(stderr.trim().split('\n').toSorted()).toEqual([
      expect.stringMatching(/^http\S+\/v1\/logs cannot be reached, it is tried again: /),
      'the buffer is full: updates are lost',
    ]);
  });

  test('ends while a server keeps it waiting for an answer', async () => {
    const { url } = await startAnswering(() => undefined);
    const { python } = await startTask(await temporaryFolder(), url, 'updater.insert_final_update()\n', '');
    // A request that had taken its whole time would be reported.
    expect(await python.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('retries what was not accepted, drops what is refused, and reports both', async () => {
    const statuses = [503, 200, 400, 200];
    const { url, bodies } = await startAnswering((response) => {
      response.writeHead(statuses[bodies.length - 1] ?? 200, { 'Retry-After': '0' }).end('{"the":"answer"}');
    });
    const { python } = await startTask(await temporaryFolder(), url, `
default_sender().flush(60)
updater.notify('refused')
default_sender().flush(60)
updater.notify('taken')
default_sender().flush(60)
updater.insert_final_update()
`);
    const { code, stderr } = await python.ended;
    expect(code).toBe(0);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/\/v1\/logs answers 503 Service Unavailable; it is tried again$/),
      `the server refused 1 records: 400 b'{"the":"answer"}'`,
    ]);
    expect(bodies[1]).toBe(bodies[0]);
    expect(bodies.map((body) => /taskspan\.(?:start|notification|end)"/.exec(body)![0])).toEqual([
      'taskspan.start"', 'taskspan.start"', 'taskspan.notification"', 'taskspan.notification"', 'taskspan.end"',
    ]);
  });

  test('leaves out of a batch what is refused, and nothing else', async () => {
    const { url, bodies } = await startAnswering((response) => {
      response.writeHead(bodies.at(-1)!.includes('poison') ? 400 : 200).end('{}');
    });
    const { python } = await startTask(await temporaryFolder(), url, `
for number in range(50):
    updater.notify('poison' if number == 17 else f'line {number}.')
updater.insert_final_update()
`);
    const { code, stderr } = await python.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "the server refused 1 records: 400 b'{}'\n" });
    const taken = bodies.filter((body) => !body.includes('poison')).join('');
    expect(taken.match(/line \d+\./g)).toEqual(Array.from({ length: 50 }, (_, number) => `line ${number}.`).toSpliced(17, 1));
    expect(taken).toContain('taskspan.end');
  });

  test('delivers what happened while the server was down', async () => {
    const folder = await temporaryFolder();
    const port = await freePort();
    const { uuid, python } = await startTask(folder, `http://127.0.0.1:${port}`, `
with updater('Alone'):
    for number in range(1000):
        updater.notify(f'line {number}')
updater.insert_final_update()
`);
    await python.printedError(/cannot be reached/);
    const { record } = await startServing(folder, port);
    expect(await python.ended).toMatchObject({ code: 0 });
    const { log, ...fields } = (await record(uuid))!;
    expect(fields).toMatchObject({ state: 'completed', facts_missing: 0 });
    expect(log.split('\n').filter((line) => line.startsWith('\tline '))).toEqual(Array.from({ length: 1000 }, (_, number) => `\tline ${number}`));
  });
});

/** A task of every kind of report, which prints its log. */
const REPORTS = `
from taskspan import TaskUpdater
updater = TaskUpdater(sys.argv[1], 'TEST', verbose=1, attempt=2, attributes={'tenant': 'acme'})
try:
    with updater:
        updater.plan(['Read', 'Write'])
        with updater('Read') as scope:
            for row in updater.each(range(3)):
                pass
            with scope('Inside'):
                updater.notify('   first\\nsecond', rows=3)
            scope.notify('Task Finished')
        updater.set_attribute('rows', 3)
        with updater('Write'):
            try:
                {}['disk']
            except KeyError as error:
                raise OSError('no disk\\ntoday') from error
        updater.notify('\\u200bAttempt 3')
        updater.set_result({'rows': 3})
        raise LookupError('the end')
except LookupError:
    pass
`;

const REPORTED = {
  state: 'failed',
  attempt: 2,
  facts_missing: 0,
  result: { rows: 3 },
  attributes: { rows: 3, tenant: 'acme' },
  jobs: { total: 2, finished: 1, failed: 1, running: 0 },
  exception: 'the end',
  progress: 1,
};

describeWithProgram('python3', 'Python 3.9 or newer', 'what the updater in Python prints', () => {
  test('is the log that the server keeps', async () => {
    const folder = await temporaryFolder();
    const { url, record } = await startServing(folder);
    const uuid = randomUUID();
    const { stdout, stderr } = await startPython(['-c', `${PATIENT}import sys${REPORTS}`, uuid], folder, url).ended;
    expect(stderr).toBe('');
    const { log, ...fields } = (await record(uuid))!;
    expect(fields).toMatchObject({ ...REPORTED, service_name: 'python', exception_causes: [] });
    expect(stdout).toBe(log);
  });
});

describeWithPythonPeers('the updater in Python, with the SDK of OpenTelemetry', () => {
  test('gives the same record by its spans alone', async () => {
    const folder = await temporaryFolder();
    const { url, record } = await startServing(folder);
    const uuid = randomUUID();
    const provider = `
import sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
${REPORTS}
provider.shutdown()
`;
    const env = { PYTHONPATH: EXAMPLES, PYTHONDONTWRITEBYTECODE: '1', OTEL_EXPORTER_OTLP_ENDPOINT: url, TASKSPAN_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
    const { code, stdout, stderr } = await startProgram(join(pythonPeers(), 'bin/python'), ['-c', provider, uuid], { cwd: folder, env }).ended;
    expect(code, stderr).toBe(0);
    const { log, ...fields } = (await record(uuid))!;
    expect(fields).toMatchObject({ ...REPORTED, trace_sampled: true });
    expect(log.split('\n').toSorted()).toEqual(stdout.split('\n').toSorted());
  });
});

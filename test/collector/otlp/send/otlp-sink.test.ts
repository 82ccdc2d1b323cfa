import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { otlpSink } from '../../../../collector/otlp/send/otlp-sink.ts';
import type { OtlpSink, OtlpSinkOptions } from '../../../../collector/otlp/send/otlp-sink.ts';
import { Committer } from '../../../../collector/store/committer.ts';
import type { TaskStoreError } from '../../../../collector/store/task-store.ts';
import type { Fact } from '../../../../src/fact.ts';
import { heldClock } from '../../../support/held-clock.ts';
import { notification } from '../../capture/arbitrary-fact.ts';
import { startLogReceiver } from '../receive/log-receiver.ts';
import type { LogReceiver } from '../receive/log-receiver.ts';

vi.mock('../../../../collector/timers.ts', () => import('../../../support/global-timers.ts'));

const WORKER = '11111111-2222-3333-4444-555555555555';

interface Sent {
  receiver: LogReceiver;
  sink: OtlpSink;
  reports: string[];
}

async function sinkTo(more: Partial<OtlpSinkOptions> = {}): Promise<Sent> {
  const receiver = await startLogReceiver();
  const reports: string[] = [];
  const sink = otlpSink({
    endpoint: receiver.url, headers: {}, serverUrl: receiver.url, serverHeaders: {}, resource: {}, workerId: WORKER,
    intervalMs: 5000, hasLiveTasks: () => true, waitSeconds: 0, report: (message) => reports.push(message), ...more,
  });
  onTestFinished(() => sink.close());
  return { receiver, sink, reports };
}

const facts = (count: number, from = 1): Fact[] => Array.from({ length: count }, (_, at) => notification(from + at, `step ${at}`));

async function failureOf(promise: Promise<unknown>): Promise<TaskStoreError> {
  return promise.then(
    () => expect.fail('it did not reject'),
    (error: unknown) => error as TaskStoreError,
  );
}

describe('facts', () => {
  test('are sent as log records of the resource, with the headers, and compressed where that pays', async () => {
    const { receiver, sink } = await sinkTo({ headers: { Authorization: 'Bearer secret' }, resource: { 'service.name': 'imports' } });
    await sink.append(facts(2));
    await sink.append(facts(500, 3));
    expect(receiver.facts()).toEqual([...facts(2), ...facts(500, 3)]);
    expect(receiver.asked).toEqual(['/v1/logs', '/v1/logs']);
    const [few, many] = receiver.taken;
    expect(few).toMatchObject({ resource: { 'service.name': 'imports' } });
    expect(few?.headers).toMatchObject({ authorization: 'Bearer secret', 'content-type': 'application/x-protobuf' });
    expect([few?.headers['content-encoding'], many?.headers['content-encoding']]).toEqual([undefined, 'gzip']);
  });

  test('none at all is the question whether logs are taken', async () => {
    const { receiver, sink } = await sinkTo();
    // The answer has a second, by this clock.
    heldClock();
    await sink.append([]);
    receiver.answer = { status: 404 };
    expect(await failureOf(sink.append([]))).toMatchObject({
      code: 'UNAVAILABLE',
      message: `the endpoint does not take logs: ${receiver.url}/v1/logs answered HTTP 404`,
    });
  });

  test.each([
    [400, 'REFUSED', /answered HTTP 400$/],
    [413, 'REFUSED', /answered HTTP 413$/],
    [401, 'UNAVAILABLE', /^the endpoint does not take logs: .* HTTP 401$/],
    [403, 'UNAVAILABLE', /^the endpoint does not take logs/],
    [302, 'UNAVAILABLE', /^the endpoint does not take logs/],
    [429, 'UNAVAILABLE', /v1\/logs answered HTTP 429$/],
    [503, 'UNAVAILABLE', /v1\/logs answered HTTP 503$/],
  ])('that are answered with %i are %s', async (status, code, message) => {
    const { receiver, sink } = await sinkTo();
    receiver.answer = { status };
    expect(await failureOf(sink.append(facts(1)))).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('that can not be sent are unavailable, with the reason', async () => {
    const { receiver, sink } = await sinkTo();
    await receiver.stop();
    expect(await failureOf(sink.append(facts(1)))).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('ECONNREFUSED') });
  });

  test('are not sent again before the time that Retry-After names', async () => {
    const { receiver, sink } = await sinkTo();
    const clock = heldClock();
    receiver.answer = { status: 429, headers: { 'Retry-After': '1' } };
    await failureOf(sink.append(facts(1)));
    receiver.answer = { status: 200 };
    const sending = sink.append(facts(1));
    await clock.pass(999);
    expect(receiver.asked).toHaveLength(1);
    await clock.pass(1);
    await sending;
    expect(receiver.asked).toHaveLength(2);
  });

  test('of which one is refused lose that one alone', async () => {
    const { receiver, sink } = await sinkTo();
    receiver.answer = (_, sent) => ({ status: sent.some(({ seq }) => seq === 5) ? 400 : 200 });
    let waiting = facts(8);
    const refused: number[] = [];
    const source = {
      read: () => waiting.splice(0),
      get hasFacts() {
        return waiting.length > 0;
      },
      acknowledge: () => (waiting = []),
    };
    const committer = new Committer({
      source, store: sink, sleep: () => Promise.resolve(), onFailure: () => undefined, onRefused: ({ seq }) => refused.push(seq),
    });
    await committer.drain();
    expect(refused).toEqual([5]);
    expect(receiver.facts().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 6, 7, 8]);
  });

  test('that an answer rejects are counted and reported, now and then', async () => {
    const { receiver, sink, reports } = await sinkTo();
    const body = Buffer.from([0x0a, 7, 0x08, 2, 0x12, 3, 0x62, 0x61, 0x64]);
    receiver.answer = { status: 200, headers: { 'Content-Type': 'application/x-protobuf' }, body };
    for (let time = 0; time < 4; time++) await sink.append(facts(3));
    expect(reports).toEqual([2, 4, 8].map((count) => `${receiver.url}/v1/logs did not take ${count} facts so far: bad`));
  });
});

describe('a worker', () => {
  test('is the only one, and only while it has live tasks', async () => {
    let lives = true;
    const { sink } = await sinkTo({ hasLiveTasks: () => lives });
    expect(await sink.workers()).toEqual([{ id: WORKER, intervalMs: 5000, beats: 0, silentMs: 0 }]);
    await sink.beat([{ workerId: WORKER, host: 'here', pid: 1, intervalMs: 5000, time: 1_767_323_045_000_000, busySince: null }]);
    expect(await sink.workers()).toMatchObject([{ beats: 1 }]);
    lives = false;
    expect(await sink.workers()).toEqual([]);
  });

  test('asks for cancellations after the last known one, and for all after a failure', async () => {
    const { receiver, sink } = await sinkTo({ serverHeaders: { Authorization: 'Bearer secret' } });
    const path = `/workers/${WORKER}/cancellations`;
    const clock = heldClock();
    /** A worker pauses for a second between its questions. */
    const cancellations = async (after: number): Promise<unknown[]> => {
      const asking = sink.cancellations(WORKER, after);
      await clock.pass(1000);
      return asking;
    };
    receiver.answer = { status: 200, body: '{"cancellations":[{"number":7,"task_uuid":"u","span_id":"s"}]}' };
    expect(await cancellations(3)).toEqual([{ number: 7, taskUuid: 'u', spanId: 's' }]);
    receiver.answer = { status: 503 };
    await failureOf(cancellations(7));
    receiver.answer = { status: 200, body: '{"cancellations":[]}' };
    expect(await cancellations(7)).toEqual([]);
    // Another server has its own count: the position of the server before means nothing to it.
    expect(await cancellations(7)).toEqual([]);
    receiver.answer = { status: 200, body: '{"cancellations":[{"number":2,"task_uuid":"u","span_id":"s"}]}' };
    expect(await cancellations(7)).toHaveLength(1);
    await cancellations(2);
    expect(receiver.asked).toEqual([3, 7, 0, 0, 0, 2].map((after) => `${path}?after=${after}&wait=0`));
  });

  test('knows by one question whether requests to cancel can be heard', async () => {
    const { receiver, sink } = await sinkTo();
    // Each answer has a second, by this clock.
    heldClock();
    const answers: [LogReceiver['answer'], unknown][] = [
      [{ status: 200, body: '{"cancellations":[]}' }, undefined],
      [{ status: 503 }, undefined],
      [{ status: 404, body: '404 page not found' }, `${receiver.url} answered HTTP 404: it is no taskspan server; set serverUrl to the one that serves these tasks`],
      [{ status: 200, body: 'hello' }, expect.stringContaining('it is no taskspan server')],
      [{ status: 401 }, `${receiver.url} answered HTTP 401: is the token right?`],
    ];
    for (const [answer, problem] of answers) {
      receiver.answer = answer;
      expect(await sink.cancellationProblem()).toEqual(problem);
    }
    await receiver.stop();
    expect(await sink.cancellationProblem()).toBeUndefined();
  });

  test('closes at once, whatever waits for an answer', async () => {
    const { receiver, sink } = await sinkTo();
    receiver.answer = { status: 429, headers: { 'Retry-After': '30' } };
    await failureOf(sink.append(facts(1)));
    const waiting = failureOf(sink.append(facts(1)));
    await sink.close();
    expect((await waiting).code).toBe('UNAVAILABLE');
    expect(receiver.asked).toHaveLength(1);
  });
});

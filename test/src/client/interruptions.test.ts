import { expect, onTestFinished, test, vi } from 'vitest';
import type { TaskSnapshot } from '../../../src/client/index.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { ScriptedTask } from '../../collector/record/scripted-task.ts';
import { retryAtOnce, ServedTask, snapshotOf, textOf } from './served-task.ts';

const HTML_502 = (): Response => new Response('<h1>Bad gateway</h1>', { status: 502, headers: { 'Content-Type': 'text/html' } });
const problem = (status: number, detail: string): Response =>
  new Response(JSON.stringify({ title: 'No', status, detail }), { status, headers: { 'Content-Type': 'application/problem+json' } });

/** Answers the next requests so, and those after them as usual. */
function nextAnswers(served: ServedTask, ...answers: (() => Response)[]): void {
  served.instead = () => answers.shift()?.();
}

/** Lets a stream break off after some bytes. */
function breakAfter(served: ServedTask, bytes: number): void {
  served.through = (body) => {
    let left = bytes;
    return body.pipeThrough(
      new TransformStream({
        transform(chunk: Uint8Array, controller) {
          controller.enqueue(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) controller.terminate();
        },
      }),
    );
  };
}

const isLive = ({ connection }: TaskSnapshot): boolean => connection === 'live';

test.each<[string, () => Response]>([
  ['a 502 of a proxy, as HTML', HTML_502],
  ['a 200 that is a page', () => new Response('<p>Log in</p>', { headers: { 'Content-Type': 'text/html' } })],
  ['a 503 of the server', () => problem(503, 'the store does not answer')],
  ['a 429', () => problem(429, 'too many')],
  ['no network', () => { throw new TypeError('fetch failed'); }],
  ['a stream that ends at once', () => new Response('', { headers: { 'Content-Type': 'text/event-stream' } })],
  ['a stream of nonsense', () => new Response('event: record\ndata: {"task_na\n\n', { headers: { 'Content-Type': 'text/event-stream' } })],
])('%s is an interruption, which passes', async (_, answer) => {
  retryAtOnce();
  const served = await ServedTask.begin();
  nextAnswers(served, answer, answer);
  const watch = served.watch();
  const connections = new Set<string>();
  watch.subscribe(() => connections.add(watch.getSnapshot().connection));
  const snapshot = await snapshotOf(watch, isLive);
  expect(snapshot).toMatchObject({ task: { task_name: 'TEST' }, error: undefined, retryAt: undefined });
  expect([...connections]).toEqual(['interrupted', 'live']);
  expect(served.asked.length).toBe(3);
});

test.each([undefined, null, 'no session'])('a token function that rejects with %s is an interruption, which passes', async (reason) => {
  retryAtOnce();
  const served = await ServedTask.begin();
  const token = vi.fn(async (): Promise<string> => 'fine').mockRejectedValueOnce(reason);
  const watch = served.watch({ token });
  const details = new Set<string | undefined>();
  watch.subscribe(() => details.add(watch.getSnapshot().error?.detail));
  await snapshotOf(watch, isLive);
  expect([...details]).toEqual(['closed', undefined]);
});

test('while it is interrupted a snapshot has what was known, why, and when the next attempt follows', async () => {
  const served = await ServedTask.begin();
  const random = vi.spyOn(Math, 'random').mockReturnValue(1);
  onTestFinished(() => random.mockRestore());
  await served.say('before');
  breakAfter(served, 100_000);
  const watch = served.watch();
  await snapshotOf(watch, isLive);
  served.instead = HTML_502;
  const before = Date.now();
  await served.commit(() => served.attempt.notify('x'.repeat(100_000)));
  const waiting = await snapshotOf(watch, ({ connection, error }) => connection === 'interrupted' && error?.status !== 502);
  expect(waiting).toMatchObject({ task: { task_name: 'TEST' }, error: { status: 0 } });
  expect(textOf(waiting)).toBe('\tbefore\n');
  expect(waiting.retryAt).toBeGreaterThanOrEqual(before + 1000);
  expect(waiting.retryAt).toBeLessThan(Date.now() + 1001);
});

test('pauses grow up to half a minute, and a stream that is there again begins them anew', async () => {
  const served = await ServedTask.begin();
  const random = vi.spyOn(Math, 'random').mockReturnValue(1);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
    random.mockRestore();
  });
  served.instead = HTML_502;
  const watch = served.watch();
  const pauses: number[] = [];
  for (let attempt = 0; attempt < 8; attempt++) {
    const { retryAt } = await snapshotOf(watch, ({ retryAt: at }) => at !== undefined);
    pauses.push(retryAt! - Date.now());
    await vi.advanceTimersByTimeAsync(pauses.at(-1)!);
  }
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test.each(['online', 'pageshow', 'visibilitychange'])('the event %s of a page begins the next attempt at once', async (name) => {
  const surroundings = new EventTarget();
  const listening = { addEventListener: surroundings.addEventListener.bind(surroundings) };
  Object.assign(globalThis, listening);
  const random = vi.spyOn(Math, 'random').mockReturnValue(1);
  onTestFinished(() => {
    random.mockRestore();
    for (const key of Object.keys(listening)) delete (globalThis as Record<string, unknown>)[key];
  });
  const served = await ServedTask.begin();
  nextAnswers(served, HTML_502, HTML_502);
  const watch = served.watch();
  for (let attempt = 1; attempt <= 2; attempt++) {
    await snapshotOf(watch, ({ retryAt }) => retryAt !== undefined && served.asked.length === attempt);
    surroundings.dispatchEvent(new Event(name));
  }
  await snapshotOf(watch, isLive);
});

test('a stream that is silent for too long is opened again, and goes on where it was', async () => {
  retryAtOnce();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const served = await ServedTask.begin();
  served.through = (body, { path }) => (path.includes('after') ? body : body.pipeThrough(stallAfterRecord()));
  const watch = served.watch();
  await snapshotOf(watch, isLive);
  await served.say('during the silence');
  vi.advanceTimersByTime(40_000);
  expect(served.asked.length).toBe(1);
  vi.advanceTimersByTime(10_000);
  const snapshot = await snapshotOf(watch, (latest) => textOf(latest).includes('silence'));
  expect(textOf(snapshot)).toBe('\tduring the silence\n');
  expect(served.asked.map(({ path }) => path.split('?')[1])).toEqual(['', 'after=1']);
});

/** Lets the first event through, and nothing after it, as a connection does whose other end has vanished. */
function stallAfterRecord(): TransformStream<Uint8Array, Uint8Array> {
  let isOver = false;
  return new TransformStream({
    transform(chunk, controller) {
      if (isOver) return;
      controller.enqueue(chunk);
      isOver = Buffer.from(chunk).includes('event: record');
    },
  });
}

test('comments show that a server without changes is there', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const served = await ServedTask.begin({ aliveMs: 100 });
  let comments = 0;
  let heard: (() => void) | undefined;
  served.through = (body) =>
    body.pipeThrough(
      new TransformStream({
        transform(chunk: Uint8Array, controller) {
          if (Buffer.from(chunk).includes(': alive') && ++comments % 2 === 0) heard?.();
          controller.enqueue(chunk);
        },
      }),
    );
  const watch = served.watch();
  for (let round = 0; round < 3; round++) {
    // The client takes one before it asks for the next.
    await new Promise<void>((resolve) => (heard = resolve));
    vi.advanceTimersByTime(40_000);
  }
  await served.say('after silence');
  await snapshotOf(watch, (latest) => textOf(latest) !== '');
  expect(served.asked.length).toBe(1);
});

test.each([1, 50, 400, 700, 900, 1200])('a stream that breaks off after each %i bytes misses nothing and repeats nothing', async (bytes) => {
  retryAtOnce();
  const served = await ServedTask.begin();
  breakAfter(served, bytes);
  const watch = served.watch({ scopes: true });
  for (let round = 0; round < 5; round++) {
    await served.commit(() => {
      served.attempt.scope(`Part ${round}`).notify(`é ${round}`);
    });
  }
  // It gets on only where an event fits.
  if (bytes < 1000) await expect.poll(() => served.asked.length).toBeGreaterThan(3);
  served.through = undefined;
  await served.commit(() => served.attempt.complete());
  const snapshot = await snapshotOf(watch, ({ connection }) => connection === 'ended');
  const { log, log_offset: _, ...record } = await served.record();
  expect(textOf(snapshot)).toBe(log);
  expect(snapshot.task).toMatchObject(record);
  expect(snapshot.attempts[0]!.scopes.map(({ name }) => name)).toEqual([0, 1, 2, 3, 4].map((round) => `Part ${round}`));
});

test('a task that ends during an interruption is ended by the answer to the next attempt', async () => {
  retryAtOnce();
  const served = await ServedTask.begin();
  const watch = served.watch();
  await snapshotOf(watch, isLive);
  const ends: string[] = [];
  watch.subscribe(() => {
    if (watch.getSnapshot().connection === 'ended') ends.push(watch.getSnapshot().task!.state);
  });
  // The last change comes, but not the end.
  served.through = (body) => body;
  nextAnswers(served, () => new Response(null, { status: 204 }));
  await served.commit(() => served.attempt.complete());
  await snapshotOf(watch, ({ connection }) => connection === 'ended');
  expect(ends).toEqual(['completed']);
});

test('another server on the same store goes on with the next change', async () => {
  retryAtOnce();
  const served = await ServedTask.begin();
  const closing = new AbortController();
  served.through = (body) => {
    const through = new TransformStream<Uint8Array, Uint8Array>();
    void body.pipeTo(through.writable, { signal: closing.signal }).catch(() => undefined);
    return through.readable;
  };
  const watch = served.watch();
  await snapshotOf(watch, isLive);
  served.restart();
  served.through = undefined;
  closing.abort();
  await snapshotOf(watch, () => served.asked.length === 2);
  await served.say('from the other');
  await snapshotOf(watch, (latest) => textOf(latest) === '\tfrom the other\n');
  expect(served.asked[1]!.path).toContain('after=1');
});

test('a store that was replaced begins the watch anew', async () => {
  retryAtOnce();
  const served = await ServedTask.begin();
  for (const message of ['one', 'two', 'three']) await served.say(message);
  breakAfter(served, 5000);
  const watch = served.watch({ scopes: true });
  await snapshotOf(watch, ({ task }) => task?.version === 4);
  const other = new ScriptedTask(served.task.uuid);
  const store = memoryStore();
  onTestFinished(() => store.close());
  other.attempt({ name: 'Anew' }).notify('another log');
  await store.append(other.facts);
  served.restart(store);
  served.through = undefined;
  await served.commit(() => served.attempt.notify('y'.repeat(10_000)));
  const snapshot = await snapshotOf(watch, ({ task }) => task?.task_name === 'Anew');
  expect(textOf(snapshot)).toBe('\tanother log\n');
  expect(snapshot.task!.version).toBe(1);
  expect(snapshot.attempts.length).toBe(1);
});

test('an event that does not follow the log so far begins the watch anew', async () => {
  retryAtOnce();
  const served = await ServedTask.begin();
  const broken = [
    'event: record\nid: 1\ndata: {"task_name":"gap","version":1,"log_bytes":4,"log":"\\tab\\n","log_from":0}\n\n',
    'event: change\nid: 2\ndata: {"version":2,"log_bytes":12,"log":{"offset":8,"text":"\\tcd\\n"}}\n\n',
  ];
  nextAnswers(served, () => new Response(broken.join(''), { headers: { 'Content-Type': 'text/event-stream' } }));
  await served.say('whole');
  const snapshot = await snapshotOf(served.watch(), ({ task }) => task?.task_name === 'TEST');
  expect(textOf(snapshot)).toBe('\twhole\n');
  expect(served.asked[1]!.path).not.toContain('after');
});

test('a token function is asked again at a 401, and at each connection', async () => {
  retryAtOnce();
  const served = await ServedTask.begin();
  served.instead = ({ authorization }) => (authorization === 'Bearer fresh' ? undefined : problem(401, 'a token is needed'));
  const tokens = ['stale', 'stale too', 'fresh'];
  const watch = served.watch({ token: async () => tokens.shift() });
  await snapshotOf(watch, isLive);
  expect(served.asked.map(({ authorization }) => authorization)).toEqual(['Bearer stale', 'Bearer stale too', 'Bearer fresh']);
});

test.each<[string, { token?: string | (() => undefined) }]>([
  ['no token', {}],
  ['one token', { token: 'stale' }],
  ['a function that has none', { token: () => undefined }],
])('with %s a 401 is final', async (_, options) => {
  const served = await ServedTask.begin();
  served.instead = () => problem(401, 'a token is needed');
  const snapshot = await snapshotOf(served.watch(options), ({ error }) => error !== undefined);
  expect(snapshot).toMatchObject({ connection: 'failed', error: { status: 401, detail: 'a token is needed' }, retryAt: undefined });
});

test('a token function that fails is an interruption', async () => {
  retryAtOnce();
  const served = await ServedTask.begin();
  let calls = 0;
  const watch = served.watch({
    token: () => {
      if (calls++ === 0) throw new Error('the session is renewed just now');
      return 'fresh';
    },
  });
  const errors: unknown[] = [];
  watch.subscribe(() => errors.push(watch.getSnapshot().error?.detail));
  await snapshotOf(watch, isLive);
  expect(errors).toContain('the session is renewed just now');
});

test.each([400, 403, 404, 410])('a %i of the server is final, and says why', async (status) => {
  const served = await ServedTask.begin();
  served.instead = () => problem(status, 'the reason');
  const snapshot = await snapshotOf(served.watch(), ({ error }) => error !== undefined);
  expect(snapshot).toMatchObject({ connection: 'failed', error: { status, detail: 'the reason' } });
  expect(served.asked.length).toBe(1);
});

test('a 404 of a proxy is final at first, and an interruption once the task was there', async () => {
  retryAtOnce();
  const notFound = (): Response => new Response('404 page not found', { status: 404, headers: { 'Content-Type': 'text/plain' } });
  const served = await ServedTask.begin();
  nextAnswers(served, notFound);
  expect(await snapshotOf(served.watch(), ({ error }) => error !== undefined)).toMatchObject({ connection: 'failed', error: { status: 404 } });
  breakAfter(served, 3000);
  const watch = served.watch();
  await snapshotOf(watch, isLive);
  nextAnswers(served, notFound, notFound);
  served.through = undefined;
  await served.commit(() => served.attempt.notify('z'.repeat(5000)));
  await snapshotOf(watch, (latest) => textOf(latest) !== '');
  expect(watch.getSnapshot().connection).toBe('live');
});

test('a task that is deleted while it is watched fails its watch', async () => {
  const served = await ServedTask.begin();
  const events = [
    'event: record\nid: 1\ndata: {"task_name":"going","version":1,"log_bytes":0,"log":"","log_from":0}\n\n',
    `event: gone\ndata: {"task_uuid":"${served.task.uuid}"}\n\n`,
  ];
  nextAnswers(served, () => new Response(events.join(''), { headers: { 'Content-Type': 'text/event-stream' } }));
  const snapshot = await snapshotOf(served.watch(), ({ error }) => error !== undefined);
  expect(snapshot).toMatchObject({ connection: 'failed', error: { status: 410, detail: 'gone' }, task: { task_name: 'going' } });
  expect(served.asked.length).toBe(1);
});

test('closing ends the pause before the next attempt, and no request follows', async () => {
  const served = await ServedTask.begin();
  served.instead = HTML_502;
  const watch = served.watch();
  await snapshotOf(watch, ({ retryAt }) => retryAt !== undefined);
  watch.close();
  expect(watch.getSnapshot()).toMatchObject({ connection: 'closed', retryAt: undefined });
  watch.close();
  expect(served.asked.length).toBe(1);
});

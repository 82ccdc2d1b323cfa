import { expect, onTestFinished, test } from 'vitest';
import { watchTask } from '../../../src/client/index.ts';
import type { TaskSnapshot } from '../../../src/client/index.ts';
import { taskChanges } from '../../../src/client/watch-task.ts';
import type { ScopeNode } from '../../../src/task-record.ts';
import { ScriptedTask } from '../../collector/record/scripted-task.ts';
import { ServedTask, snapshotOf, textOf } from './served-task.ts';

test('a loop over a watch has each state of a task, the end exactly once, and ends', async () => {
  const served = await ServedTask.begin();
  const snapshots: TaskSnapshot[] = [];
  for await (const snapshot of served.watch()) {
    snapshots.push(snapshot);
    if (snapshots.length === 1) await served.say('hello');
    if (textOf(snapshot) === '\thello\n') await served.commit(() => served.attempt.complete());
  }
  expect(snapshots.map(({ connection }) => connection)).toEqual([...Array<string>(snapshots.length - 1).fill('live'), 'ended']);
  const { log, log_offset: _, ...record } = await served.record();
  expect(snapshots.at(-1)).toMatchObject({ task: record, attempts: [], log: { from: 0, bytes: Buffer.byteLength(log) } });
  expect(textOf(snapshots.at(-1)!)).toBe(log);
});

test('a snapshot is the same object until something changes, and never changes itself', async () => {
  const served = await ServedTask.begin();
  const watch = served.watch({ scopes: true });
  expect(watch.getSnapshot()).toEqual({ connection: 'connecting', attempts: [], log: { from: 0, bytes: 0, parts: [] } });
  const first = await snapshotOf(watch, ({ task }) => task !== undefined);
  const copy = structuredClone(first);
  expect(watch.getSnapshot()).toBe(first);
  await served.commit(() => {
    served.attempt.scope('Part').notify('in it');
  });
  const second = await snapshotOf(watch, ({ task }) => task?.version === 2);
  expect(second).not.toBe(first);
  expect(first).toEqual(copy);
  expect([first.attempts[0]!.scopes, second.attempts[0]!.scopes.map(({ name }) => name)]).toEqual([[], ['Part']]);
});

test('a change costs its own size: scopes, fields and parts of the log that have not changed are the same objects', async () => {
  const served = await ServedTask.begin();
  await served.commit(() => {
    for (const name of ['One', 'Two']) served.attempt.scope(name).scope('Inside').notify('x'.repeat(20_000));
  });
  const watch = served.watch({ scopes: true });
  const before = await snapshotOf(watch, ({ task }) => task !== undefined);
  await served.say('more');
  await snapshotOf(watch, ({ log }) => log.parts.length === 2);
  await served.commit(() => served.attempt.scopes[0]!.notify('in one'));
  const after = await snapshotOf(watch, ({ task }) => task?.version === 4);
  const [one, two] = after.attempts[0]!.scopes as [ScopeNode, ScopeNode];
  const [oneBefore, twoBefore] = before.attempts[0]!.scopes as [ScopeNode, ScopeNode];
  expect(one).toMatchObject({ name: 'One', last: { message: 'in one' } });
  expect(one).not.toBe(oneBefore);
  expect(one.scopes[0]).toBe(oneBefore.scopes[0]);
  expect(two).toBe(twoBefore);
  expect(after.task!.attributes).toBe(before.task!.attributes);
  expect(after.log.parts[0]).toBe(before.log.parts[0]);
  expect(after.log.parts[1]).toMatch(/\tmore\n[^]*\tin one\n$/);
});

test('a slow loop has the latest snapshot each time, not all of them', async () => {
  const served = await ServedTask.begin();
  const watch = served.watch();
  const seen: string[] = [];
  for await (const snapshot of watch) {
    seen.push(textOf(snapshot));
    if (seen.length > 1) break;
    for (const message of ['1', '2', '3', '4']) await served.say(message);
    await snapshotOf(watch, (latest) => textOf(latest).includes('4'));
  }
  expect(seen).toEqual(['', '\t1\n\t2\n\t3\n\t4\n']);
});

test('entries come with their times and attributes, in parts too', async () => {
  const served = await ServedTask.begin();
  await served.say('first');
  const watch = served.watch({ log: 'entries' });
  await snapshotOf(watch, ({ task }) => task !== undefined);
  await served.commit(() => served.attempt.notify('second', { order: 7 }));
  const { log } = await snapshotOf(watch, ({ task }) => task?.version === 3);
  const entry = { kind: 'message', time: expect.stringMatching(/^20/) as string, span_id: served.attempt.ref.spanId, attributes: {} };
  expect(log).toEqual({
    from: 0,
    bytes: 15,
    parts: [[{ ...entry, offset: 0, text: '\tfirst\n' }, { ...entry, offset: 7, text: '\tsecond\n', attributes: { order: 7 } }]],
  });
});

test('a log of many lines is in parts, and only the last one grows', async () => {
  const served = await ServedTask.begin();
  const watch = served.watch();
  await snapshotOf(watch, ({ task }) => task !== undefined);
  let snapshot = watch.getSnapshot();
  for (let round = 0; round < 8; round++) {
    await served.say(...Array.from({ length: 50 }, (_, line) => `${round} ${line} ${'é'.repeat(60)}`));
    const before = snapshot.log.parts.slice(0, -1);
    snapshot = await snapshotOf(watch, ({ task }) => task?.version === round + 2);
    expect(snapshot.log.parts.slice(0, before.length)).toEqual(before);
  }
  const { log } = await served.record();
  expect(textOf(snapshot)).toBe(log);
  expect(snapshot.log.bytes).toBe(Buffer.byteLength(log));
  expect(snapshot.log.parts.length).toBeLessThanOrEqual(3);
  expect(snapshot.log.parts.length).toBeGreaterThan(1);
});

test('a further attempt goes on in the same watch', async () => {
  const served = await ServedTask.begin();
  const watch = served.watch({ scopes: true });
  await snapshotOf(watch, ({ task }) => task !== undefined);
  const second = await (async () => {
    let attempt = served.attempt;
    await served.commit(() => void (attempt = served.task.attempt()));
    return attempt;
  })();
  await served.commit(() => second.notify('again'));
  const snapshot = await snapshotOf(watch, (latest) => textOf(latest).includes('again'));
  expect(snapshot.task).toMatchObject({ attempt: 2, state: 'running' });
  expect(snapshot.attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
});

test('without the log the log is empty', async () => {
  const served = await ServedTask.begin();
  await served.say('unheard');
  const snapshot = await snapshotOf(served.watch({ log: false }), ({ task }) => task !== undefined);
  expect(snapshot.log.parts).toEqual([]);
  expect(snapshot.task!.log_bytes).toBeGreaterThan(0);
  expect(served.asked.map(({ path }) => path.split('?')[1])).toEqual(['log=0']);
});

test('a task that is not there is a failure, or is waited for', async () => {
  const served = await ServedTask.begin();
  const other = new ScriptedTask('0190b1c4-7e5f-7000-8000-000000000001');
  const url = new URL(`/tasks/${other.uuid}`, served.url);
  const [missing, awaited] = [watchTask(url, { fetch: served.fetch }), watchTask(url, { fetch: served.fetch, wait: 20 })];
  onTestFinished(() => {
    missing.close();
    awaited.close();
  });
  const detail = expect.stringContaining(other.uuid) as string;
  expect(await snapshotOf(missing, ({ error }) => error !== undefined)).toMatchObject({ connection: 'failed', error: { status: 404, detail } });
  expect(awaited.getSnapshot().connection).toBe('connecting');
  other.attempt({ name: 'Late' });
  await served.store.append(other.facts);
  expect(await snapshotOf(awaited, ({ task }) => task !== undefined)).toMatchObject({ connection: 'live', task: { task_name: 'Late' } });
});

test('to leave a loop closes the connection, unless somebody else follows', async () => {
  const served = await ServedTask.begin();
  const watch = served.watch();
  const unsubscribe = watch.subscribe(() => undefined);
  for await (const _ of watch) break;
  expect(watch.getSnapshot().connection).toBe('live');
  unsubscribe();
  await served.say('more');
  for await (const _ of watch) break;
  expect(watch.getSnapshot().connection).toBe('closed');
  expect(served.asked.map(({ signal }) => signal.aborted)).toEqual([true]);
});

test('the signal closes a watch while it connects, and loops end', async () => {
  const served = await ServedTask.begin();
  served.instead = () => new Promise<Response>(() => undefined);
  const stop = new AbortController();
  const watch = served.watch({ signal: stop.signal });
  const loop = (async () => {
    const seen: TaskSnapshot[] = [];
    for await (const snapshot of watch) seen.push(snapshot);
    return seen;
  })();
  await expect.poll(() => served.asked.length).toBe(1);
  stop.abort();
  expect(await loop).toEqual([expect.objectContaining({ connection: 'closed', attempts: [] })]);
  expect(served.asked[0]!.signal.aborted).toBe(true);
  expect(served.watch({ signal: stop.signal }).getSnapshot().connection).toBe('closed');
});

test('a listener that throws stops nothing, and one that has unsubscribed is not called', async () => {
  const served = await ServedTask.begin();
  const watch = served.watch();
  let calls = 0;
  const count = (): void => void calls++;
  watch.subscribe(count)();
  const stopSecond = watch.subscribe(count);
  const errors: unknown[] = [];
  const caught = (error: unknown): void => void errors.push(error);
  process.on('uncaughtException', caught);
  onTestFinished(() => void process.off('uncaughtException', caught));
  const stopThrowing = watch.subscribe(() => {
    throw new Error('of a listener');
  });
  await snapshotOf(watch, ({ task }) => task !== undefined);
  expect(calls).toBeGreaterThan(0);
  stopThrowing();
  stopSecond();
  await served.say('more');
  const before = calls;
  await snapshotOf(watch, ({ task }) => task?.version === 2);
  expect([calls, watch.getSnapshot().connection]).toEqual([before, 'live']);
  expect(errors.map(String)).toContain('Error: of a listener');
});

test('fields and states that a later server brings are kept', async () => {
  const served = await ServedTask.begin();
  const events = [
    'event: record\nid: 1\ndata: {"task_name":"later","state":"paused","mood":"good","version":1,"log_bytes":0}\n\n',
    'event: weather\nid: 1\ndata: {"rain":true}\n\n',
    'event: change\nid: 2\ndata: {"mood":"better","version":2}\n\n',
    'event: end\ndata: {"version":2,"state":"paused"}\n\n',
  ];
  served.instead = () => new Response(events.join(''), { headers: { 'Content-Type': 'text/event-stream' } });
  const { task } = await snapshotOf(served.watch(), ({ connection }) => connection === 'ended');
  expect(task).toEqual({ task_name: 'later', state: 'paused', mood: 'better', version: 2, log_bytes: 0 });
});

test('a URL that leads nowhere is a TypeError at once', () => {
  expect(() => watchTask('tasks/0190b1c4')).toThrow(TypeError);
});

test.each(['text', 'entries'] as const)('of a log without end a watch keeps the latest %s, and says where they begin', (form) => {
  const changes = taskChanges();
  const message = 'é'.repeat(16_000);
  const gain = (offset: number): object =>
    form === 'text' ? { log: { offset, text: message } } : { entries: Array.from({ length: 500 }, (_, at) => ({ offset: offset + at * 64, text: 'é'.repeat(32) })) };
  let snapshot = { connection: 'live', attempts: [], log: { from: 0, bytes: 0, parts: [] } } as TaskSnapshot<never>;
  const apply = (type: string, data: object): void => {
    snapshot = { ...snapshot, ...changes(snapshot, type, data as never) } as TaskSnapshot<never>;
  };
  apply('record', { log_bytes: 0, log_from: 0, ...(form === 'text' ? { log: '' } : { entries: [] }) });
  for (let part = 0; part < 1100; part++) apply('change', gain(part * 32_000));
  const { from, bytes, parts } = snapshot.log;
  expect([from, bytes, parts.length]).toEqual([99 * 32_000, 1100 * 32_000, 1001]);
});

import { describe, expect, test } from 'vitest';
import type { Silence } from '../../../collector/record/liveness.ts';
import type { Beat, StoredTask, TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact, SpanRef } from '../../../src/fact.ts';
import { PLACES } from './stored-task.ts';

const TIME = 1_767_323_045_000_000;
const UUIDS = [1, 2, 3, 4].map((number) => `54bf5712-b9ec-11e9-afdd-00000000000${number}`) as [string, string, string, string];
const [FIRST, SECOND, THIRD, FOURTH] = UUIDS;

function spanOf(taskUuid: string, attempt = 1): SpanRef {
  const spanId = `${attempt}${taskUuid.slice(-1)}`.padStart(16, 'a');
  return { taskUuid, traceId: 'b'.repeat(32), spanId, taskSpanId: spanId };
}

function start(taskUuid: string, workerId: string, more: { attempt?: number; workerIntervalMs?: number } = {}): Fact {
  const { attempt = 1, workerIntervalMs = 5000 } = more;
  return {
    kind: 'task-start', span: spanOf(taskUuid, attempt), seq: 0, time: TIME + attempt, name: 'TEST', attempt, attributes: {},
    workerId, workerIntervalMs, sampled: true,
  };
}

function said(taskUuid: string, attempt = 1): Fact {
  return { kind: 'notification', span: spanOf(taskUuid, attempt), seq: 1, time: TIME + 5, message: 'said' };
}

function end(taskUuid: string, attempt = 1): Fact {
  return {
    kind: 'task-end', span: spanOf(taskUuid, attempt), seq: 2, time: TIME + 9, outcome: 'completed', duration: 8, name: 'TEST',
    exception: '', jobs: { total: 0, finished: 0, failed: 0 },
  };
}

function announced(taskUuid: string): Fact {
  const span = { taskUuid, traceId: 'c'.repeat(32), spanId: 'c'.repeat(16), taskSpanId: '' };
  return { kind: 'task-announced', span, seq: 0, time: TIME - 9, name: 'TEST', attributes: { queue: 'mail' } };
}

function beat(workerId: string, more: Partial<Beat> = {}): Beat {
  return { workerId, host: 'here', pid: 1, intervalMs: 5000, time: TIME, busySince: null, ...more };
}

async function silenceOf(store: TaskStore, id: string, more: Partial<Silence> = {}): Promise<Silence> {
  const worker = (await store.workers()).find((heard) => heard.id === id)!;
  return { id, beats: worker.beats, silentMs: 15_000, lost: true, final: false, ...more };
}

async function task(store: TaskStore, uuid: string): Promise<StoredTask> {
  return (await store.stored(uuid))!;
}

/** The tasks in a list, by the last digit. */
async function listed(store: TaskStore, state?: StoredTask['state']): Promise<string> {
  const { tasks } = await store.tasks({ limit: 10, ...(state !== undefined && { filter: { states: [state] } }) });
  return tasks.map(({ uuid, state: told }) => (state === undefined ? uuid.slice(-1) + told : uuid.slice(-1))).join(' ');
}

describe.each(PLACES)('a store %s', (_, newPlace) => {
  test('knows by which path a worker was heard last', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'w')]);
    expect((await store.workers())[0]).not.toHaveProperty('path');
    await store.beat([beat('w', { via: '192.0.2.7' })]);
    expect(await store.workers()).toMatchObject([{ id: 'w', via: '192.0.2.7' }]);
    await store.beat([beat('w')]);
    expect((await store.workers())[0]).not.toHaveProperty('path');
  });

  test('has heard a worker when it commits the start of its task, and when it beats', async () => {
    const store = newPlace()();
    const before = Date.now() * 1000;
    await store.append([start(FIRST, 'one')]);
    expect((await task(store, FIRST)).liveness).toMatchObject({ busySince: null, final: false });
    expect((await task(store, FIRST)).liveness!.heard).toBeGreaterThanOrEqual(before);
    await store.beat([beat('one', { busySince: TIME - 7 })]);
    expect(await task(store, FIRST)).toMatchObject({
      state: 'running', version: 1, liveness: { heard: TIME, busySince: TIME - 7, final: false },
    });
    expect((await store.tasks({ limit: 1 })).tasks).toEqual([await task(store, FIRST)]);
  });

  test('expects no heartbeats of workers that promised none, and for ended and queued tasks', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'none', { workerIntervalMs: 0 }), start(SECOND, ''), start(THIRD, 'one'), end(THIRD), announced(FOURTH)]);
    expect(await store.workers()).toEqual([]);
    for (const uuid of UUIDS) expect((await task(store, uuid)).liveness).toBeUndefined();
    expect(await listed(store)).toBe('4queued 3completed 2running 1running');
    expect(await listed(store, 'queued')).toBe('4');
  });

  test('has in the record of a task whether its worker is alive', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'one')]);
    await store.beat([beat('one', { busySince: TIME })]);
    const heard = '2026-01-02T03:04:05.000000Z';
    expect(await store.task(FIRST)).toMatchObject({ state: 'running', finished: false, status: 2, heard, busy_since: heard });
    await store.silence([await silenceOf(store, 'one')]);
    expect(await store.task(FIRST)).toMatchObject({ state: 'lost', finished: false, status: 2, heard, busy_since: null });
    await store.silence([await silenceOf(store, 'one', { final: true })]);
    expect(await store.task(FIRST)).toMatchObject({
      state: 'lost', finished: true, status: 0, cancellable: false, exception: `lost: last heard ${heard}`, version: 1,
    });
  });

  test('names the workers that have live tasks, and how long each was silent', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'one'), start(SECOND, 'two', { workerIntervalMs: 100 }), start(THIRD, 'one')]);
    await store.beat([beat('idle')]);
    await store.silence([await silenceOf(store, 'one', { lost: false, silentMs: 5000 })]);
    await store.silence([await silenceOf(store, 'one', { lost: false, silentMs: 4000 })]);
    const named = (await store.workers()).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(named).toMatchObject([{ id: 'one', intervalMs: 5000, silentMs: 5000 }, { id: 'two', intervalMs: 100, silentMs: 0 }]);
    await store.append([end(SECOND)]);
    expect((await store.workers()).map(({ id }) => id)).toEqual(['one']);
    await store.beat([beat('one')]);
    expect(await store.workers()).toMatchObject([{ id: 'one', silentMs: 0 }]);
  });

  test('loses the live tasks of a silent worker alone, and runs them again when it was heard', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'one'), end(FIRST), start(SECOND, 'one'), start(THIRD, 'two')]);
    await store.silence([await silenceOf(store, 'one')]);
    expect(await listed(store)).toBe('3running 2lost 1completed');
    expect([await listed(store, 'lost'), await listed(store, 'running')]).toEqual(['2', '3']);
    await store.beat([beat('two')]);
    expect(await listed(store, 'lost')).toBe('2');
    await store.beat([beat('one')]);
    expect(await listed(store)).toBe('3running 2running 1completed');
  });

  test('has a change for each task that is lost, runs again or is lost for good, and for nothing else of liveness', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'one'), start(SECOND, 'one'), start(THIRD, 'two')]);
    const changesSince = async (after: string): Promise<string[]> => {
      const changed: string[] = [];
      for (let at = after; ; ) {
        const { uuids: [uuid], position } = await store.changes({ after: at, limit: 1 });
        if (uuid === undefined) return changed.toSorted();
        at = position;
        changed.push(`${uuid.slice(-1)} ${(await store.stored(uuid))!.state}`);
      }
    };
    const happenings: [() => Promise<unknown>, string[]][] = [
      [() => store.beat([beat('one')]), []],
      [async () => store.silence([await silenceOf(store, 'one', { lost: false })]), []],
      [async () => store.silence([await silenceOf(store, 'one')]), ['1 lost', '2 lost']],
      [async () => store.silence([await silenceOf(store, 'one')]), []],
      [() => store.beat([beat('one')]), ['1 running', '2 running']],
      [async () => store.silence([await silenceOf(store, 'one', { final: true })]), ['1 lost', '2 lost']],
      [() => store.beat([beat('one')]), []],
    ];
    for (const [at, [happen, expected]] of happenings.entries()) {
      let woken = 0;
      const { position } = await store.changes({ limit: 1 });
      const stop = store.watch(() => void woken++);
      await happen();
      stop();
      expect(await changesSince(position), `happening ${at}`).toEqual(expected);
      expect(woken > 0, `happening ${at}`).toBe(expected.length > 0);
    }
    expect((await task(store, FIRST)).version).toBe(1);
  });

  test('loses nothing for a silence after which the worker was heard', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'one')]);
    const silence = await silenceOf(store, 'one', { final: true });
    await store.beat([beat('one')]);
    await store.silence([silence, { ...silence, id: 'nobody' }]);
    expect(await listed(store)).toBe('1running');
    expect(await store.workers()).toMatchObject([{ silentMs: 0 }]);
  });

  test('has a lost task lost until a beat, though facts of it still come', async () => {
    const at = newPlace();
    await at().append([start(FIRST, 'one')]);
    const store = at();
    await store.silence([await silenceOf(store, 'one')]);
    await store.append([said(FIRST)]);
    await store.append([announced(FIRST)]);
    expect(await task(store, FIRST)).toMatchObject({ state: 'lost', version: 3 });
    await store.beat([beat('one')]);
    expect((await task(store, FIRST)).state).toBe('running');
  });

  test('takes nothing back of what is lost for good because its worker is heard, or a fact comes again', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'one'), said(FIRST)]);
    const { heard } = (await task(store, FIRST)).liveness!;
    await store.silence([await silenceOf(store, 'one', { final: true })]);
    expect(await store.workers()).toEqual([]);
    await store.beat([beat('one')]);
    await store.append([said(FIRST)]);
    expect(await task(store, FIRST)).toMatchObject({ state: 'lost', version: 1, liveness: { heard, busySince: null, final: true } });
  });

  test('runs what is lost for good again by any new fact, which is a heartbeat of its worker', async () => {
    const at = newPlace();
    const store = at();
    await store.append([start(FIRST, 'one'), start(SECOND, 'one'), start(THIRD, 'one')]);
    await store.silence([await silenceOf(store, 'one', { final: true })]);
    await at().append([said(FIRST)]);
    expect(await task(store, FIRST)).toMatchObject({ state: 'running', version: 2, liveness: { final: false } });
    expect((await task(store, SECOND)).liveness).toMatchObject({ final: true });
    expect(await store.workers()).toMatchObject([{ id: 'one', silentMs: 0 }]);
    await store.append([end(FIRST), start(SECOND, 'one', { attempt: 2 })]);
    expect(await listed(store)).toBe('3lost 2running 1completed');
    expect((await store.counts()).counts).toEqual({ lost: 1, running: 1, completed: 1 });
  });

  test('leaves what is lost for good so while a child task goes on', async () => {
    const store = newPlace()();
    const parent = spanOf(FIRST);
    const part = { ...parent, spanId: 'd'.repeat(16) };
    const child = { ...start(SECOND, 'two'), parentTaskUuid: FIRST, parentScope: { taskSpanId: parent.spanId, spanId: part.spanId } } as Fact;
    await store.append([
      start(FIRST, 'one'), { kind: 'scope-start', span: part, seq: 0, time: TIME, name: 'Part', parentSpanId: parent.spanId, remote: true }, child,
    ]);
    await store.silence([await silenceOf(store, 'one', { final: true })]);
    await store.append([{ kind: 'progress', span: child.span, seq: 1, time: TIME, done: 1, total: 2 }]);
    expect(await task(store, FIRST)).toMatchObject({ state: 'lost', version: 2, liveness: { final: true } });
    expect((await store.workers()).map(({ id }) => id)).toEqual(['two']);
  });

  test('runs all tasks of a lost worker again when it starts another one, each with a change', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'one'), start(SECOND, 'one')]);
    await store.silence([await silenceOf(store, 'one')]);
    const { position } = await store.changes({ limit: 1 });
    await store.append([start(THIRD, 'one'), start(FOURTH, 'two')]);
    expect(await listed(store)).toBe('4running 3running 2running 1running');
    const changed: string[] = [];
    for (let after = position, more = true; more;) {
      const page = await store.changes({ after, limit: 1 });
      changed.push(...page.uuids);
      ({ position: after, more } = page);
    }
    expect(changed.toSorted()).toEqual(UUIDS);
  });

  test('has when a heartbeat was written, by the clock of its machine', async () => {
    const store = newPlace()();
    await store.append([start(FIRST, 'one')]);
    expect((await store.workers())[0]).not.toHaveProperty('written');
    await store.beat([beat('one', { written: { boot: 'b', ms: 1234.5 } })]);
    expect(await store.workers()).toMatchObject([{ written: { boot: 'b', ms: 1234 } }]);
    await store.beat([beat('one')]);
    expect((await store.workers())[0]).not.toHaveProperty('written');
  });

  test('has a queued task until its first attempt, and what was announced stays known', async () => {
    const at = newPlace();
    const store = at();
    await store.append([announced(FIRST)]);
    expect(await task(store, FIRST)).toMatchObject({ state: 'queued', version: 1, logBytes: 0 });
    expect(await store.scopes(FIRST)).toEqual({ version: 1, attempts: [] });
    await at().append([announced(FIRST)]);
    expect((await task(store, FIRST)).version).toBe(1);
    // An attempt of which only a notification has arrived has no name yet.
    await at().append([said(FIRST)]);
    const { summary, state, version } = await task(store, FIRST);
    expect({ state, version }).toEqual({ state: 'running', version: 2 });
    expect(JSON.parse(summary)).toMatchObject({ task_name: 'TEST', attributes: { queue: 'mail' }, attempt: 0 });
  });
});

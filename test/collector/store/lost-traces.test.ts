import { describe, expect, test } from 'vitest';
import type { LostTrace } from '../../../collector/record/lost-trace.ts';
import { isoTime } from '../../../src/task-record.ts';
import { resourceJson } from '../../../collector/store/heartbeat.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { uuidOf } from './expected-task.ts';
import { PLACES } from './stored-task.ts';

/** The facts of a task whose worker will fall silent, as {@link ScriptedTask} says them but for the beats. */
function beating(facts: readonly Fact[]): Fact[] {
  return facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact));
}

/** A worker falls silent: its tasks are lost, or so for good. Gives when it was heard, as records tell it. */
async function lose(store: TaskStore, final: boolean): Promise<number> {
  const { heard } = (await store.stored(UUID))!.liveness!;
  const [worker] = await store.workers();
  const { id, beats } = worker!;
  await store.silence([{ id, beats, silentMs: 600_000, lost: true, final }]);
  return heard;
}

function namesIn(traces: readonly LostTrace[]): string[] {
  return traces.flatMap(({ spans }) => spans.map(({ name }) => name));
}

describe.each(PLACES)('a store %s', (_, newPlace) => {
  test('gives the open spans of a task that is lost for good, with their ids, places and starts', async () => {
    const store = newPlace()();
    const task = new ScriptedTask();
    const attempt = task.attempt({ name: 'Import', attributes: { folder: '/data' } });
    attempt.scope('Read file').complete();
    const write = attempt.scope('Write rows');
    const row = write.scope('Row 7');
    row.notify('a row');
    await store.append(beating(task.facts));
    const beat = { workerId: 'worker-1', host: 'worker-7', pid: 1, intervalMs: 5000, time: Date.now() * 1000, busySince: null };
    await store.beat([{ ...beat, resource: resourceJson({ 'host.name': 'worker-7', 'service.name': 'importer' }) }]);
    const heard = await lose(store, true);

    const traces = await store.lostTraces();
    const { traceId, spanId } = attempt.ref;
    const startOf = (name: string): number => task.facts.find((fact) => 'name' in fact && fact.name === name)!.time;
    const message = `lost: last heard ${new Date(heard / 1000).toISOString().replace('Z', String(heard % 1000).padStart(3, '0'))}Z`;
    const both = {
      'taskspan.task.uuid': UUID, 'taskspan.task.name': 'Import', 'taskspan.task.attempt': 1, 'taskspan.outcome': 'lost',
    };
    const scope = { ...both, 'taskspan.span': 'scope', 'taskspan.task.span': spanId };
    expect(traces).toEqual([
      {
        taskUuid: UUID,
        resource: { 'service.name': 'importer', 'host.name': 'worker-7' },
        spans: [
          {
            traceId, spanId, parentSpanId: undefined, name: 'Import', start: startOf('Import'), end: heard, message, notifications: [],
            attributes: {
              ...both, folder: '/data', 'taskspan.span': 'task', 'taskspan.worker.id': 'worker-1', 'taskspan.worker.interval_ms': 5000,
              'taskspan.exception': message, 'taskspan.heading': true,
              'taskspan.jobs.total': 2, 'taskspan.jobs.finished': 1, 'taskspan.jobs.failed': 0,
            },
          },
          {
            traceId, spanId: write.ref.spanId, parentSpanId: spanId, name: 'Write rows', start: startOf('Write rows'), end: heard, message,
            notifications: [],
            attributes: { ...scope, 'taskspan.scope.parent': spanId, 'taskspan.heading': true },
          },
          {
            traceId, spanId: row.ref.spanId, parentSpanId: write.ref.spanId, name: 'Row 7', start: startOf('Row 7'), end: heard, message,
            notifications: [{ time: isoTime(task.facts.at(-1)!.time), message: 'a row' }],
            attributes: { ...scope, 'taskspan.scope.parent': write.ref.spanId, 'taskspan.heading': false },
          },
        ],
      },
    ]);
  });

  test('leaves the parts that run in other processes to those', async () => {
    const store = newPlace()();
    const task = new ScriptedTask();
    const parentScope = { taskSpanId: 'a'.repeat(16), spanId: 'b'.repeat(16) };
    const attempt = task.attempt({ name: 'Import', parentTaskUuid: uuidOf(1), parentScope });
    attempt.part('Elsewhere').scope('Inside');
    attempt.scope('Here');
    await store.append(beating(task.facts));
    await lose(store, true);
    const [{ spans }] = (await store.lostTraces()) as [LostTrace];
    expect(spans.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
      ['Import', parentScope.spanId], ['Here', attempt.ref.spanId],
    ]);
  });

  test('ends them no earlier than what the task reported last, whatever its clock', async () => {
    const store = newPlace()();
    const task = new ScriptedTask();
    const ahead = 3600 * 1_000_000 + (Date.now() * 1000 - 1_700_000_000_000_000);
    const scope = task.attempt({ skew: ahead }).scope('of the future');
    scope.notify('said last');
    await store.append(beating(task.facts));
    await lose(store, true);
    const [{ spans }] = (await store.lostTraces()) as [LostTrace];
    expect(spans.map(({ end }) => end)).toEqual([task.facts.at(-1)!.time, task.facts.at(-1)!.time]);
  });

  test('gives nothing of a task that runs, is lost for a while only, or has ended since', async () => {
    const store = newPlace()();
    const task = new ScriptedTask();
    const attempt = task.attempt();
    await store.append(beating(task.facts));
    expect(await store.lostTraces()).toEqual([]);
    await lose(store, false);
    expect(await store.lostTraces()).toEqual([]);
    await lose(store, true);
    expect(namesIn(await store.lostTraces())).toEqual(['TEST']);
    await store.append(task.during(() => attempt.complete()));
    expect(await store.lostTraces()).toEqual([]);
  });

  test('gives no spans of a trace that is not sampled, so that it is not read again', async () => {
    const store = newPlace()();
    const task = new ScriptedTask();
    task.attempt({ sampled: false }).scope('open');
    await store.append(beating(task.facts));
    await lose(store, true);
    expect(await store.lostTraces()).toEqual([{ taskUuid: UUID, resource: {}, spans: [] }]);
  });

  test('gives them until they have been ended, and the next attempt\'s when that is lost too', async () => {
    const at = newPlace();
    const store = at();
    const task = new ScriptedTask();
    task.attempt({ name: 'first' });
    await store.append(beating(task.facts));
    await lose(store, true);
    expect(namesIn(await store.lostTraces())).toEqual(['first']);
    // The store does not know that they arrived.
    expect(namesIn(await store.lostTraces())).toEqual(['first']);
    await store.tracesEnded([UUID, '00000000-0000-4000-8000-000000000000']);
    expect(await store.lostTraces()).toEqual([]);
    expect(await at().lostTraces()).toEqual([]);
    await store.append(beating(task.during(() => task.attempt({ name: 'second' }).scope('inside'))));
    expect(await store.lostTraces()).toEqual([]);
    await lose(store, true);
    expect(namesIn(await store.lostTraces())).toEqual(['second', 'inside']);
  });
});

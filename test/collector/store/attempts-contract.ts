import { describe, expect, test } from 'vitest';
import type { TaskRecord } from '../../../src/task-record.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import type { StoreWith } from './task-store-contract.ts';

const FINAL = '\tTask Finished\n';
const FAILED = '\t - TEST\n\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nError: no\n';

async function recordIn(store: TaskStore): Promise<TaskRecord> {
  return JSON.parse((await store.stored(UUID))!.summary) as TaskRecord;
}

/** A task whose first attempt has failed, and what its second one says. */
function retried(): { task: ScriptedTask; first: ScriptedTask['facts']; second: ScriptedTask['facts'] } {
  const task = new ScriptedTask();
  const first = task.during(() => {
    const attempt = task.attempt();
    attempt.progress(1, 2);
    attempt.result('"first"');
    attempt.fail({ name: 'Error', message: 'no' });
  });
  const second = task.during(() => task.attempt().notify('once more'));
  return { task, first, second };
}

/** What every {@link TaskStore} makes of tasks that are run again. */
export function describeAttempts(name: string, storeWith: StoreWith): void {
  describe(`${name}: a task that is run again`, () => {
    test('keeps a thousand attempts, and gives back the facts of those beyond', async () => {
      const task = new ScriptedTask();
      const starts = task.during(() => Array.from({ length: 1000 }, () => task.attempt()));
      const last = task.attempts.at(-1)!;
      const beyond = task.during(() => task.attempt({ number: 1_000_000 }).notify('no room'));
      const known = task.during(() => last.notify('still heard'));
      const store = await storeWith(starts);
      const refused = await store.append([...beyond, ...known]);
      const reason = `task ${UUID} has 1000 attempts, no more are kept`;
      expect(refused).toEqual(beyond.map((fact) => ({ fact, reason })));
      expect(await recordIn(store)).toMatchObject({ attempt: 1000, state: 'running' });
      expect((await store.log(UUID))!.text).toMatch(/\tstill heard\n$/);
    });

    test('is open again as soon as the next attempt starts, and has that attempt alone', async () => {
      const { task, first, second } = retried();
      const store = await storeWith(first);
      expect(await recordIn(store)).toMatchObject({
        attempt: 1, state: 'failed', status: 0, finished: true, exception: 'no', progress: 0.5, result: 'first',
      });
      await store.append(second.slice(0, 1));
      expect(await recordIn(store)).toMatchObject({
        attempt: 2, state: 'running', status: 2, finished: false, end: null, exception: '', progress: null, result: null,
        trace_id: task.attempts[1]!.ref.traceId,
      });
      await store.append(task.during(() => task.attempts[1]!.complete()));
      expect(await recordIn(store)).toMatchObject({ attempt: 2, state: 'completed', status: 1, finished: true });
    });

    test('has all of its attempts in its log, from the second on with their numbers', async () => {
      const { task, first, second } = retried();
      const store = await storeWith(first, second, task.during(() => task.attempts[1]!.complete()));
      expect((await store.log(UUID))!.text).toBe(`${FAILED}${FINAL}\tAttempt 2\n\tonce more\n${FINAL}`);
    });

    test('is the same whichever attempt is heard of first', async () => {
      const { first, second } = retried();
      const [inOrder, reversed] = [await storeWith(first, second), await storeWith(second, first)];
      expect({ ...(await recordIn(reversed)), version: 0 }).toEqual({ ...(await recordIn(inOrder)), version: 0 });
      expect((await reversed.log(UUID))!.text).toBe(`\tAttempt 2\n\tonce more\n${FAILED}${FINAL}`);
    });

    test('is found by the state of its latest attempt, in lists and counts', async () => {
      const { first, second } = retried();
      const store = await storeWith(first);
      const found = async (): Promise<unknown> => {
        const [failed, running] = [await store.tasks({ limit: 5, filter: { states: ['failed'] } }), await store.tasks({ limit: 5, filter: { states: ['running'] } })];
        const { failed: failures = 0, running: runs = 0 } = (await store.counts()).counts;
        return { lists: [failed.tasks.length, running.tasks.length], counts: [failures, runs] };
      };
      expect(await found()).toEqual({ lists: [1, 0], counts: [1, 0] });
      await store.append(second);
      expect(await found()).toEqual({ lists: [0, 1], counts: [0, 1] });
    });

    test('is kept as long as an attempt runs, however long ago the one before has ended', async () => {
      const { first, second } = retried();
      const store = await storeWith(first, second);
      const rule = { states: ['failed', 'completed', 'cancelled', 'lost'] as const, before: Number.MAX_SAFE_INTEGER, keep: 0 };
      while ((await store.sweep([rule])) === 'more');
      expect((await recordIn(store)).state).toBe('running');
    });

    test('has the numbers that its source gives, with gaps', async () => {
      const task = new ScriptedTask();
      for (const number of [3, 7]) task.attempt({ number }).complete();
      const store = await storeWith(task.facts);
      expect((await recordIn(store)).attempt).toBe(7);
      expect((await store.scopes(UUID))!.attempts.map(({ attempt }) => attempt)).toEqual([3, 7]);
      expect((await store.log(UUID))!.text).toBe(`\tAttempt 3\n${FINAL}\tAttempt 7\n${FINAL}`);
    });

    test('stays as its latest attempt left it when one of a lower number starts, or reports something, later', async () => {
      const task = new ScriptedTask();
      task.attempt({ number: 2 }).complete();
      const store = await storeWith(task.facts);
      await store.append(task.during(() => task.attempt({ number: 1 }).notify('late')));
      expect(await recordIn(store)).toMatchObject({ attempt: 2, state: 'completed', finished: true });
    });

    test('of two attempts of one number has the attempt that started later', async () => {
      const task = new ScriptedTask();
      const [one, other] = [task.attempt({ number: 2 }), task.attempt({ number: 2 })];
      one.complete();
      const store = await storeWith(task.facts);
      expect(await recordIn(store)).toMatchObject({ attempt: 2, state: 'running', trace_id: other.ref.traceId });
    });

    test('is cancelled where it runs now', async () => {
      const [task, store] = [new ScriptedTask(), await storeWith()];
      task.attempt().complete();
      await store.append(task.facts);
      expect(await store.cancel(UUID)).toBe('ended');
      const second = task.during(() => task.attempt()).map((fact) => ({ ...fact, cancellable: true, workerId: 'w2' }));
      await store.append(second);
      expect(await store.cancel(UUID)).toBe('requested');
      expect(await store.cancellations('w2', 0)).toMatchObject([{ taskUuid: UUID, spanId: task.attempts[1]!.ref.spanId }]);
    });
  });
}

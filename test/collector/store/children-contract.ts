import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import type { ScopeRecord, TaskRecord } from '../../../src/task-record.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { anyDelivery, batches, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import type { ScriptedAttempt, ScriptedScope } from '../record/scripted-task.ts';
import { uuidOf, wholeOf } from './expected-task.ts';
import type { StoreWith } from './task-store-contract.ts';

/** A child task, and the scope of its parent that stands for it. */
interface Child {
  task: ScriptedTask;
  attempt: ScriptedAttempt;
  scope: ScriptedScope;
}

function childOf(around: ScriptedScope, uuid: string, name = 'Child'): Child {
  const scope = around.part(name);
  const { taskSpanId, spanId, traceId } = scope.ref;
  const task = new ScriptedTask(uuid);
  const attempt = task.attempt({ name, traceId, parentTaskUuid: scope.ref.taskUuid, parentScope: { taskSpanId, spanId } });
  return { task, attempt, scope };
}

async function progressOf(store: TaskStore, uuid: string): Promise<number | null> {
  return (JSON.parse((await store.stored(uuid))!.summary) as TaskRecord).progress;
}

/** What every {@link TaskStore} makes of tasks that are children of others. */
export function describeChildren(name: string, storeWith: StoreWith): void {
  const [parentUuid, childUuid, grandchildUuid] = [uuidOf(1), uuidOf(2), uuidOf(3)];

  describe(`${name}: a child task`, () => {
    test('shows how far it is in the scope of its parent that stands for it, and in the parent\'s plan', async () => {
      const parent = new ScriptedTask(parentUuid);
      const attempt = parent.attempt();
      attempt.plan(2);
      const { task, attempt: child, scope } = childOf(attempt, childUuid);
      const store = await storeWith(parent.facts, task.facts);
      expect(await progressOf(store, parentUuid)).toBe(0);
      await store.append(task.during(() => child.progress(3, 4)));
      expect(await progressOf(store, parentUuid)).toBe(0.375);
      const [stands] = (await store.scopes(parentUuid))!.attempts[0]!.scopes as [ScopeRecord];
      expect(stands).toMatchObject({ name: 'Child', progress: 0.75, heading: false, outcome: 'running', done: null });
      await store.append(task.during(() => child.complete()));
      await store.append(parent.during(() => scope.complete()));
      expect(await progressOf(store, parentUuid)).toBe(0.5);
    });

    test('is a commit of its parent as often as it is further, and no other time', async () => {
      const parent = new ScriptedTask(parentUuid);
      const { task, attempt: child } = childOf(parent.attempt(), childUuid);
      const store = await storeWith(parent.facts, task.facts);
      const before = await store.changes({ limit: 1 });
      const told: [number, number][] = [];
      const say = async (work: () => void): Promise<void> => {
        await store.append(task.during(work));
        told.push([(await store.stored(childUuid))!.version, (await store.stored(parentUuid))!.version]);
      };
      await say(() => child.notify('busy'));
      await say(() => child.progress(1, 2));
      await say(() => child.progress(1, 2));
      await say(() => child.progress(1, 4));
      await say(() => child.complete());
      expect(told).toEqual([[2, 1], [3, 2], [4, 2], [5, 2], [6, 3]]);
      const { uuids } = await store.changes({ after: before.position, limit: 10 });
      expect(uuids).toEqual([childUuid, parentUuid]);
    });

    test('adds no line to its parent\'s log, and moves neither its `updated` nor its number of attempts', async () => {
      const parent = new ScriptedTask(parentUuid);
      const { task, attempt: child } = childOf(parent.attempt(), childUuid);
      const store = await storeWith(parent.facts, task.facts);
      const before = await wholeOf(store, parentUuid);
      await store.append(task.during(() => child.progress(1, 2)));
      const { summary, log } = await wholeOf(store, parentUuid);
      expect([summary, log]).toEqual([before.summary, before.log]);
    });

    test('gives the same whatever comes first: its facts, its parent\'s, one by one or at once', async () => {
      const parent = new ScriptedTask(parentUuid);
      const attempt = parent.attempt();
      attempt.plan({ Child: 3, Other: 1 });
      const around = attempt.scope('Other');
      around.plan(2);
      const one = childOf(attempt, childUuid);
      const other = childOf(around, grandchildUuid, 'Grandchild');
      one.attempt.progress(1, 2);
      other.attempt.progress(1, 5);
      const facts = [...parent.facts, ...one.task.facts, ...other.task.facts];
      const store = await storeWith();
      let families = 0;
      /** What three tasks of their own are after these appends, but for their UUIDs. */
      const stored = async (appends: Fact[][]): Promise<unknown> => {
        const family = `f${String(++families).padStart(7, '0')}`;
        const own = JSON.parse(JSON.stringify(appends).replaceAll('00000000-0000-4000', `${family}-0000-4000`)) as Fact[][];
        for (const append of own) await store.append(append);
        const tasks = [parentUuid, childUuid, grandchildUuid].map(async (uuid) => {
          const { summary, tree } = await wholeOf(store, uuid.replace('00000000', family));
          return { summary, tree };
        });
        return JSON.parse(JSON.stringify(await Promise.all(tasks)).replaceAll(family, '00000000'));
      };
      const expected = await stored([facts]);
      expect(expected).toMatchObject([{ summary: { progress: (3 * 0.5 + 0.1) / 4 } }, {}, {}]);
      await fc.assert(
        fc.asyncProperty(anyDelivery(facts), async (appends) => {
          expect(await stored(appends)).toEqual(expected);
        }),
        cases(100),
      );
    });

    test('of a child is shown from one to the next', async () => {
      const top = new ScriptedTask(parentUuid);
      const first = top.attempt();
      first.plan(1);
      const middle = childOf(first, childUuid);
      middle.attempt.plan(1);
      const bottom = childOf(middle.attempt, grandchildUuid);
      bottom.attempt.progress(1, 4);
      const orders = [[top, middle.task, bottom.task], [bottom.task, middle.task, top], [middle.task, bottom.task, top]];
      for (const order of orders) {
        const store = await storeWith(...order.flatMap(({ facts }) => batches(facts, [1])));
        expect(await progressOf(store, parentUuid)).toBe(0.25);
      }
    });

    test('whose parent is unknown makes none', async () => {
      const { task, attempt } = childOf(new ScriptedTask(parentUuid).attempt(), childUuid);
      attempt.progress(1, 2);
      const store = await storeWith(task.facts);
      expect(await store.stored(parentUuid)).toBeUndefined();
      expect(JSON.parse((await store.stored(childUuid))!.summary)).toMatchObject({ parent_task_uuid: parentUuid });
    });

    test('that names a scope of the parent\'s own process does not move it', async () => {
      const parent = new ScriptedTask(parentUuid);
      const scope = parent.attempt().scope('Own');
      const { taskSpanId, spanId, traceId } = scope.ref;
      const task = new ScriptedTask(childUuid);
      task.attempt({ traceId, parentTaskUuid: parentUuid, parentScope: { taskSpanId, spanId } }).progress(1, 2);
      for (const appends of [[parent.facts, task.facts], [task.facts, parent.facts]]) {
        const store = await storeWith(...appends);
        expect((await store.scopes(parentUuid))!.attempts[0]!.scopes[0]!.progress).toBeNull();
      }
    });

    test('that is run again in the same scope leaves it where it had come furthest', async () => {
      const parent = new ScriptedTask(parentUuid);
      const { task, attempt, scope } = childOf(parent.attempt(), childUuid);
      attempt.progress(3, 4);
      attempt.fail({ name: 'Error', message: 'no' });
      const { taskSpanId, spanId, traceId } = scope.ref;
      task.attempt({ traceId, parentTaskUuid: parentUuid, parentScope: { taskSpanId, spanId } }).progress(1, 4);
      const store = await storeWith(parent.facts, task.facts);
      expect((await store.scopes(parentUuid))!.attempts[0]!.scopes[0]!.progress).toBe(0.75);
      expect(await progressOf(store, childUuid)).toBe(0.25);
    });

    test('in a circle, which only a foreign sender can make, comes to an end', async () => {
      const [one, other] = [new ScriptedTask(parentUuid), new ScriptedTask(childUuid)];
      const ids = (traceId: string) => ({ traceId, taskSpanId: 'a'.repeat(16), spanId: 'b'.repeat(16) });
      const circle = [one, other].flatMap((task, at) => {
        const { traceId, ...parentScope } = ids('c'.repeat(32));
        const span = { ...ids(traceId), taskUuid: task.uuid };
        const root = { ...span, spanId: span.taskSpanId };
        const facts: Fact[] = [
          {
            kind: 'task-start', span: root, seq: 0, time: 1, name: 'T', attempt: 1, attributes: {}, workerId: '', workerIntervalMs: 0,
            sampled: true, parentTaskUuid: [other, one][at]!.uuid, parentScope,
          },
          { kind: 'plan', span: root, seq: 1, time: 2, plan: { Around: 99, Rest: 1 } },
          { kind: 'scope-start', span, seq: 0, time: 3, name: 'Around', parentSpanId: root.spanId, remote: true },
        ];
        return facts;
      });
      const span = { ...circle[0]!.span };
      const store = await storeWith(circle, [{ kind: 'progress', span, seq: 2, time: 4, done: 1, total: 2 }]);
      expect(await progressOf(store, parentUuid)).toBe(0.5);
      expect(await progressOf(store, childUuid)).toBeCloseTo(0.495, 2);
    });
  });

  describe(`${name}: a scope that begins elsewhere`, () => {
    test('counts in a plan that is reported late', async () => {
      const task = new ScriptedTask(parentUuid);
      const attempt = task.attempt();
      attempt.part('Part').complete();
      // It has ended: a store may have let go of its scopes.
      attempt.fail({ name: 'Error', message: 'no' });
      const store = await storeWith(...batches(task.facts, [1]), task.during(() => attempt.plan({ Part: 1, Rest: 3 })));
      expect(await progressOf(store, parentUuid)).toBe(0.25);
    });
  });
}

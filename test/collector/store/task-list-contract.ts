import { describe, expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import { parsedRecord, recordJson } from '../../../collector/record/record-json.ts';
import { PAGE_BYTES } from '../../../collector/store/task-store.ts';
import type { TaskPage, TaskQuery, TaskStore } from '../../../collector/store/task-store.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { seedExample } from '../record/seed-example.ts';
import { uuidOf } from './expected-task.ts';
import type { StoreWith } from './task-store-contract.ts';

/** The list of tasks that every {@link TaskStore} gives. */
export function describeTaskList(name: string, storeWith: StoreWith): void {
  describe(`${name}: the list of tasks`, () => {
    const uuidsOf = async (store: TaskStore, query: TaskQuery): Promise<[string[], string?]> => {
      const { tasks, next } = await store.tasks(query);
      return [tasks.map(({ uuid }) => uuid), ...(next === undefined ? [] : [next])] as [string[], string?];
    };
    const begun = (number: number): Fact[] => {
      const task = new ScriptedTask(uuidOf(number));
      task.attempt();
      return task.facts;
    };

    test('is empty where there are none', async () => {
      const store = await storeWith();
      expect(await store.tasks({ limit: 10 })).toEqual({ tasks: [] });
    });

    test('is newest first by first commit, whatever happens to a task later', async () => {
      const store = await storeWith(begun(3), begun(1), begun(2), seedExample(uuidOf(3)).facts);
      expect(await uuidsOf(store, { limit: 10 })).toEqual([[uuidOf(2), uuidOf(1), uuidOf(3)]]);
    });

    test('has tasks of one commit in the order in which they came', async () => {
      const store = await storeWith([...begun(2), ...begun(1)], begun(3));
      expect(await uuidsOf(store, { limit: 10 })).toEqual([[uuidOf(3), uuidOf(1), uuidOf(2)]]);
    });

    test('has each task as it is when asked for alone', async () => {
      const store = await storeWith(begun(1), seedExample(uuidOf(2)).facts);
      const { tasks } = await store.tasks({ limit: 10 });
      expect(tasks).toEqual([await store.stored(uuidOf(2)), await store.stored(uuidOf(1))]);
    });

    test('is read page by page, while new tasks come and old ones end, without gap or repeat', async () => {
      const store = await storeWith(...Array.from({ length: 10 }, (_, at) => begun(at + 1)));
      const read: string[] = [];
      let cursor: string | undefined;
      for (let page = 0; page === 0 || cursor !== undefined; page++) {
        const [uuids, next] = await uuidsOf(store, { limit: 3, ...(cursor !== undefined && { cursor }) });
        read.push(...uuids);
        cursor = next;
        await store.append(begun(100 + page));
        await store.append(seedExample(uuidOf(page + 1)).facts);
      }
      expect(read).toEqual(Array.from({ length: 10 }, (_, at) => uuidOf(10 - at)));
    });

    test('has no next page after the last task, even where that fills its page', async () => {
      const store = await storeWith(...Array.from({ length: 4 }, (_, at) => begun(at + 1)));
      const [first, next] = await uuidsOf(store, { limit: 2 });
      expect(first).toEqual([uuidOf(4), uuidOf(3)]);
      expect(await uuidsOf(store, { limit: 2, cursor: next! })).toEqual([[uuidOf(2), uuidOf(1)]]);
    });

    test('has only the tasks whose UUID has a beginning, where one is asked for, page by page too', async () => {
      const ended = new ScriptedTask('00000001-0000-4000-8000-000000000000');
      ended.attempt().complete();
      const store = await storeWith(begun(1), ended.facts, begun(2), begun(3));
      const [all] = await uuidsOf(store, { limit: 10, filter: { uuids: ['00000000-*'] } });
      expect(all).toEqual([uuidOf(3), uuidOf(2), uuidOf(1)]);
      const [first, next] = await uuidsOf(store, { limit: 2, filter: { uuids: ['00000000-*'] } });
      expect(await uuidsOf(store, { limit: 2, filter: { uuids: ['00000000-*'] }, cursor: next! })).toEqual([all.slice(2)]);
      expect(first).toEqual(all.slice(0, 2));
      expect(await uuidsOf(store, { limit: 10, filter: { uuids: ['0000*'], states: ['completed'] } })).toEqual([['00000001-0000-4000-8000-000000000000']]);
      expect(await uuidsOf(store, { limit: 10, filter: { uuids: [uuidOf(2)] } })).toEqual([[uuidOf(2)]]);
      expect(await uuidsOf(store, { limit: 10, filter: { uuids: ['ffff*'] } })).toEqual([[]]);
    });

    test('has only the tasks in a state, where one is asked for, page by page too', async () => {
      const ended = (number: number, how: 'complete' | 'cancel'): Fact[] => {
        const task = new ScriptedTask(uuidOf(number));
        task.attempt()[how]();
        return task.facts;
      };
      const store = await storeWith(
        begun(1), ended(2, 'complete'), seedExample(uuidOf(3)).facts, ended(4, 'cancel'), ended(5, 'complete'), begun(6),
        ended(7, 'complete'),
      );
      expect(await uuidsOf(store, { limit: 10, filter: { states: ['running'] } })).toEqual([[uuidOf(6), uuidOf(1)]]);
      expect(await uuidsOf(store, { limit: 10, filter: { states: ['failed'] } })).toEqual([[uuidOf(3)]]);
      expect(await uuidsOf(store, { limit: 10, filter: { states: ['cancelled'] } })).toEqual([[uuidOf(4)]]);
      expect(await uuidsOf(store, { limit: 10, filter: { states: ['lost'] } })).toEqual([[]]);
      const [first, next] = await uuidsOf(store, { limit: 2, filter: { states: ['completed'] } });
      expect(first).toEqual([uuidOf(7), uuidOf(5)]);
      expect(await uuidsOf(store, { limit: 2, filter: { states: ['completed'] }, cursor: next! })).toEqual([[uuidOf(2)]]);
      await store.append(ended(1, 'complete'));
      expect((await uuidsOf(store, { limit: 10, filter: { states: ['completed'] } }))[0]).toContain(uuidOf(1));
      expect(await uuidsOf(store, { limit: 10, filter: { states: ['running'] } })).toEqual([[uuidOf(6)]]);
    });

    test('leaves out a result above 4 KiB and attributes above 8 KiB, and names them', async () => {
      const withFields = (number: number, resultBytes: number, attributeBytes: number): Fact[] => {
        const task = new ScriptedTask(uuidOf(number));
        task.attempt({ attributes: { queue: 'é'.repeat((attributeBytes - '{"queue":""}'.length) / 2) } }).result(JSON.stringify('x'.repeat(resultBytes - 2)));
        return task.facts;
      };
      const store = await storeWith(withFields(1, 4096, 8192), withFields(2, 4097, 8192), withFields(3, 4096, 8194), withFields(4, 4097, 8194));
      const { tasks } = await store.tasks({ limit: 10 });
      const cuts = tasks.map((task) => {
        const { result, attributes, cut } = parsedRecord(task);
        return [result === null, Object.keys(attributes).length === 0, cut];
      });
      expect(cuts).toEqual([[true, true, ['result', 'attributes']], [false, true, ['attributes']], [true, false, ['result']], [false, false, undefined]]);
      expect(await store.storedMany([4, 3, 2, 1].map(uuidOf), 'list')).toEqual(tasks);
      const whole = (await store.task(uuidOf(4)))!;
      expect([(whole.result as string).length, Object.keys(whole.attributes), whole.cut]).toEqual([4095, ['queue'], undefined]);
      expect(parsedRecord(tasks[0]!)).toEqual({ ...whole, result: null, attributes: {}, cut: ['result', 'attributes'] });
    });

    test('ends a page before it is longer than 1 MiB, and the next page goes on there', async () => {
      const failed = (number: number): Fact[] => {
        const task = new ScriptedTask(uuidOf(number));
        task.attempt().fail({ name: 'Error', message: '✓'.repeat(60_000) });
        return task.facts;
      };
      const store = await storeWith(...Array.from({ length: 12 }, (_, at) => failed(at + 1)));
      const read: string[][] = [];
      let next: string | undefined;
      do {
        const page: TaskPage = await store.tasks({ limit: 100, ...(next !== undefined && { cursor: next }) });
        read.push(page.tasks.map(({ uuid }) => uuid));
        expect(page.tasks.reduce((sum, task) => sum + Buffer.byteLength(recordJson(task)), 0)).toBeLessThanOrEqual(PAGE_BYTES);
        next = page.next;
      } while (next !== undefined);
      expect(read.flat()).toEqual(Array.from({ length: 12 }, (_, at) => uuidOf(12 - at)));
      expect(read[0]!.length).toBeGreaterThan(1);
      expect((await store.storedMany(read.flat())).length).toBe(read[0]!.length);
    });

    test('has a task on a page though that task alone is longer', async () => {
      const task = new ScriptedTask(uuidOf(1));
      task.attempt().fail({ name: 'Error', message: '✓'.repeat(400_000) });
      const store = await storeWith(begun(2), task.facts);
      const first = await store.tasks({ limit: 10 });
      expect(await uuidsOf(store, { limit: 10 })).toEqual([[uuidOf(1)], expect.any(String)]);
      expect(await uuidsOf(store, { limit: 10, cursor: first.next! })).toEqual([[uuidOf(2)]]);
      expect(await store.storedMany([uuidOf(1), uuidOf(2)])).toHaveLength(1);
    });

    test.each(['', 'x', 'after 3', '%%%', 'dA', 't1', 'null', '\0', 'x'.repeat(10_000)])(
      'rejects %j, which is no cursor, with a RangeError of one short line',
      async (cursor) => {
        const store = await storeWith(begun(1));
        const error: unknown = await store.tasks({ limit: 1, cursor }).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(RangeError);
        expect((error as RangeError).message).toMatch(/^cursor: expected .{1,300}$/);
      },
    );
  });
}

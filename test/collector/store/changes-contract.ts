import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyDelivery, arbitraryTask, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { ofTask, uuidOf } from './expected-task.ts';
import type { StoreWith } from './task-store-contract.ts';

const OTHER = uuidOf(2);

/** What every store promises about which tasks have changed. */
export function describeChanges(name: string, storeWith: StoreWith): void {
  describe(`${name}: the changes`, () => {
    test('are none where there is no task, and have a position all the same', async () => {
      const store = await storeWith();
      const { position, ...none } = await store.changes({ limit: 1 });
      expect(none).toEqual({ uuids: [], more: false });
      expect(await store.changes({ after: position, limit: 1 })).toEqual({ uuids: [], position, more: false });
      expect(await store.changes({ after: '0', limit: 1 })).toEqual({ uuids: [], position, more: false });
    });

    test('give each task once, in the order of their latest commits', async () => {
      const [one, other] = [new ScriptedTask(), new ScriptedTask(OTHER)];
      const [first, second] = [one.attempt(), other.attempt()];
      const store = await storeWith(one.facts, other.facts);
      const before = await store.changes({ limit: 1 });
      await store.append(one.during(() => first.notify('again')));
      const all = await store.changes({ after: '0', limit: 10 });
      expect(all).toEqual({ uuids: [OTHER, UUID], position: (await store.changes({ limit: 1 })).position, more: false });
      expect((await store.changes({ after: before.position, limit: 10 })).uuids).toEqual([UUID]);
      await store.append([...one.facts]);
      expect(await store.changes({ after: all.position, limit: 10 })).toMatchObject({ uuids: [], position: all.position });
      await store.append([...one.during(() => first.notify('both')), ...other.during(() => second.notify('both'))]);
      expect((await store.changes({ after: all.position, limit: 10 })).uuids).toEqual([UUID, OTHER]);
    });

    test('come in pages, the next one after the position of the one before', async () => {
      const tasks = [1, 2, 3, 4, 5].map((number) => new ScriptedTask(uuidOf(number)));
      for (const task of tasks) task.attempt();
      const store = await storeWith(...tasks.map(({ facts }) => facts));
      const pages: string[][] = [];
      let [after, more] = ['0', true];
      while (more) {
        const page = await store.changes({ after, limit: 2 });
        pages.push(page.uuids);
        ({ position: after, more } = page);
      }
      expect(pages).toEqual([[uuidOf(1), uuidOf(2)], [uuidOf(3), uuidOf(4)], [uuidOf(5)]]);
      expect(await store.changes({ after, limit: 2 })).toEqual({ uuids: [], position: after, more: false });
    });

    test('end at a position, where one is given', async () => {
      const [one, other] = [new ScriptedTask(), new ScriptedTask(OTHER)];
      one.attempt();
      other.attempt();
      const store = await storeWith(one.facts);
      const { position: until } = await store.changes({ limit: 1 });
      await store.append(other.facts);
      expect(await store.changes({ after: '0', until, limit: 10 })).toEqual({ uuids: [UUID], position: until, more: false });
      const { position } = await store.changes({ limit: 1 });
      expect(await store.changes({ after: position, until, limit: 10 })).toEqual({ uuids: [], position, more: false });
    });

    test('begin from the start after what is no position of this store', async () => {
      const task = new ScriptedTask();
      task.attempt();
      const store = await storeWith(task.facts);
      const { position } = await store.changes({ limit: 1 });
      const ofAnother = (await (await storeWith(task.facts)).changes({ limit: 1 })).position;
      for (const after of ['', '1', 'x', `${position}0`, `${position} `, ofAnother]) {
        expect(await store.changes({ after, limit: 10 })).toEqual({ uuids: [UUID], position, more: false, fromStart: true });
      }
    });

    test('have the log after each version begin where that version ended', async () => {
      const store = await storeWith();
      let number = 0;
      await fc.assert(
        fc.asyncProperty(
          arbitraryTask({ steps: 30 }).chain((task) => anyDelivery(task.facts)),
          async (delivery) => {
            const uuid = uuidOf(++number);
            const ends = [0];
            for (const facts of ofTask(uuid, delivery)) {
              await store.append(facts);
              const { version, logBytes } = (await store.stored(uuid))!;
              ends[version] = logBytes;
            }
            const log = Buffer.from((await store.log(uuid))!.text);
            for (const [version, end] of ends.entries()) {
              const after = (await store.log(uuid, { afterVersion: version }))!;
              expect(after.offset).toBe(end);
              expect(after.text).toBe(log.subarray(end).toString());
            }
          },
        ),
        cases(60),
      );
    });

    test('are heard by a listener, until it listens no more', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const store = await storeWith();
      const heard: string[] = [];
      const [stop, stopOther] = [store.watch(() => heard.push('one')), store.watch(() => heard.push('other'))];
      await store.append(task.facts);
      expect(new Set(heard)).toEqual(new Set(['one', 'other']));
      stop();
      heard.length = 0;
      await store.append(task.during(() => attempt.notify('again')));
      expect(heard).toContain('other');
      expect(heard).not.toContain('one');
      stopOther();
    });
  });

  describe(`${name}: many tasks in one read`, () => {
    test('come in the order of their UUIDs, with nothing for an unknown one', async () => {
      const [one, other] = [new ScriptedTask(), new ScriptedTask(OTHER)];
      one.attempt();
      other.attempt();
      const store = await storeWith([...one.facts, ...other.facts]);
      const [first, second] = [await store.stored(UUID), await store.stored(OTHER)];
      expect(await store.storedMany([OTHER, uuidOf(7), UUID, OTHER])).toEqual([second, undefined, first, second]);
      expect(await store.storedMany([])).toEqual([]);
    });
  });
}

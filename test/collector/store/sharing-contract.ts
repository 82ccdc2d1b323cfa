import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyDelivery, arbitraryTask, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { seedExample } from '../record/seed-example.ts';
import { expectedAfter, ofTask, uuidOf, wholeOf } from './expected-task.ts';
import type { Place } from './stored-task.ts';

/** What two stores on one place promise, such as those of two processes on one file. */
export function describeSharing(name: string, newPlace: () => Place): void {
  describe(`${name}: two stores on one place`, () => {
    test('append to one task by turns, or are opened again in between, and it is the same as one store\'s', async () => {
      const open = newPlace();
      const stores = [open(), open()];
      const deliveries = arbitraryTask().chain(({ facts }) => fc.tuple(anyDelivery(facts), fc.array(fc.nat(3), { minLength: 1 })));
      let number = 0;
      await fc.assert(
        fc.asyncProperty(deliveries, async ([delivery, turns]) => {
          const uuid = uuidOf(++number);
          const appends = ofTask(uuid, delivery);
          for (const [at, facts] of appends.entries()) {
            const turn = turns[at % turns.length]!;
            if (turn === 3) {
              await stores[0]!.close();
              stores[0] = open();
            }
            await stores[turn % 2]!.append(facts);
          }
          const expected = expectedAfter(appends);
          for (const store of stores) expect(await wholeOf(store, uuid)).toEqual(expected);
        }),
        cases(100),
      );
    });

    test('keep a parent task and its child by turns, and the parent is as far as the child is', async () => {
      const open = newPlace();
      const stores = [open(), open()];
      const turns = fc.array(fc.nat(1), { minLength: 1 });
      let number = 0;
      await fc.assert(
        fc.asyncProperty(turns, fc.boolean(), async (each, childFirst) => {
          const [parent, child] = [new ScriptedTask(uuidOf(++number)), new ScriptedTask(uuidOf(++number))];
          const attempt = parent.attempt();
          attempt.plan(1);
          const { taskSpanId, spanId, traceId } = attempt.part('Child').ref;
          const running = child.attempt({ traceId, parentTaskUuid: parent.uuid, parentScope: { taskSpanId, spanId } });
          for (let done = 1; done <= 4; done++) running.progress(done, 5);
          const facts = childFirst ? [...child.facts, ...parent.facts] : [...parent.facts, ...child.facts];
          for (const [at, fact] of facts.entries()) await stores[each[at % each.length]!]!.append([fact]);
          for (const store of stores) {
            const { summary, version } = (await store.stored(parent.uuid))!;
            expect(JSON.parse(summary)).toMatchObject({ progress: 0.8 });
            expect(version).toBe(childFirst ? 3 : 7);
          }
        }),
        cases(60),
      );
    });

    test('see what the other has committed at once, and what it has done is nothing new', async () => {
      const open = newPlace();
      const [one, other] = [open(), open()];
      const { facts } = seedExample();
      await one.append(facts.slice(0, 6));
      await other.append(facts.slice(0, 6));
      expect((await other.stored(UUID))!.version).toBe(1);
      await other.append(facts);
      await one.append(facts);
      expect(await wholeOf(one, UUID)).toEqual(expectedAfter([facts.slice(0, 6), facts]));
    });
  });
}

import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { areOneSlice, slicesOf } from '../../../collector/store/slices.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { expectedAfter, uuidOf, wholeOf } from './expected-task.ts';

function linesOf(count: number, text = 'line', uuid = UUID): Fact[] {
  const task = new ScriptedTask(uuid);
  const attempt = task.attempt();
  for (let line = 0; line < count; line++) attempt.notify(`${text} ${line}`);
  return task.facts;
}

async function slices(facts: readonly Fact[]): Promise<(readonly Fact[])[]> {
  const all: (readonly Fact[])[] = [];
  for await (const slice of slicesOf(facts)) all.push(slice);
  return all;
}

describe('an append of very many facts', () => {
  test('is cut into slices, in each of which a task\'s facts follow those of the slice before', async () => {
    const facts = [linesOf(30_000, 'one', uuidOf(1)), linesOf(10, 'two', uuidOf(2))].flat().toReversed();
    const cut = await slices(facts);
    expect(cut.map(({ length }) => length)).toEqual([...Array.from({ length: 12 }, () => 2500), 12]);
    const times = cut.flat().filter(({ span }) => span.taskUuid === uuidOf(1)).map(({ time }) => time);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(new Set(cut.flat())).toEqual(new Set(facts));
  });

  test('is cut by the length of its texts too, but no fact is', async () => {
    const facts = linesOf(20, 'x'.repeat(60_000));
    const cut = await slices(facts);
    expect(cut.map(({ length }) => length)).toEqual([5, 4, 4, 4, 4]);
    expect(areOneSlice([{ ...facts[1]!, message: 'x'.repeat(1_000_000) } as Fact])).toBe(true);
  });

  test('lets the event loop turn between two slices', async () => {
    let turned = 0;
    const seen: number[] = [];
    for await (const { length } of slicesOf(linesOf(9999))) {
      expect(length).toBe(2500);
      seen.push(turned);
      void turn().then(() => turned++);
    }
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  test('makes the task that one commit of all would make, but for its version', async () => {
    const facts = linesOf(6000);
    const [inSlices, atOnce] = [memoryStore(), memoryStore()];
    await inSlices.append(facts.toReversed());
    atOnce.appendNow(facts);
    const expected = expectedAfter([facts]);
    for (const store of [inSlices, atOnce]) {
      const { log, tree } = await wholeOf(store, UUID);
      expect(log === expected.log).toBe(true);
      expect(tree).toEqual(expected.tree);
    }
    expect([(await inSlices.stored(UUID))!.version, (await atOnce.stored(UUID))!.version]).toEqual([3, 1]);
  });
});

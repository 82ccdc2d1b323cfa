import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MOST_COUNTED } from '../../../collector/store/task-store.ts';
import type { TaskPage, TaskQuery, TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact } from '../../../src/fact.ts';
import type { TaskFilter } from '../../../src/task-filter.ts';
import { TASK_STATES } from '../../../src/task-record.ts';
import { cases } from '../record/arbitrary-task.ts';
import { anyFilter, factsOf, fits, HEARD, plainTasks, SILENT_WORKER, stateOf } from './plain-tasks.ts';
import type { PlainTask } from './plain-tasks.ts';
import type { StoreWith } from './task-store-contract.ts';

/** More than a store may keep without an index, and as many to come. */
const TASKS = 2400;
const ALL = plainTasks(TASKS + 1000);

/** What filters give in every {@link TaskStore}, against a plain array. */
export function describeFilters(name: string, storeWith: StoreWith): void {
  describe(`${name}: a filter`, () => {
    test('gives the tasks that fit it, page by page, in either order, and counts them', async () => {
      const { store, tasks } = await filled(storeWith);
      await fc.assert(
        fc.asyncProperty(anyFilter, fc.constantFrom('newest', 'oldest'), fc.constantFrom(7, 50, 500), async (filter, order, limit) => {
          const expected = tasks.filter((task) => fits(task, filter));
          const uuids = expected.map(({ uuid }) => uuid);
          const pages = await pagesOf(store, { filter, order, limit });
          expect(pages.flatMap((page) => page.tasks.map(({ uuid }) => uuid))).toEqual(order === 'oldest' ? uuids : uuids.toReversed());
          for (const page of pages.slice(0, -1)) expect(page.tasks.length === limit || page.searchedTo !== undefined).toBe(true);
          await expectCounts(store, filter, expected);
        }),
        cases(30),
      );
    }, 60_000);

    test('gives what fits it while tasks come, change and go', async () => {
      const { store, tasks } = await filled(storeWith);
      let number = TASKS;
      const change = async (seed: number): Promise<PlainTask[]> => {
        // A task that the silent worker begins would have it heard.
        const added: PlainTask = { ...ALL[number++]!, isSilent: false };
        const running = tasks.filter((task) => stateOf(task) === 'running')[seed % 20];
        const ended = tasks.filter(({ isQueued, end }) => !isQueued && end !== null)[seed % 1000]!;
        const endedNow: PlainTask[] = running === undefined ? [] : [{ ...running, end: running.start + 61_000_000, outcome: 'failed', error: { name: 'LateError', message: 'seen late', causes: [] } }];
        await store.append([added, ...endedNow].flatMap(factsOf));
        expect(await store.delete(ended.uuid)).toBe('deleted');
        tasks.splice(tasks.indexOf(ended), 1);
        for (const task of endedNow) tasks.splice(tasks.findIndex(({ uuid }) => uuid === task.uuid), 1, task);
        tasks.push(added);
        return [added, ended, ...endedNow];
      };
      await fc.assert(
        fc.asyncProperty(anyFilter, fc.constantFrom('newest', 'oldest'), fc.nat(10_000), async (filter, order, seed) => {
          const before = [...tasks];
          const changed = new Set<string>();
          const read: string[] = [];
          let cursor: string | undefined;
          do {
            const page: TaskPage = await store.tasks({ filter, order, limit: 20, ...(cursor !== undefined && { cursor }) });
            for (const { uuid } of page.tasks) {
              expect(fits(tasks.find((task) => task.uuid === uuid)!, filter)).toBe(true);
              read.push(uuid);
            }
            cursor = page.next;
            if (read.length < 100) for (const { uuid } of await change(seed + read.length)) changed.add(uuid);
          } while (cursor !== undefined && read.length < 100);
          const positions = read.map((uuid) => [...before, ...tasks].findIndex((task) => task.uuid === uuid));
          expect(positions).toEqual([...new Set(positions)].toSorted((one, other) => (order === 'oldest' ? one - other : other - one)));
          // What did not change meanwhile is there, as far as was read.
          const unchanged = before.filter((task) => !changed.has(task.uuid) && fits(task, filter)).map(({ uuid }) => uuid);
          const inOrder = order === 'oldest' ? unchanged : unchanged.toReversed();
          const known = read.filter((uuid) => !changed.has(uuid));
          expect(known).toEqual(cursor === undefined ? inOrder : inOrder.slice(0, known.length));
        }),
        cases(15),
      );
      await expectCounts(store, { errors: ['late'] }, tasks.filter((task) => fits(task, { errors: ['late'] })));
    }, 60_000);

    test('that few old tasks fit among many is answered in parts, which say how far they have looked', async () => {
      const { created } = ALL[0]!;
      const first: PlainTask = { ...ALL[0]!, isQueued: false, isSilent: false, end: null, attributes: {}, start: created };
      // The times since when they run are so near that only each task itself can tell which fits.
      const many = Array.from({ length: 4000 }, (_, at): PlainTask => ({ ...first, uuid: uuidOf(at + 1), created: created + at + 1, start: created + at + 1 }));
      const store = await storeWith(...[[first], many.slice(0, 2000), many.slice(2000)].map((tasks) => tasks.flatMap(factsOf)));
      const filter: TaskFilter = { startedBefore: isoOf(first.start + 1), longerThanMs: 1 };
      const pages = await pagesOf(store, { filter, limit: 10 });
      expect(pages.flatMap(({ tasks }) => tasks.map(({ uuid }) => uuid))).toEqual([first.uuid]);
      expect(pages.length).toBeLessThan(20);
      for (const { searchedTo } of pages.slice(0, -1)) expect(searchedTo).toBeGreaterThan(first.created);
      expect(pages.map(({ searchedTo }) => searchedTo).slice(0, -1)).toEqual(pages.map(({ searchedTo }) => searchedTo).slice(0, -1).toSorted((one, other) => other! - one!));
      expect(pages.at(-1)).not.toHaveProperty('searchedTo');
    }, 60_000);

    test('finds a task by each of very many values, and by a long name', async () => {
      const crowded: PlainTask = {
        ...ALL.at(-1)!, isQueued: false, end: ALL.at(-1)!.start, outcome: 'failed', name: `${'long '.repeat(30)}name`,
        attributes: { ids: Array.from({ length: 1000 }, (_, at) => at) }, error: { name: 'Error', message: Array.from({ length: 300 }, (_, at) => `w${at}`).join(' '), causes: [] },
      };
      const { store } = await filled(storeWith, [crowded]);
      for (const filter of [{ attributes: [{ key: 'ids', values: ['999'] }] }, { errors: ['w299 w3'] }, { texts: ['w298'] }, { names: [crowded.name] }, { names: ['LONG long long*'] }]) {
        expect((await pagesOf(store, { filter, limit: 10 })).flatMap(({ tasks }) => tasks.map(({ uuid }) => uuid))).toEqual([crowded.uuid]);
      }
    });
  });
}

/** A store with many tasks, of which many changed after they had been stored, and the same tasks in the order of their first commits. */
async function filled(storeWith: StoreWith, others: readonly PlainTask[] = []): Promise<{ store: TaskStore; tasks: PlainTask[] }> {
  const tasks = [...others, ...ALL.slice(0, TASKS)];
  const store = await storeWith();
  const append = async (facts: readonly (readonly Fact[])[]): Promise<void> => {
    for (let at = 0; at < facts.length; at += 500) await store.append(facts.slice(at, at + 500).flat());
  };
  const isLate = (_: unknown, at: number): boolean => at % 2 === 1;
  await append(tasks.map((task, at) => factsOf(task).slice(0, isLate(task, at) ? 2 : undefined)));
  await append(tasks.filter(isLate).slice(0, 1100).map(factsOf));
  await append(tasks.filter(isLate).slice(1100).map(factsOf));
  await store.beat([{ workerId: SILENT_WORKER, host: 'h', pid: 1, intervalMs: 5000, time: HEARD, busySince: null }]);
  const silent = (await store.workers()).find(({ id }) => id === SILENT_WORKER)!;
  await store.silence([{ id: SILENT_WORKER, beats: silent.beats, silentMs: 20_000, lost: true, final: false }]);
  return { store, tasks };
}

async function pagesOf(store: TaskStore, query: TaskQuery): Promise<TaskPage[]> {
  const pages: TaskPage[] = [];
  let next: string | undefined;
  do {
    const page: TaskPage = await store.tasks({ ...query, ...(next !== undefined && { cursor: next }) });
    expect(page.tasks.length).toBeLessThanOrEqual(query.limit);
    pages.push(page);
    next = page.next;
  } while (next !== undefined);
  return pages;
}

async function expectCounts(store: TaskStore, filter: TaskFilter, expected: readonly PlainTask[]): Promise<void> {
  const { counts, capped } = await store.counts(filter);
  for (const state of TASK_STATES) {
    const count = expected.filter((task) => stateOf(task) === state).length;
    if (capped.includes(state)) expect(counts[state] ?? 0).toBeLessThanOrEqual(Math.min(count, MOST_COUNTED));
    else expect([state, counts[state] ?? 0]).toEqual([state, count]);
  }
}

function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

function isoOf(micros: number): string {
  return `${new Date(micros / 1000).toISOString().slice(0, 19)}.${String(micros % 1_000_000).padStart(6, '0')}Z`;
}

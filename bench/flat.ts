import { join } from 'node:path';
import { sqliteStore } from '../collector/index.ts';
import type { TaskStore } from '../collector/index.ts';
import { medianOf, spreadOf } from './figure.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { LongTask } from './long-task.ts';
import type { Kind } from './long-task.ts';
import type { Effort } from './rounds.ts';

const TARGET = { of: 'ratio', most: 1.3 } as const;
const COMMITS = 100;
/** What the collector commits at once when much comes. */
const BATCH = 5000;

/** What one more commit costs a task that has 10 lines, 10,000 or a million, or as many scopes. */
export async function measure(effort: Effort): Promise<Figure[]> {
  const million = effort.quick ? 100_000 : 1_000_000;
  const hundredThousand = effort.quick ? 20_000 : 100_000;
  return [
    ...(await costOfCommits(effort, 'line', 1, [10, 10_000, million])),
    ...(await costOfCommits(effort, 'line', 100, [10, 10_000, million])),
    ...(await costOfCommits(effort, 'scope', 1, [10, 10_000, hundredThousand])),
    ...(await costOfCommits(effort, 'scope', 100, [10, 10_000, hundredThousand])),
  ];
}

/**
 * A commit's time in SQLite, each length in a file of its own: the median of a hundred commits a
 * round. What came before came in commits of the same size, so far as a task remembers it.
 */
function costOfCommits(effort: Effort, kind: Kind, size: number, lengths: [number, number, number]): Promise<Figure[]> {
  return inFolder(async (folder) => {
    const [short, middle, long] = lengths;
    const stores = lengths.map((length) => sqliteStore(join(folder, `${length}.sqlite`)));
    const longest = await grown(new LongTask(stores[2]!, kind), long, size);
    const timings: number[][] = [[], [], []];
    for (let round = -2; round < effort.rounds; round++) {
      const times = [
        await atShort(stores[0]!, kind, short, size),
        await commitTime(await grown(new LongTask(stores[1]!, kind), middle, size), size, COMMITS),
        await commitTime(longest, size, COMMITS),
      ];
      if (round >= 0) times.forEach((time, index) => timings[index]!.push(time));
    }
    for (const store of stores) await store.close();
    const [bare, ...others] = timings;
    return others.map((times, index): Figure => ({
      name: `a commit of ${size} ${kind}${size === 1 ? '' : 's'} at ${kind} ${lengths[index + 1]} (bare: at ${kind} ${short})`,
      unit: 'ns',
      ours: medianOf(times),
      bare: medianOf(bare!),
      ratio: spreadOf(times.map((time, round) => time / bare![round]!)),
      target: TARGET,
    }));
  });
}

/** Each commit is of a task that has just come so far: with one task it would soon be far beyond. */
async function atShort(store: TaskStore, kind: Kind, length: number, size: number): Promise<number> {
  const times: number[] = [];
  for (let commit = 0; commit < COMMITS; commit++) {
    times.push(await commitTime(await grown(new LongTask(store, kind), length, size), size, 1));
  }
  return medianOf(times);
}

/** A task knows which commits hold its last hundred notifications: those come in the size to be measured. */
async function grown(task: LongTask, length: number, size: number): Promise<LongTask> {
  const last = Math.min(length, 100);
  await task.start();
  while (task.length < length - last) await task.append(Math.min(BATCH, length - last - task.length));
  while (task.length < length) await task.append(Math.min(size, length - task.length));
  return task;
}

/** Median time of one commit, in nanoseconds. */
async function commitTime(task: LongTask, size: number, commits: number): Promise<number> {
  const times: number[] = [];
  for (let commit = 0; commit < commits; commit++) times.push(await task.append(size));
  return medianOf(times);
}

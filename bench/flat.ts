import { join } from 'node:path';
import { sqliteStore } from '../collector/index.ts';
import type { TaskStore } from '../collector/index.ts';
import { medianOf, spreadOf } from './figure.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { LongTask } from './long-task.ts';
import type { Effort } from './rounds.ts';

const TARGET = { of: 'ratio', most: 1.3 } as const;
const COMMITS = 100;
/** What the collector commits at once when much comes. */
const BATCH = 5000;

/** What one more commit costs a task that has 10 lines, 10,000 or a million. */
export async function measure(effort: Effort): Promise<Figure[]> {
  const most = effort.quick ? 100_000 : 1_000_000;
  return [...(await costOfCommits(effort, 1, most)), ...(await costOfCommits(effort, 100, most))];
}

/**
 * A commit's time in SQLite, each length in a file of its own: the median of a hundred commits a
 * round. What came before came in commits of the same size, so far as a task remembers it.
 */
function costOfCommits(effort: Effort, lines: number, most: number): Promise<Figure[]> {
  return inFolder(async (folder) => {
    const lengths = [10, 10_000, most] as const;
    const stores = lengths.map((length) => sqliteStore(join(folder, `${length}.sqlite`)));
    const longest = new LongTask(stores[2]!);
    await grow(longest, most, lines);
    const timings: number[][] = [[], [], []];
    for (let round = -2; round < effort.rounds; round++) {
      const times = [
        await atLineTen(stores[0]!, lines),
        await commitTime(await grown(stores[1]!, 10_000, lines), lines, COMMITS),
        await commitTime(longest, lines, COMMITS),
      ];
      if (round >= 0) times.forEach((time, index) => timings[index]!.push(time));
    }
    for (const store of stores) await store.close();
    const [ten, ...others] = timings;
    return others.map((times, index): Figure => ({
      name: `a commit of ${lines === 1 ? 'one line' : `${lines} lines`} at line ${lengths[index + 1]} (bare: at line 10)`,
      unit: 'ns',
      ours: medianOf(times),
      bare: medianOf(ten!),
      ratio: spreadOf(times.map((time, round) => time / ten![round]!)),
      target: TARGET,
    }));
  });
}

/** Each commit is of a task that has just come so far: with one task it would soon be at line 110. */
async function atLineTen(store: TaskStore, lines: number): Promise<number> {
  const times: number[] = [];
  for (let commit = 0; commit < COMMITS; commit++) {
    times.push(await commitTime(await grown(store, 10, lines), lines, 1));
  }
  return medianOf(times);
}

async function grown(store: TaskStore, length: number, lines: number): Promise<LongTask> {
  const task = new LongTask(store);
  await grow(task, length, lines);
  return task;
}

/** A task knows which commits hold its last hundred notifications: those come in the size to be measured. */
async function grow(task: LongTask, length: number, lines: number): Promise<void> {
  const last = Math.min(length, 100);
  await task.start();
  while (task.lines < length - last) await task.append(Math.min(BATCH, length - last - task.lines));
  while (task.lines < length) await task.append(Math.min(lines, length - task.lines));
}

/** Median time of one commit, in nanoseconds. */
async function commitTime(task: LongTask, lines: number, commits: number): Promise<number> {
  const times: number[] = [];
  for (let commit = 0; commit < commits; commit++) times.push(await task.append(lines));
  return medianOf(times);
}

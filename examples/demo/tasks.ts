import { once } from 'node:events';
import { basename } from 'node:path';
import { runTask } from 'taskspan';
import type { Taskspan } from 'taskspan/collector';
import { indexFolder, LEFT_OUT_NAMES } from './index-folder.ts';
import { counted, humanCount, onOneLine } from './index-report.ts';
import { RETRY_AFTER_S, sendInvoices } from './invoices-task.ts';
import type { DemoOptions } from './options.ts';
import { resizePhotos } from './photos-task.ts';
import { runSeedTask } from './seed-task.ts';
import { sleepAt } from './sleep.ts';
import { messageOf, print } from './terminal.ts';
import { runInWorker } from './worker-task.ts';

/** The index of a small folder takes as long as a person likes to watch it, in seconds. */
const INDEX_S = 45;

/** A task of the demo. */
interface DemoTask {
  readonly name: string;
  /** What there is to see. */
  readonly shows: string;
  /** Resolves to how it ended, `completed` without a word. */
  readonly run: (say: Say) => Promise<string | void>;
}

/** Prints what happened to a task. */
type Say = (what: string) => void;

/** Runs the tasks of the demo at the same time, and prints what happens to them. Resolves when they have ended or are stopped. */
export async function runTasks(taskspan: Taskspan, options: DemoOptions, stop: AbortSignal): Promise<void> {
  const tasks = tasksOf(taskspan, options, stop);
  const width = Math.max(...tasks.map(({ name }) => name.length));
  print(`\nThese tasks run now, for about ${counted(Math.ceil(80 / options.speed), 'second')}:\n`);
  for (const { name, shows } of tasks) print(`  ${name.padEnd(width)}  ${shows}`);
  print();
  const began = performance.now();
  const runs = tasks.map(async ({ name, run }) => {
    const say: Say = (what) => print(`  ${minutes(performance.now() - began)}  ${name} ${onOneLine(what)}`);
    try {
      say((await run(say)) ?? 'completed');
    } catch (error) {
      if (!stop.aborted) say(error instanceof Error && error.name === 'AbortError' ? 'was cancelled' : `failed: ${messageOf(error)}`);
    }
  });
  await Promise.race([Promise.all(runs), once(stop, 'abort')]);
}

function tasksOf({ store }: Taskspan, options: DemoOptions, stop: AbortSignal): DemoTask[] {
  const { folder, store: path, speed } = options;
  const sleep = sleepAt(speed, stop);
  const tasks: DemoTask[] = [
    {
      name: 'Resize photos',
      shows: 'takes 75 seconds: cancel it on its page',
      run: () => resizePhotos(sleep),
    },
    {
      name: 'Import customers',
      shows: 'runs in a second process, which is killed: the task is lost',
      async run(say) {
        const killed = (pid: number | undefined): void => say(`has no worker any more: process ${pid} was killed`);
        const state = await runInWorker({ path, store, speed, sleep, stop, killed });
        return state === 'lost' ? 'is lost: its worker sends no heartbeats' : 'was cancelled';
      },
    },
    {
      name: 'Send invoices',
      shows: 'waits in a queue, fails, and is tried again',
      run: (say) => sendInvoices(sleep, (error) => say(`failed: ${messageOf(error)}; the next attempt begins in ${RETRY_AFTER_S} s`)),
    },
    {
      name: onOneLine(`Index of ${basename(folder) || folder}`),
      shows: `reads ${onOneLine(folder)}, slowly enough to be watched`,
      run: () => runIndex(options, stop),
    },
    {
      name: 'TEST',
      shows: 'the example that taskspan comes from: one step fails, the task goes on',
      run: () => runSeedTask(sleep),
    },
  ];
  // A second process has no part in a store that is this one's memory.
  return path === ':memory:' ? tasks.filter(({ name }) => name !== 'Import customers') : tasks;
}

async function runIndex({ folder, store, speed }: DemoOptions, stop: AbortSignal): Promise<string> {
  const index = await runTask(
    `Index of ${basename(folder) || folder}`,
    (updater) =>
      indexFolder(updater, folder, {
        leaveOut: [...LEFT_OUT_NAMES, ...storeFiles(store)],
        signal: AbortSignal.any([stop, updater.signal]),
        readingMs: (INDEX_S * 1000) / speed,
      }),
    { attributes: { folder } },
  );
  const unreadable = index.unreadable === 0 ? '' : `, ${humanCount(index.unreadable)} could not be read`;
  return `completed: ${counted(index.files, 'file')} read${unreadable}`;
}

/**
 * The store's own files, which must not be read: when a process closes a file, POSIX removes all locks that the process
 * holds on it, SQLite's among them.
 */
function storeFiles(store: string): string[] {
  return ['', '-wal', '-shm', '-journal'].map((suffix) => basename(store) + suffix);
}

/** `0:07`, `1:15`. */
function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

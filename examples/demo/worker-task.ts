import { fork } from 'node:child_process';
import { once } from 'node:events';
import { announceTask } from 'taskspan';
import type { TaskStore } from 'taskspan/collector';
import type { Sleep } from './sleep.ts';

/** What the worker's process is started with. */
export interface WorkerOptions {
  /** Path of the SQLite file that both processes write to. */
  readonly store: string;
  readonly taskName: string;
  readonly taskUuid: string;
  /** How many times as fast as usual. */
  readonly speed: number;
}

export interface WorkerTaskOptions {
  readonly path: string;
  readonly store: TaskStore;
  readonly speed: number;
  readonly sleep: Sleep;
  /** Aborted when the demo is stopped: the worker then ends too. */
  readonly stop: AbortSignal;
  /** Called with the worker's process id when it has been killed. */
  readonly killed: (pid: number | undefined) => void;
}

/**
 * Runs a task in a second process, kills that process in the middle of it, and waits until the task is lost.
 *
 * Resolves to the task's state: `cancelled` where somebody was quicker. Rejects where the process failed.
 */
export async function runInWorker(options: WorkerTaskOptions): Promise<'lost' | 'cancelled'> {
  const { path, store, speed, sleep, stop, killed } = options;
  const taskName = 'Import customers';
  const taskUuid = await announceTask({ taskName, attributes: { file: 'customers.csv' } });
  const settings: WorkerOptions = { store: path, taskName, taskUuid, speed };
  const worker = fork(new URL('worker.ts', import.meta.url), [JSON.stringify(settings)]);
  const ended = once(worker, 'exit');
  // At Ctrl-C the terminal sends it too; twice the same signal is once.
  const end = (): boolean => worker.kill('SIGINT');
  stop.addEventListener('abort', end);
  // The worker asks for it, so that it is killed at the same place on every machine.
  worker.once('message', () => worker.kill('SIGKILL'));
  const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  stop.removeEventListener('abort', end);
  stop.throwIfAborted();
  if (code === 0) return 'cancelled';
  if (signal === null) throw new Error(`its worker ended with exit code ${code}`);
  killed(worker.pid);
  while ((await store.task(taskUuid))?.state !== 'lost') await sleep(0.5);
  return 'lost';
}

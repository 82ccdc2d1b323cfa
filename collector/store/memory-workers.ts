import type { HeardWorker, Liveness, Silence } from '../record/liveness.ts';
import type { TaskLife } from '../record/task-life.ts';
import type { TaskState } from '../record/task-record.ts';
import type { Beat } from './task-store.ts';

/** By what a task in memory lives, with what its worker's silence has made of it. */
export interface LivingTask {
  state: TaskState;
  attempt: string | null;
  /** `null` unless the task is live: begun, not ended, not lost for good. */
  workerId: string | null;
  /** When its worker was last heard, for one that is lost for good. */
  lostHeard: number | null;
  /** When it became so, in microseconds since the epoch. */
  lostAt: number | null;
  /** Whether its open spans are still to be ended toward a tracing backend. */
  traceOpen: boolean;
}

interface MemoryWorker {
  intervalMs: number;
  beat: number;
  beats: number;
  busySince: number | null;
  silentMs: number;
  lost: boolean;
  path: string | undefined;
}

/** The workers of a store in memory, and what becomes of their tasks. */
export class MemoryWorkers<Task extends LivingTask> {
  readonly #workers = new Map<string, MemoryWorker>();
  readonly #tasks: () => Iterable<Task>;
  readonly #changed: (task: Task) => void;

  /**
   * @param tasks All tasks of the store.
   * @param changed Told of each task that is lost, or so for good, or runs again.
   */
  constructor(tasks: () => Iterable<Task>, changed: (task: Task) => void) {
    this.#tasks = tasks;
    this.#changed = changed;
  }

  /** What is known of a task's worker; `undefined` where no sign of life is to come. */
  livenessOf({ workerId, lostHeard }: LivingTask): Liveness | undefined {
    if (lostHeard !== null) return { heard: lostHeard, busySince: null, final: true };
    const worker = workerId === null ? undefined : this.#workers.get(workerId);
    return worker && { heard: worker.beat, busySince: worker.busySince, final: false };
  }

  live(): HeardWorker[] {
    const live = new Set<string | null>();
    for (const { workerId } of this.#tasks()) live.add(workerId);
    return [...this.#workers].flatMap(([id, { intervalMs, beats, silentMs, path }]) =>
      live.has(id) ? [{ id, intervalMs, beats, silentMs, ...(path !== undefined && { path }) }] : [],
    );
  }

  beat({ workerId, intervalMs, time, busySince, path }: Beat): void {
    const before = this.#workers.get(workerId);
    const beats = (before?.beats ?? 0) + 1;
    this.#workers.set(workerId, { intervalMs, beat: time, beats, busySince, silentMs: 0, lost: false, path });
    if (before?.lost === true) this.#change(workerId, 'lost', (task) => (task.state = 'running'));
  }

  silence(silences: readonly Silence[]): void {
    for (const { id, beats, silentMs, lost, final } of silences) {
      const worker = this.#workers.get(id);
      if (worker?.beats !== beats) continue;
      worker.silentMs = Math.max(worker.silentMs, silentMs);
      worker.lost ||= lost;
      if (lost) this.#change(id, 'running', (task) => (task.state = 'lost'));
      if (!final) continue;
      this.#change(id, 'lost', (task) => {
        task.lostHeard = worker.beat;
        task.lostAt = Date.now() * 1000;
        task.workerId = null;
        task.traceOpen = true;
      });
    }
  }

  /** Changes what a task lives by. The commit of an attempt's start is a sign of life of its worker. */
  keep(task: LivingTask, { state, attempt, workerId, intervalMs }: TaskLife): void {
    const stillLost = task.state === 'lost' && state === 'running' && task.attempt === attempt;
    if (!stillLost) Object.assign(task, { state, attempt, workerId, lostHeard: null, lostAt: null });
    if (workerId === null) return;
    const beat = Date.now() * 1000;
    const worker = this.#workers.get(workerId);
    if (worker === undefined) {
      this.#workers.set(workerId, { intervalMs, beat, beats: 1, busySince: null, silentMs: 0, lost: false, path: undefined });
    } else if (!worker.lost) Object.assign(worker, { beat, beats: worker.beats + 1, silentMs: 0 });
  }

  #change(workerId: string, state: TaskState, change: (task: LivingTask) => void): void {
    for (const task of this.#tasks()) {
      if (task.workerId !== workerId || task.state !== state) continue;
      change(task);
      this.#changed(task);
    }
  }
}

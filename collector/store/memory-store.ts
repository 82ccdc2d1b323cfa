import type { Fact } from '../../src/fact.ts';
import { commitFacts } from '../record/commit.ts';
import type { TaskCommit } from '../record/commit.ts';
import { scopeTree } from '../record/scope-tree.ts';
import { TaskFold } from '../record/task-fold.ts';
import type { AttemptRecord } from '../record/task-record.ts';
import { byTask } from './by-task.ts';
import { cutLog } from './log-range.ts';
import type { LogPiece } from './log-range.ts';
import { RecentNotifications } from './recent-notifications.ts';
import type { JournalRow } from './recent-notifications.ts';
import { MemoryWorkers } from './memory-workers.ts';
import type { LivingTask } from './memory-workers.ts';
import { cursorOf, placeOf } from './task-cursor.ts';
import type { HeardWorker, Silence } from '../record/liveness.ts';
import type { Beat, LogRange, StoredLog, StoredTask, TaskPage, TaskQuery, TaskStore } from './task-store.ts';

/** A store in memory, for tests: it keeps all, and only as long as the process lives. */
export function memoryStore(): TaskStore {
  return new MemoryStore();
}

interface MemoryTask extends LivingTask {
  fold: TaskFold;
  stored: Omit<StoredTask, 'state' | 'liveness'>;
  journal: (JournalRow & LogPiece)[];
}

class MemoryStore implements TaskStore {
  /** In the order of their first commits. */
  readonly #tasks = new Map<string, MemoryTask>();
  readonly #workers = new MemoryWorkers(() => this.#tasks.values());

  append(facts: readonly Fact[]): Promise<void> {
    for (const [uuid, own] of byTask(facts)) {
      const task = this.#tasks.get(uuid);
      const commit = commitFacts(task?.fold ?? new TaskFold(uuid), own);
      if (commit !== undefined) this.#keep(uuid, task, commit);
    }
    return Promise.resolve();
  }

  task(uuid: string): Promise<StoredTask | undefined> {
    return Promise.resolve(this.#stored(this.#tasks.get(uuid)));
  }

  log(uuid: string, range?: LogRange): Promise<StoredLog | undefined> {
    const task = this.#tasks.get(uuid);
    if (task === undefined) return Promise.resolve(undefined);
    const { version, logBytes } = task.stored;
    return Promise.resolve({ ...cutLog(task.journal, range, logBytes), version, logBytes });
  }

  scopes(uuid: string): Promise<AttemptRecord[] | undefined> {
    const task = this.#tasks.get(uuid);
    if (task === undefined) return Promise.resolve(undefined);
    const recent = new RecentNotifications();
    for (const row of task.journal) recent.add(row);
    return Promise.resolve(scopeTree(task.fold.scopes.values(), recent.close()));
  }

  tasks({ limit, cursor, state }: TaskQuery): Promise<TaskPage> {
    const places = [...this.#tasks.values()].map((task, place) => ({ ...task, place }));
    let before: number;
    try {
      before = cursor === undefined ? places.length : placeOf(cursor);
    } catch (error) {
      return Promise.reject(error);
    }
    const found = places
      .filter((task) => task.place < before && (state === undefined || task.state === state))
      .toReversed();
    const page = found.slice(0, limit);
    return Promise.resolve({
      tasks: page.map((task) => this.#stored(task)!),
      ...(found.length > page.length && { next: cursorOf(page.at(-1)!.place) }),
    });
  }

  beat(beat: Beat): Promise<void> {
    return Promise.resolve(this.#workers.beat(beat));
  }

  workers(): Promise<HeardWorker[]> {
    return Promise.resolve(this.#workers.live());
  }

  silence(silences: readonly Silence[]): Promise<void> {
    return Promise.resolve(this.#workers.silence(silences));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #keep(uuid: string, known: MemoryTask | undefined, commit: TaskCommit): void {
    const { version, offset, text, entries, summary, life, task: fold } = commit;
    const stored = { uuid, summary, version, logBytes: fold.logBytes };
    const task: MemoryTask =
      known ?? { fold, stored, journal: [], state: 'running', attempt: null, workerId: null, lostHeard: null };
    task.stored = stored;
    if (text !== '') task.journal.push({ offset, text, entries });
    if (known === undefined) this.#tasks.set(uuid, task);
    if (life !== undefined) this.#workers.keep(task, life);
  }

  #stored(task: MemoryTask | undefined): StoredTask | undefined {
    if (task === undefined) return undefined;
    const liveness = this.#workers.livenessOf(task);
    return { ...task.stored, state: task.state, ...(liveness !== undefined && { liveness }) };
  }
}

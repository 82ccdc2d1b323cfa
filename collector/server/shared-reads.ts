import { setImmediate } from '../../src/timers.ts';
import type { StoredTask, TaskReads } from '../store/task-store.ts';

type Waiting = Map<string, PromiseWithResolvers<StoredTask | undefined>>;

/**
 * Gives a function that reads a task. All tasks that are asked for in one turn of the event loop are read together at
 * its end, each once.
 */
export function gatheredReads(store: Pick<TaskReads, 'storedMany'>): (uuid: string) => Promise<StoredTask | undefined> {
  let waiting: Waiting | undefined;

  const readAll = async (reads: Waiting): Promise<void> => {
    try {
      const tasks = await store.storedMany([...reads.keys()]);
      let at = 0;
      for (const { resolve } of reads.values()) resolve(tasks[at++]);
    } catch (error) {
      for (const { reject } of reads.values()) reject(error);
    }
  };

  return (uuid) => {
    if (waiting === undefined) {
      const reads: Waiting = new Map();
      waiting = reads;
      setImmediate(() => {
        waiting = undefined;
        void readAll(reads);
      });
    }
    let read = waiting.get(uuid);
    if (read === undefined) waiting.set(uuid, (read = Promise.withResolvers()));
    return read.promise;
  };
}

/** The record of a task, ready to be sent. */
export interface RecentRecord {
  readonly task: StoredTask;
  /** Its `ETag`. */
  readonly tag: string;
  readonly json: string;
}

/** Keeps the records that were requested last: a client that waits for a task requests it again and again. */
export class RecentRecords {
  /** By UUID. The record that was requested last comes last. */
  readonly #kept = new Map<string, RecentRecord>();
  readonly #maxLength: number;
  #length = 0;

  /** @param maxLength How many characters are kept at most, of all records together. */
  constructor(maxLength: number = 4 * 1024 * 1024) {
    this.#maxLength = maxLength;
  }

  /** The record of a task that was just read; `undefined` if none is kept for exactly this state of it. */
  of({ uuid, summary }: StoredTask, tag: string): RecentRecord | undefined {
    const record = this.#kept.get(uuid);
    // A task that was deleted and begun anew reaches the same version again, but not with the same times.
    if (record === undefined || record.tag !== tag || record.task.summary !== summary) return undefined;
    this.#kept.delete(uuid);
    this.#kept.set(uuid, record);
    return record;
  }

  /** Keeps a record while there is room, in place of the task's earlier one. */
  keep(record: RecentRecord): void {
    this.#drop(record.task.uuid);
    if (lengthOf(record) > this.#maxLength) return;
    this.#kept.set(record.task.uuid, record);
    this.#length += lengthOf(record);
    for (const oldest of this.#kept.keys()) {
      if (this.#length <= this.#maxLength) break;
      this.#drop(oldest);
    }
  }

  #drop(uuid: string): void {
    const record = this.#kept.get(uuid);
    if (record !== undefined) this.#length -= lengthOf(record);
    this.#kept.delete(uuid);
  }
}

function lengthOf({ task, json }: RecentRecord): number {
  return task.summary.length + json.length;
}

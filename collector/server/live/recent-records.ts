import type { StoredTask } from '../../store/task-store.ts';

/** The record of a task, ready to be served. */
export interface RecentRecord {
  readonly task: StoredTask;
  /** Its `ETag`. */
  readonly tag: string;
  readonly json: string;
}

/** The records that were asked for last: who waits for a task asks again and again. */
export interface RecentRecords {
  /** The record of a task that was read now, if it is in the very state for which it was kept. */
  of(task: StoredTask, tag: string): RecentRecord | undefined;
  /** Keeps a record for as long as there is room, in place of the task's former one. */
  keep(record: RecentRecord): void;
}

/** @param maxLength How many characters are kept at the most, of all records together. */
export function recentRecords(maxLength: number = 4 * 1024 * 1024): RecentRecords {
  // The one asked for last stands last.
  const kept = new Map<string, RecentRecord>();
  let length = 0;

  const drop = (uuid: string): void => {
    const record = kept.get(uuid);
    if (record !== undefined) length -= lengthOf(record);
    kept.delete(uuid);
  };

  return {
    of({ uuid, summary }, tag) {
      const record = kept.get(uuid);
      // A task that was removed and begun anew comes to the same version, but not with the same times.
      if (record === undefined || record.tag !== tag || record.task.summary !== summary) return undefined;
      kept.delete(uuid);
      kept.set(uuid, record);
      return record;
    },

    keep(record) {
      drop(record.task.uuid);
      if (lengthOf(record) > maxLength) return;
      kept.set(record.task.uuid, record);
      length += lengthOf(record);
      for (const oldest of kept.keys()) {
        if (length <= maxLength) break;
        drop(oldest);
      }
    },
  };
}

function lengthOf({ task, json }: RecentRecord): number {
  return task.summary.length + json.length;
}

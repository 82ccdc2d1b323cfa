import type { StoredTask } from '../store/task-store.ts';

/** JSON texts of the records that were asked for last: who waits for a task asks again and again. */
export interface RecentRecords {
  /** The text kept for the task in this very state; `undefined` if there is none. */
  get(task: StoredTask, tag: string): string | undefined;
  /** Keeps a text for as long as there is room, in place of the task's former one. */
  keep(task: StoredTask, tag: string, json: string): void;
}

/** @param maxLength How many characters are kept at the most, of all records together. */
export function recentRecords(maxLength: number = 4 * 1024 * 1024): RecentRecords {
  // The one asked for last stands last.
  const kept = new Map<string, { tag: string; summary: string; json: string }>();
  let length = 0;

  const drop = (uuid: string): void => {
    length -= kept.get(uuid)?.json.length ?? 0;
    kept.delete(uuid);
  };

  return {
    get({ uuid, summary }, tag) {
      const record = kept.get(uuid);
      // A task that was removed and begun anew comes to the same version, but not with the same times.
      if (record === undefined || record.tag !== tag || record.summary !== summary) return undefined;
      kept.delete(uuid);
      kept.set(uuid, record);
      return record.json;
    },

    keep({ uuid, summary }, tag, json) {
      drop(uuid);
      if (json.length > maxLength) return;
      kept.set(uuid, { tag, summary, json });
      length += json.length;
      for (const oldest of kept.keys()) {
        if (length <= maxLength) break;
        drop(oldest);
      }
    },
  };
}

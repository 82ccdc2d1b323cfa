import { setImmediate } from '../../../src/timers.ts';
import type { StoredTask, TaskReads } from '../../store/task-store.ts';

/** By UUID. */
type Waiting = Map<string, PromiseWithResolvers<StoredTask | undefined>>;

/**
 * Reads tasks for many requests at once: those asked for in one turn of the event loop are read together at its end,
 * each once.
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

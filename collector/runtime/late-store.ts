import { performance } from '../../src/timers.ts';
import { openStore } from './open-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { isTaskStoreError } from '../store/task-store-error.ts';

/** A store that is opened anew counts revisions and cancellations anew: so many are never counted. */
const REVISIONS = 2 ** 40;
/** How long after a failure to open it the store is tried again, in milliseconds. */
const RETRY_MS = 1000;

/**
 * A store that is opened when it is first used, and tried again while it can't be: its calls fail
 * until then. One whose file is gone is closed, and opened anew a second later.
 */
export interface LateStore extends TaskStore {
  /** Opens it now if it is not open; throws why it can't be. */
  open(): TaskStore;
}

/**
 * @param location Path or URL, or what opens it.
 * @param onReplaced Called when it was opened anew: what it was told before may be missing in it.
 */
export function lateStore(location: string | (() => TaskStore), onReplaced?: () => void): LateStore {
  let opened: TaskStore | undefined;
  let failure: { error: unknown; at: number } | undefined;
  let openings = 0;
  const listeners = new Set<() => void>();
  let unlisten: (() => void) | undefined;
  const tell = (): void => listeners.forEach((listener) => listener());
  const listen = (store: TaskStore): void => {
    unlisten?.();
    unlisten = store.watch(tell);
  };
  const open = (): TaskStore => {
    if (opened !== undefined) return opened;
    if (failure !== undefined && performance.now() - failure.at < RETRY_MS) throw failure.error;
    try {
      opened = typeof location === 'string' ? openStore(location) : location();
      openings++;
    } catch (error) {
      failure = { error, at: performance.now() };
      throw error;
    }
    if (listeners.size > 0) {
      listen(opened);
      tell();
    }
    if (openings > 1) onReplaced?.();
    return opened;
  };
  const failed = (store: TaskStore, error: unknown): void => {
    if (!isTaskStoreError(error, 'GONE') || store !== opened) return;
    opened = undefined;
    failure = { error, at: performance.now() };
    // What it held is gone: there is nothing left that closing could save.
    store.close().catch(() => undefined);
  };
  // Not `async`: a store that does its work before it returns must do so through this one too.
  const use = <T>(call: (store: TaskStore) => Promise<T>): Promise<T> => {
    try {
      const store = open();
      return call(store).catch((error: unknown) => {
        failed(store, error);
        throw error;
      });
    } catch (error) {
      return Promise.reject(error);
    }
  };
  return {
    open,
    append: (facts) => use((store) => store.append(facts)),
    task: (uuid) => use((store) => store.task(uuid)),
    stored: (uuid) => use((store) => store.stored(uuid)),
    revision: (look) => {
      const store = open();
      try {
        const revision = store.revision(look);
        return revision === undefined ? undefined : openings * REVISIONS + revision;
      } catch (error) {
        failed(store, error);
        throw error;
      }
    },
    log: (uuid, range) => use((store) => store.log(uuid, range)),
    scopes: (uuid) => use((store) => store.scopes(uuid)),
    tasks: (query) => use((store) => store.tasks(query)),
    changes: (query) => use((store) => store.changes(query)),
    watch: (listener) => {
      const store = open();
      const own = (): void => listener();
      listeners.add(own);
      if (listeners.size === 1) listen(store);
      return () => {
        if (listeners.delete(own) && listeners.size === 0) unlisten?.();
      };
    },
    cancel: (uuid) => use((store) => store.cancel(uuid)),
    cancellations: (workerId, after) =>
      use(async (store) => {
        const before = openings * REVISIONS;
        const found = await store.cancellations(workerId, Math.max(0, after - before));
        return found.map((cancellation) => ({ ...cancellation, number: before + cancellation.number }));
      }),
    beat: (beat) => use((store) => store.beat(beat)),
    workers: () => use((store) => store.workers()),
    silence: (silences) => use((store) => store.silence(silences)),
    lostTraces: () => use((store) => store.lostTraces()),
    tracesEnded: (taskUuids) => use((store) => store.tracesEnded(taskUuids)),
    countByState: () => use((store) => store.countByState()),
    sweep: (rules) => use((store) => store.sweep(rules)),
    close: () => opened?.close() ?? Promise.resolve(),
  };
}

import { clearInterval, setInterval } from '../../src/timers.ts';
import type { TaskStore } from '../store/task-store.ts';
import { Trouble } from './trouble.ts';

/** Options of {@link watchCancellations}. */
export interface CancelWatchOptions {
  store: Pick<TaskStore, 'cancellations'>;
  /** Whose cancellations. */
  workerId: string;
  /** Whether the worker has a task, or a part of one, that could be cancelled: only then the store is asked. */
  hasLiveWork: () => boolean;
  cancel: (taskUuid: string, spanId: string) => void;
  /** Told of a store that can't be asked, and when it can again, in one line each. */
  report: (message: string) => void;
}

/** Looks for requests to cancel a worker's tasks. */
export interface CancelWatch {
  /** To be called when something may have begun. */
  wake(): void;
  stop(): void;
}

/** How often the store is asked while tasks run, in milliseconds: one short read by an index. */
const LOOK_MS = 250;

/** Hands on each cancellation once. Its timer keeps no process alive. */
export function watchCancellations(options: CancelWatchOptions): CancelWatch {
  const { store, workerId, hasLiveWork, cancel, report } = options;
  let timer: ReturnType<typeof setInterval> | undefined;
  let last = 0;
  let isAsking = false;
  const trouble = new Trouble({ begins: 'requests to cancel tasks can not be read', ends: 'requests to cancel tasks are read again', report });
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const look = async (): Promise<void> => {
    if (!hasLiveWork()) {
      stop();
      return;
    }
    if (isAsking) return;
    isAsking = true;
    try {
      for (const { number, taskUuid, spanId } of await store.cancellations(workerId, last)) {
        last = number;
        cancel(taskUuid, spanId);
      }
      // Once it has stopped, an answer may be that of a destination that has been closed.
      if (timer !== undefined) trouble.over();
    } catch (error) {
      trouble.failed(error);
    } finally {
      isAsking = false;
    }
  };
  return {
    wake() {
      if (timer !== undefined || !hasLiveWork()) return;
      timer = setInterval(() => void look(), LOOK_MS);
      timer.unref();
    },
    stop,
  };
}

import { describeFailure } from '../../src/failure.ts';
import type { TaskStore } from './task-store.ts';

/** Options of {@link watchCancellations}. */
export interface CancelWatchOptions {
  store: Pick<TaskStore, 'cancellations'>;
  /** Whose cancellations. */
  workerId: string;
  /** Whether the worker has a task that could be cancelled: only then the store is asked. */
  hasLiveTasks: () => boolean;
  cancel: (taskUuid: string, spanId: string) => void;
  /** Told of a store that can't be asked, once for each row of failures. */
  report: (message: string) => void;
}

/** Looks for requests to cancel a worker's tasks. */
export interface CancelWatch {
  /** To be called when a task may have begun. */
  wake(): void;
  stop(): void;
}

/** How often the store is asked while tasks run, in milliseconds: one short read by an index. */
const LOOK_MS = 250;

/** Hands on each cancellation once. Its timer keeps no process alive. */
export function watchCancellations(options: CancelWatchOptions): CancelWatch {
  const { store, workerId, hasLiveTasks, cancel, report } = options;
  let timer: ReturnType<typeof setInterval> | undefined;
  let last = 0;
  let isAsking = false;
  let isFailing = false;
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const look = async (): Promise<void> => {
    if (!hasLiveTasks()) {
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
      isFailing = false;
    } catch (error) {
      if (!isFailing) report(`requests to cancel tasks can not be read: ${describeFailure(error).message}`);
      isFailing = true;
    } finally {
      isAsking = false;
    }
  };
  return {
    wake() {
      if (timer !== undefined || !hasLiveTasks()) return;
      timer = setInterval(() => void look(), LOOK_MS);
      timer.unref();
    },
    stop,
  };
}

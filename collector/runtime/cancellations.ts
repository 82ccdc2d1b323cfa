import { OutageReporter, repeat } from '../async.ts';
import type { Repeated } from '../async.ts';
import type { TaskStore } from '../store/task-store.ts';

/** Options of {@link watchCancellations}. */
interface CancellationOptions {
  store: Pick<TaskStore, 'cancellations'>;
  /** The worker whose tasks are cancelled. */
  workerId: string;
  /** Whether the worker has a task, or a part of one, that could be cancelled: only then the store is asked. */
  hasLiveWork: () => boolean;
  /** Called once with each attempt that is to be cancelled. */
  cancel: (taskUuid: string, spanId: string) => void;
  /** Called when the store can't be asked, and when it can again, with one line each. */
  report: (message: string) => void;
}

/** Asks a store for requests to cancel a worker's tasks. */
export interface CancellationWatch {
  /** To be called when a task may have begun. */
  wake(): void;
  stop(): void;
}

/** How often the store is asked while tasks run, in milliseconds: one short read by an index. */
const LOOK_MS = 250;

/** Passes each cancellation on once. Its timer keeps no process alive. */
export function watchCancellations({ store, workerId, hasLiveWork, cancel, report }: CancellationOptions): CancellationWatch {
  let asking: Repeated | undefined;
  let last = 0;
  const outage = new OutageReporter({
    begins: 'requests to cancel tasks can not be read',
    ends: 'requests to cancel tasks are read again',
    report,
  });
  const ask = async (): Promise<number | undefined> => {
    if (!hasLiveWork()) {
      asking = undefined;
      return undefined;
    }
    try {
      for (const { number, taskUuid, spanId } of await store.cancellations(workerId, last)) {
        last = number;
        cancel(taskUuid, spanId);
      }
      // After the stop the answer may be that of a destination that has been closed.
      if (asking !== undefined) outage.succeeded();
    } catch (error) {
      outage.failed(error);
    }
    return LOOK_MS;
  };
  return {
    wake() {
      if (hasLiveWork()) asking ??= repeat(LOOK_MS, ask);
    },
    stop() {
      void asking?.stop();
      asking = undefined;
    },
  };
}

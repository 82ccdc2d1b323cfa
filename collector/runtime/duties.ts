import { reportOnce } from '../../src/report.ts';
import { OutageReporter, repeat } from '../async.ts';
import type { Repeated } from '../async.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import type { Cancellation, TaskStore } from '../store/task-store.ts';

/**
 * What a collector does from time to time, besides its commits: it sends the traces of lost tasks, which one process at a
 * time does for a store, and reads requests to cancel its tasks. `store-upkeep.ts` ends and deletes tasks.
 */

const LOST_TRACES_MS = 1000;
/** How long it may take to send what one look finds. */
const LOST_TRACES_LEASE_MS = 30_000;

/** Options of {@link startSendingLostTraces}. */
interface LostTracesOptions {
  store: Pick<TaskStore, 'lease' | 'lostTraces' | 'tracesEnded'>;
  /** Sends the open spans of some lost tasks to the tracing backend. Rejects with its answer's HTTP status as `code`. */
  send: (traces: readonly LostTrace[]) => Promise<void>;
  report: (message: string) => void;
}

/**
 * Ends the open spans of tasks that are lost for good toward a tracing backend, so that operators see the trace of what
 * died. A task is done with when the backend has taken its spans, or has answered that it never will.
 */
export function startSendingLostTraces({ store, send, report }: LostTracesOptions): Repeated {
  const unread = new OutageReporter({
    begins: 'lost tasks can not be looked for, trying again',
    ends: 'lost tasks are looked for again',
    report,
  });
  const unsent = new OutageReporter({
    begins: 'open spans of lost tasks could not be ended, trying again',
    ends: 'all open spans of lost tasks are ended',
    report,
  });
  const stopped = new AbortController();
  const holder = globalThis.crypto.randomUUID();
  let hasDuty = false;

  /** Sends them in halves where the receiver finds them bad: one trace that is too large must not hold up the rest. */
  const end = async (traces: readonly LostTrace[]): Promise<void> => {
    try {
      await send(traces);
    } catch (error) {
      if (!isBadRequest(error)) throw error;
      if (traces.length > 1) {
        const half = Math.ceil(traces.length / 2);
        await end(traces.slice(0, half));
        return end(traces.slice(half));
      }
      const [{ taskUuid }] = traces as [LostTrace];
      reportOnce(`lost trace ${taskUuid}`, `the open spans of the lost task ${taskUuid} were refused and are dropped`, error);
    }
    await store.tracesEnded(traces.map(({ taskUuid }) => taskUuid));
  };

  /** Sends traces until there are no more, or a try has failed. */
  const sendAll = async (): Promise<void> => {
    let outage = unread;
    try {
      while (!stopped.signal.aborted) {
        outage = unread;
        const traces = await store.lostTraces();
        outage.succeeded();
        if (traces.length === 0) {
          unsent.succeeded();
          if (hasDuty) await store.lease('lost-traces', holder, 0);
          hasDuty = false;
          return;
        }
        const hadDuty = hasDuty;
        hasDuty = await store.lease('lost-traces', holder, LOST_TRACES_LEASE_MS);
        if (!hasDuty) return;
        // The process that had the duty may have sent meanwhile what was read before.
        if (!hadDuty) continue;
        outage = unsent;
        await end(traces);
      }
    } catch (error) {
      if (!stopped.signal.aborted) outage.failed(error);
    }
  };

  const sending = repeat(LOST_TRACES_MS, async () => {
    await sendAll();
    return LOST_TRACES_MS;
  });
  return {
    stop() {
      stopped.abort();
      return sending.stop();
    },
  };
}

/** Whether the answer is about the spans themselves, and would be the same again: not one for want of a token, or of a receiver. */
function isBadRequest(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 400 || code === 413;
}

/** Options of {@link watchCancellations}. */
export interface CancellationOptions {
  store: Pick<TaskStore, 'cancellations' | 'cancellationHeard'>;
  /** The worker whose tasks are collected, and cancelled. */
  workerId: string;
  /** Whether any task, or a part of another worker's task, is open: only then the store is asked. */
  hasLiveWork: () => boolean;
  /** Called once with each request. */
  cancel: (cancellation: Cancellation) => void;
  /** Called with each outage and its end, one line each. */
  report: (message: string) => void;
}

/** Polls a store for requests to cancel a worker's tasks. */
export interface CancellationWatch {
  /** The caller calls it when a task may have begun. */
  wake(): void;
  /** The caller calls it when task code has received the request of this number. */
  heard(number: number): void;
  stop(): void;
}

/** How often the store is polled while tasks run, in milliseconds: one short read by an index. */
const LOOK_MS = 250;

/** Passes each cancellation on once. Its timer keeps no process alive. */
export function watchCancellations({ store, workerId, hasLiveWork, cancel, report }: CancellationOptions): CancellationWatch {
  let asking: Repeated | undefined;
  let last = 0;
  /** Requests that task code has received, and of which the store does not know that yet. */
  const heard = new Set<number>();
  const storeHeard = async (): Promise<void> => {
    for (const number of heard) {
      await store.cancellationHeard(workerId, number);
      heard.delete(number);
    }
  };
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
      if (heard.size > 0) await storeHeard();
      for (const cancellation of await store.cancellations(workerId, last)) {
        last = cancellation.number;
        cancel(cancellation);
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
    heard(number) {
      heard.add(number);
      // At once, since the task may end now. Where that fails, it is repeated while the worker has tasks.
      storeHeard().catch(() => undefined);
    },
    stop() {
      void asking?.stop();
      asking = undefined;
    },
  };
}

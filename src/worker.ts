import type { TaskProcessor } from './capture.ts';
import type { Outcome } from './conventions.ts';
import type { CancelReason } from './errors.ts';
import { shared } from './shared-between-copies.ts';
import { randomUuid } from './task-uuid.ts';

/** The process that runs tasks, as its task spans name it. */
export interface Worker {
  /** UUID of this run of the process. */
  readonly id: string;
  /** Name of its service, as the collector of this process knows it. */
  serviceName?: string | undefined;
  /** Milliseconds between two heartbeats; 0 while no collector sends them. */
  intervalMs: number;
  /** How many collectors of this process receive requests to cancel its tasks. */
  cancelReceivers: number;
}

/**
 * This process. A collector that sends its heartbeats sets {@link Worker.intervalMs}; one that receives cancellations
 * counts itself.
 */
export const worker: Worker = shared('worker', () => ({
  id: randomUuid(),
  intervalMs: 0,
  cancelReceivers: 0,
}));

/** How a task is ended from outside of its code. */
export interface Closing {
  readonly outcome: Outcome;
  /** The error that the task and each open scope fail by. */
  readonly failed?: { readonly thrown: unknown };
  /** A notification before the task ends. */
  readonly notice?: string;
}

/** A task that is open, with what may happen to it from outside of its code. */
export interface LiveTask {
  readonly uuid: string;
  /** Span id of the attempt's task span. */
  readonly spanId: string;
  /** The processors that take its facts. */
  readonly processors: readonly TaskProcessor[];
  /** Repeats the starts of the task and of its open scopes to a processor, in the order in which they began. */
  startAgain(processor: TaskProcessor): void;
  /** Requests that task code stops. */
  cancel(reason?: CancelReason): void;
  /** Ends all scopes that are open, inner scopes first, and the task. */
  close(closing: Closing): void;
}

/**
 * The recorded attempts of this process that have an open scope. All copies of this module share them: a preloaded
 * collector can cancel the tasks of an application that is bundled with its own copy.
 */
export const liveTasks: Set<LiveTask> = shared('live-tasks', () => new Set());

/** Cancels an attempt, or the parts of one, if they are open in this process. Returns whether there is one. */
export function cancelLiveTask(uuid: string, spanId: string, reason?: CancelReason): boolean {
  let isLive = false;
  for (const task of liveTasks) {
    if (task.uuid !== uuid || task.spanId !== spanId) continue;
    task.cancel(reason);
    isLive = true;
  }
  return isLive;
}

/** Requests to cancel that the collector's thread has passed to the thread of the tasks. */
interface CancelInbox {
  /** A number in shared memory, which grows with each request: the memory, and the index of the word. */
  memory: Int32Array;
  word: number;
  /** The number when the requests were taken last. */
  seen: number;
  /** Cancels the tasks of the requests that wait. It never throws. */
  take(): void;
}

export const cancelInbox: CancelInbox = shared('cancel-inbox', () => ({
  memory: new Int32Array(1),
  word: 0,
  seen: 0,
  take: () => undefined,
}));

/** Takes requests to cancel without a turn of the event loop: code that blocks it calls this at each of its scopes. */
export function takeCancelRequests(): void {
  const number = Atomics.load(cancelInbox.memory, cancelInbox.word);
  if (number === cancelInbox.seen) return;
  cancelInbox.seen = number;
  cancelInbox.take();
}

/** Ends all open tasks of this process, for example when the process ends. */
export function closeLiveTasks(closing: Closing): void {
  for (const task of liveTasks) task.close(closing);
}

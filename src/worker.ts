import type { TaskProcessor } from './capture.ts';
import type { Outcome } from './conventions.ts';
import { shared } from './shared.ts';
import { randomUuid } from './task-uuid.ts';

/** The process that runs tasks, as its task spans name it. */
export interface Worker {
  /** Identity of this process's life, a UUID. */
  readonly id: string;
  /** Milliseconds between two signs of life; 0 while nobody gives them. */
  intervalMs: number;
  /** How many listen in this process for requests to cancel its tasks. */
  listeners: number;
}

/** This process. Whoever beats for it sets {@link Worker.intervalMs}, who listens counts itself. */
export const worker: Worker = shared('worker', () => ({
  id: randomUuid(),
  intervalMs: 0,
  listeners: 0,
}));

/** How somebody else than task code ends what is open. */
export interface Closing {
  readonly outcome: Outcome;
  /** The error that each scope fails by, and the task. */
  readonly failed?: { readonly thrown: unknown };
  /** What the log is to say before the task ends. */
  readonly notice?: string;
}

/** What may happen to a task from outside of its code. */
export interface LiveTask {
  readonly uuid: string;
  /** Span id of the attempt's task span. */
  readonly spanId: string;
  /** Which processors take its facts. */
  readonly processors: readonly TaskProcessor[];
  /** Repeats to a processor the starts of what is open: the task's first, then its scopes' in the order of their beginning. */
  startAgain(processor: TaskProcessor): void;
  /** Asks task code to stop. */
  cancel(): void;
  /** Ends what is open, inner scopes first. */
  close(closing: Closing): void;
}

/**
 * The recorded attempts of this process of which something is open. Shared by all copies of this
 * module: an application bundled with its own is cancelled by a collector that was preloaded.
 */
export const liveTasks: Set<LiveTask> = shared('live-tasks', () => new Set());

/** Cancels one attempt, if it is in this process and open. */
export function cancelLiveTask(uuid: string, spanId: string): void {
  for (const task of liveTasks) if (task.uuid === uuid && task.spanId === spanId) task.cancel();
}

/** Ends all that is open in this process, as when the process ends. */
export function closeLiveTasks(closing: Closing): void {
  for (const task of liveTasks) task.close(closing);
}

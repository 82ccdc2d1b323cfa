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

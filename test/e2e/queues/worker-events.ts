import type { Worker } from 'bullmq';

/**
 * The arguments of a worker's next such event. `once` of node:events rejects where the worker emits `error` first: BullMQ
 * reports what passes by it, and goes on.
 */
export function nextOf(worker: Worker, event: 'completed' | 'failed' | 'drained'): Promise<unknown[]> {
  return new Promise((resolve) => worker.once(event, (...args: unknown[]) => resolve(args)));
}

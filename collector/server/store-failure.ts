import { describeFailure } from '../../src/failure.ts';
import { reportOnce } from '../../src/report.ts';
import { problem } from './problem.ts';

/** 503 for a store that failed. What it said goes to `diag`, once per message, and to nobody else. */
export function storeFailure(error: unknown): Response {
  reportStoreFailure(error);
  return problem(503, 'the store of the tasks can not be read just now', { headers: { 'Retry-After': '1' } });
}

/** Tells `diag` of a store that failed, once per message. */
export function reportStoreFailure(error: unknown): void {
  reportOnce(`tasks-app: ${describeFailure(error).message}`, 'the store of the tasks can not be read', error);
}

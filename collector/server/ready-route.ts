import type { Context } from 'hono';
import { performance } from '../../src/timers.ts';
import type { TaskStore } from '../store/task-store.ts';
import { problem } from './problem.ts';
import { reportStoreFailure } from './store-failure.ts';

/** How long an answer of the store counts, in milliseconds: many may ask, one asks the store. */
const LATELY_MS = 1000;

/** `GET /readyz`: 200 if the store could be read and written within the last second, else 503. */
export function readyRoute(store: TaskStore): (c: Context) => Promise<Response> {
  let asked: { at: number; answer: Promise<boolean> } | undefined;
  const isReady = async (): Promise<boolean> => {
    try {
      await store.tasks({ limit: 1 });
      await store.append([]);
      return true;
    } catch (error) {
      reportStoreFailure(error);
      return false;
    }
  };
  return async () => {
    const now = performance.now();
    if (asked === undefined || now - asked.at >= LATELY_MS) asked = { at: now, answer: isReady() };
    if (await asked.answer) return new Response('{"status":"ready"}', { headers: HEADERS });
    return problem(503, 'the store of the tasks can not be read and written just now', { headers: { 'Retry-After': '1' } });
  };
}

const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

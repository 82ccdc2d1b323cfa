import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { delay, performance } from '../../src/timers.ts';
import type { Cancellation, TaskStore } from '../store/task-store.ts';
import { problem } from './problem.ts';

/** How often the store is looked at while a worker waits, in milliseconds: one short read by an index. */
const LOOK_MS = 250;
/** The longest that a question is kept, in seconds. */
const LONGEST_WAIT = 30;

/**
 * `GET /workers/:worker/cancellations`: what a worker elsewhere is asked to cancel, after number `after` (0 for
 * all). With `wait` the answer comes when there is something, or after so many seconds.
 */
export function cancellationsRoute(store: TaskStore): (c: Context) => Promise<Response> {
  return async (c) => {
    const worker = c.req.param('worker') ?? '';
    const { after = '0', wait = '0' } = c.req.query();
    if (!/^\d{1,15}$/.test(after)) return problem(400, `after: expected the number of a cancellation or 0, got ${received(after)}`);
    if (!/^\d{1,2}$/.test(wait) || Number(wait) > LONGEST_WAIT) {
      return problem(400, `wait: expected whole seconds from 0 to ${LONGEST_WAIT}, got ${received(wait)}`);
    }
    const until = performance.now() + Number(wait) * 1000;
    const { signal } = c.req.raw;
    for (;;) {
      const found = await store.cancellations(worker, Number(after));
      const left = until - performance.now();
      if (found.length > 0 || left <= 0 || c.req.method === 'HEAD') return answer(found);
      await delay(Math.min(LOOK_MS, left), undefined, { ref: false });
      // The client is gone, or the server closes: the store may be closed by now.
      if (signal.aborted) return answer([]);
    }
  };
}

function answer(cancellations: readonly Cancellation[]): Response {
  const told = cancellations.map(({ number, taskUuid, spanId }) => ({ number, task_uuid: taskUuid, span_id: spanId }));
  return new Response(JSON.stringify({ cancellations: told }), {
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  });
}

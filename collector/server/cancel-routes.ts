import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { performance } from '../timers.ts';
import { pause } from '../async.ts';
import { cancelRequest } from '../record/cancel-request.ts';
import type { CancelOptions } from '../record/cancel-request.ts';
import type { Cancellation, TaskStore } from '../store/task-store.ts';
import { prefersPage, problem, uncachedJson, unknownTask } from './answers.ts';
import { waitOf } from './live/wait-for-task.ts';

/**
 * `POST /tasks/:uuid/cancel`: requests that a task is cancelled, with `by`, `reason` and `children` in the query, or in the
 * body as a form sends them. 202 means that the request stays with the task, not that the task has stopped: its record
 * shows that. A browser is led back to the task's page instead.
 *
 * @param urlOf Gives the URL of a request as its client has it.
 */
export function cancelRoute(store: TaskStore, urlOf: (c: Context) => URL): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const options = cancelOptions({ ...c.req.query(), ...(await formOf(c)) });
    if (options instanceof Response) return options;
    const answer = await store.cancel(uuid, options);
    if (answer === undefined) return unknownTask(uuid);
    if (answer === 'ended') return problem(409, `task ${uuid} has ended`);
    if (answer === 'not-cancellable') {
      return problem(409, `task ${uuid} can not be cancelled: its worker does not listen`);
    }
    // Relative, so that it is right wherever the app is mounted.
    const record = `../${uuid}`;
    if (prefersPage(c)) return new Response(null, { status: 303, headers: { Location: record } });
    return uncachedJson({ task_uuid: uuid, url: new URL(record, urlOf(c)).href }, 202, { Location: record });
  };
}

/** The longest body of a form, in bytes: its texts are not longer. */
const LONGEST_FORM = 16 * 1024;

/** The fields of a form, if the request has one. */
async function formOf(c: Context): Promise<Record<string, string>> {
  const isForm = c.req.header('Content-Type')?.startsWith('application/x-www-form-urlencoded') === true;
  if (!isForm || !(Number(c.req.header('Content-Length')) <= LONGEST_FORM)) return {};
  return Object.fromEntries(new URLSearchParams(await c.req.text()));
}

function cancelOptions({ by, reason, children = 'true' }: Record<string, string>): CancelOptions | Response {
  if (children !== 'true' && children !== 'false') return problem(400, `children: expected true or false, got ${received(children)}`);
  const options = { by, reason, children: children === 'true' };
  try {
    cancelRequest(options);
  } catch (error) {
    return problem(400, (error as Error).message);
  }
  return options;
}

const NUMBER = /^\d{1,15}$/;

/** How often the store is read while a worker waits, in milliseconds: one short read by an index. */
const POLL_MS = 250;

/**
 * `GET /workers/:worker/cancellations`: what a worker without access to the store is asked to cancel, after number
 * `after` (0 for all). With `wait` the answer is sent when there is a cancellation, or after so many seconds.
 */
export function cancellationsRoute(store: TaskStore): (c: Context) => Promise<Response> {
  return async (c) => {
    const worker = c.req.param('worker') ?? '';
    const { after = '0' } = c.req.query();
    if (!NUMBER.test(after)) return problem(400, `after: expected the number of a cancellation or 0, got ${received(after)}`);
    const wait = waitOf(c, 0);
    if (wait instanceof Response) return wait;
    const until = performance.now() + wait * 1000;
    const { signal } = c.req.raw;
    for (;;) {
      const found = await store.cancellations(worker, Number(after));
      const leftMs = until - performance.now();
      if (found.length > 0 || leftMs <= 0 || c.req.method === 'HEAD') return cancellationsAnswer(found);
      await pause(Math.min(POLL_MS, leftMs), { ref: false });
      // The client has disconnected, or the server closes: the store may be closed by now.
      if (signal.aborted) return cancellationsAnswer([]);
    }
  };
}

function cancellationsAnswer(cancellations: readonly Cancellation[]): Response {
  return uncachedJson({
    cancellations: cancellations.map(({ number, taskUuid, spanId, by = null, reason = null }) => ({
      number,
      task_uuid: taskUuid,
      span_id: spanId,
      by,
      reason,
    })),
  });
}

/** `POST /workers/:worker/cancellations/:number`: code of the task has received this request. */
export function cancellationHeardRoute(store: TaskStore): (c: Context) => Promise<Response> {
  return async (c) => {
    const { worker = '', number = '' } = c.req.param() as { worker?: string; number?: string };
    if (!NUMBER.test(number)) return problem(400, `expected the number of a cancellation, got ${received(number)}`);
    await store.cancellationHeard(worker, Number(number));
    return new Response(null, { status: 204 });
  };
}

import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import type { TaskStore } from '../store/task-store.ts';
import { problem, uncachedJson, unknownTask } from './answers.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';

/**
 * `GET /tasks/:uuid/log?find=TEXT`: where a text stands in the log, from byte `after` on. One answer is about a bounded part
 * of the log: the next request goes on at its `looked_to` while there is `more`.
 */
export async function logSearchAnswer(c: Context, store: TaskStore, waiting: TaskWaiting, { uuid, text, wait }: { uuid: string; text: string; wait: number }): Promise<Response> {
  const { after = '0' } = c.req.query();
  if (!/^\d{1,15}$/.test(after)) return problem(400, `after: expected a count of bytes, got ${received(after)}`);
  try {
    const found = await waiting.read(c, uuid, wait, () => store.find(uuid, { text, after: Number(after) }));
    if (found === undefined) return unknownTask(uuid);
    const { matches, lookedTo, more, logBytes } = found;
    return uncachedJson({ matches, looked_to: lookedTo, more, log_bytes: logBytes });
  } catch (error) {
    if (error instanceof RangeError) return problem(400, error.message);
    throw error;
  }
}

import { reportOnce } from '../../src/report.ts';
import { turn } from '../async.ts';
import type { CancelAnswer, CancelRequest } from '../record/cancel-request.ts';

/** What a store does of a request to cancel. Neither may hold up other work for long. */
interface CancelSteps {
  /**
   * Asks for some tasks, and gives the answer for each that is known. The request stays with those that it reaches, and
   * with `keeps` in any case.
   */
  cancel(uuids: readonly string[], keeps: boolean): Promise<CancelAnswer[]>;
  /** The child tasks of some tasks, so many of each at the most. */
  children(uuids: readonly string[], limit: number): Promise<string[]>;
}

/** How many tasks are asked for at once, and at most. */
const STEP_TASKS = 50;
const MOST_TASKS = 10_000;

/**
 * Requests that a task is cancelled, and with `children` its child tasks, and theirs. A task that has ended itself is
 * cancelled with a child that has not.
 */
export async function cancelTree(uuid: string, { children }: CancelRequest, steps: CancelSteps): Promise<CancelAnswer | undefined> {
  const [answer] = await steps.cancel([uuid], false);
  if (answer === undefined || !children) return answer;
  const isReached = await cancelBelow(uuid, steps);
  if (answer === 'requested' || answer === 'cancelled' || !isReached) return answer;
  // A child that has begun meanwhile has not found the request at its parent.
  await steps.cancel([uuid], true);
  await cancelBelow(uuid, steps);
  return 'requested';
}

/**
 * Asks for the tasks below one, level by level: each once, also where tasks are their own ancestors. Returns whether any
 * of them was reached.
 */
async function cancelBelow(uuid: string, steps: CancelSteps): Promise<boolean> {
  const seen = new Set([uuid]);
  let isReached = false;
  for (let level = [uuid]; level.length > 0; ) {
    const below: string[] = [];
    for (const some of inSteps(level)) {
      for (const child of await steps.children(some, MOST_TASKS + 1)) {
        if (seen.has(child) || seen.size > MOST_TASKS) continue;
        seen.add(child);
        below.push(child);
      }
    }
    for (const some of inSteps(below)) {
      const answers = await steps.cancel(some, false);
      isReached ||= answers.some((answer) => answer === 'requested' || answer === 'cancelled');
      await turn();
    }
    level = below;
  }
  if (seen.size > MOST_TASKS) reportOnce('cancel tree', `a request to cancel task ${uuid} has reached ${MOST_TASKS} tasks below it, and no more`);
  return isReached;
}

function* inSteps(uuids: readonly string[]): Generator<readonly string[], void> {
  for (let at = 0; at < uuids.length; at += STEP_TASKS) yield uuids.slice(at, at + STEP_TASKS);
}

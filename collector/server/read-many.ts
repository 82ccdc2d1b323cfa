import { Slices } from '../async.ts';
import { listJson } from '../record/record-json.ts';
import type { StoredTask, TaskForm, TaskReads } from '../store/task-store.ts';
import { reportUnreadable } from './answers.ts';

/** A task that was asked for; `undefined` where there is none. */
type Found = readonly [uuid: string, task: StoredTask | undefined];

/** The most tasks that are read at once. */
const MOST_TASKS = 200;

/** Reads many tasks in parts, each of bounded length and in a turn of its own, if the parts before took long. */
export async function* readMany(
  store: Pick<TaskReads, 'storedMany'>,
  uuids: readonly string[],
  form: TaskForm = 'whole',
): AsyncGenerator<readonly Found[], void> {
  const slices = new Slices();
  for (let from = 0; from < uuids.length; ) {
    const rest = uuids.slice(from, from + MOST_TASKS);
    const tasks = await store.storedMany(rest, form);
    if (tasks.length === 0) throw new Error('the store gave none of the tasks');
    yield tasks.map((task, at) => [rest[at]!, task]);
    from += tasks.length;
    await slices.next();
  }
}

/** The entry of a task in a list; `undefined`, and reported, where it can't be encoded. */
export function listEntry(task: StoredTask): string | undefined {
  try {
    return listJson(task);
  } catch (error) {
    reportUnreadable(task, error);
    return undefined;
  }
}

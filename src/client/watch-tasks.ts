import type { TaskSummary } from '../task-record.ts';
import { watchStream } from './watch.ts';
import type { Connection, Watch, WatchOptions } from './watch.ts';

export interface WatchTasksOptions extends WatchOptions {
  /** The parameters of a list: `{ state: 'running' }`, `'name=Import*'`. Default: all tasks. */
  readonly filter?: string | URLSearchParams | Record<string, string> | undefined;
  /** How many tasks at most, 1 to 200. Default 50. */
  readonly limit?: number | undefined;
}

/** The newest tasks of a filter as they are known just now. */
export interface TasksSnapshot extends Connection {
  /** Newest first, as in the list; at most as many as the limit. */
  readonly tasks: readonly TaskSummary[];
  /** Whether there are older ones. */
  readonly hasMore: boolean;
}

export type TasksWatch = Watch<TasksSnapshot>;

/** The snapshot before anything is known. */
export const CONNECTING_TASKS: TasksSnapshot = { connection: 'connecting', tasks: [], hasMore: false };

/**
 * Follows the newest tasks of a filter.
 *
 * @param url The list's address, `https://host/tasks`; in a page it may be relative.
 */
export function watchTasks(url: string | URL, options: WatchTasksOptions = {}): TasksWatch {
  const { filter, limit = 50 } = options;
  const query = new URLSearchParams(filter);
  return watchStream<TasksSnapshot>(CONNECTING_TASKS, url, query, listChanges(limit), options, `?${query}&limit=${limit}`);
}

/** Data of the events `start`, where it is the page, `change` and `gone`. */
interface ListData extends TaskSummary {
  readonly tasks: readonly TaskSummary[];
  readonly next: string | null;
}

/** What the events of a list's stream make of a snapshot. */
export function listChanges(limit: number): (snapshot: TasksSnapshot, type: string, data: ListData) => Partial<TasksSnapshot> | undefined {
  return ({ tasks, hasMore }, type, data) => {
    if (type === 'start') return { tasks: data.tasks, hasMore: Boolean(data.next) };
    const at = tasks.findIndex(({ task_uuid }) => task_uuid === data.task_uuid);
    const before = tasks[at];
    if (before) {
      if (type === 'gone') {
        tasks = tasks.toSpliced(at, 1);
        // There are others that the list has room for.
        if (hasMore && tasks.length < limit / 2) return undefined;
      } else if (data.version >= before.version) tasks = tasks.with(at, data);
    } else if (type === 'change') {
      const older = tasks.findIndex(({ created }) => created! < data.created!);
      if (older >= 0 || !hasMore) {
        hasMore ||= tasks.length === limit;
        tasks = tasks.toSpliced(older < 0 ? limit : older, 0, data).slice(0, limit);
      }
    }
    return { tasks, hasMore };
  };
}

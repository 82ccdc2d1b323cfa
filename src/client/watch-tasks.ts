import type { TaskSummary } from '../task-record.ts';
import { absolute, watchStream } from './event-stream.ts';
import type { WatchOptions } from './event-stream.ts';
import { merged } from './task-changes.ts';
import type { Connection, Watch } from './watch.ts';

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
  const page = absolute(url);
  for (const [name, value] of new URLSearchParams(filter)) page.searchParams.append(name, value);
  const events = new URL(page);
  events.pathname += '/events';
  page.searchParams.set('limit', `${limit}`);
  return watchStream<TasksSnapshot>(CONNECTING_TASKS, { url: events, page, apply: listChanges(limit) }, options);
}

/** Data of the events `page`, `change` and `gone`. */
interface ListData extends TaskSummary {
  tasks?: readonly TaskSummary[];
  next?: string | null;
}

/** What the events of a list's stream make of a snapshot. */
export function listChanges(limit: number): (snapshot: TasksSnapshot, type: string, data: ListData) => TasksSnapshot {
  return (snapshot, type, data) => {
    const { tasks, hasMore } = snapshot;
    const known = (uuid: string): TaskSummary | undefined => tasks.find(({ task_uuid }) => task_uuid === uuid);
    if (type === 'page') {
      return { ...snapshot, tasks: data.tasks!.map((task) => merged(known(task.task_uuid), task)), hasMore: Boolean(data.next) };
    }
    const before = known(data.task_uuid);
    if (type === 'gone') return before ? { ...snapshot, tasks: tasks.filter((task) => task !== before) } : snapshot;
    if (type !== 'change') return snapshot;
    if (before !== undefined) {
      const task = data.version < before.version ? before : merged(before, data);
      return task === before ? snapshot : { ...snapshot, tasks: tasks.map((each) => (each === before ? task : each)) };
    }
    const later = tasks.findIndex(({ created }) => (created ?? '') < (data.created ?? '9'));
    const at = later < 0 ? tasks.length : later;
    if (at === limit || (later < 0 && hasMore)) return snapshot;
    return { ...snapshot, tasks: tasks.toSpliced(at, 0, data).slice(0, limit), hasMore: hasMore || tasks.length === limit };
  };
}

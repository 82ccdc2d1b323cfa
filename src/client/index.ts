/**
 * taskspan/client: follows tasks of a server, in browsers, workers and Node.
 */
export { watchTask } from './watch-task.ts';
export type { TaskSnapshot, TaskWatch, WatchedLog, WatchTaskOptions } from './watch-task.ts';
export { watchTasks } from './watch-tasks.ts';
export type { TasksSnapshot, TasksWatch, WatchTasksOptions } from './watch-tasks.ts';
export type { Connection, Watch, WatchError, WatchOptions } from './watch.ts';
export type { LogEntryJson } from '../task-stream.ts';
export type { CurrentScope, NotificationRecord, ScopeLine, ScopeNode, TaskError, TaskJobs, TaskOutcome, TaskState, TaskStatus, TaskSummary } from '../task-record.ts';

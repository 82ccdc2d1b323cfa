/**
 * taskspan/client: follows tasks of a server, in browsers, workers and Node.
 */
export { watchTask } from './watch-task.ts';
export type { TaskSnapshot, TaskWatch, WatchTaskOptions } from './watch-task.ts';
export { watchTasks } from './watch-tasks.ts';
export type { TasksSnapshot, TasksWatch, WatchTasksOptions } from './watch-tasks.ts';
export type { WatchOptions } from './event-stream.ts';
export type { LogEntryJson, WatchedLog } from './task-changes.ts';
export type { Connection, Watch, WatchError } from './watch.ts';
export type { CurrentScope, NotificationRecord, ScopeLine, ScopeNode, TaskError, TaskJobs, TaskOutcome, TaskState, TaskStatus, TaskSummary } from '../task-record.ts';

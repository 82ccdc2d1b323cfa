/**
 * taskspan/collector: what records, keeps and serves tasks.
 */
export { createTasksApp } from './server/tasks-app.ts';
export type { TasksMetrics } from './server/health-routes.ts';
export type { TasksAppOptions } from './server/tasks-app.ts';
export type { AccessOptions } from './server/access.ts';
export type { ProxyOptions, ServeOptions } from './runtime/collector.ts';
export type { StreamOptions } from './server/live/event-stream.ts';
export { createReceiver } from './otlp/receive/receiver.ts';
export type { ReceiverObserver, ReceiverOptions } from './otlp/receive/receiver.ts';
export type { ReceiverLimits, ReceiverLimits as ReceiveOptions } from './otlp/receive/request-body.ts';
export { matches } from '../src/task-filter.ts';
export type { AttributeFilter, FilteredTask, TaskFilter } from '../src/task-filter.ts';
export { filterOf } from '../src/filter-parameters.ts';
export { applyChange } from '../src/task-stream.ts';
export type { LogEntryJson, LogEntryKind, LogGain, StreamRecord, TaskChange } from '../src/task-stream.ts';
export { TASK_STATES } from '../src/task-record.ts';
export type { AttemptRecord, CancelRecord, CurrentScope, NotificationRecord, ScopeLine, ScopeNode, ScopeRecord, TaskError, TaskJobs, TaskOutcome, TaskRecord, TaskState, TaskStatus, TaskSummary } from '../src/task-record.ts';
export { TaskSpanProcessor } from './runtime/task-span-processor.ts';
export type { TaskSpanProcessorOptions } from './runtime/task-span-processor.ts';
export type { EndedSpan, StartedSpan } from './capture/ring-span-processor.ts';
export { startTaskspan } from './start-taskspan.ts';
export type { Taskspan, TaskspanOptions } from './start-taskspan.ts';
export { memoryStore, sqliteStore } from './store/sqlite/sqlite-store.ts';
export { TaskStoreError } from './store/task-store.ts';
export type { TaskStoreErrorCode } from './store/task-store.ts';
export type {
  Beat,
  Cancellation,
  ChangeQuery,
  Checkpoints,
  EntryRange,
  FactStore,
  FindQuery,
  FoundLines,
  LogEntry,
  LogMatch,
  LogRange,
  ScopeChanges,
  ScopePage,
  ScopeQuery,
  SqliteTaskStore,
  StoreMaintenance,
  StoredEntries,
  StoredLog,
  StoredScopes,
  StoredTask,
  SweepStep,
  TaskChanges,
  TaskCounts,
  TaskForm,
  TaskOrder,
  TaskPage,
  TaskQuery,
  TaskReads,
  TaskStore,
  WorkerStore,
} from './store/task-store.ts';
export type { CancelAnswer, CancelOptions, CancelRequest } from './record/cancel-request.ts';
export type { HeardWorker, Liveness, Silence } from './record/liveness.ts';
export type { LostSpan, LostTrace } from './record/lost-trace.ts';
export { ENDED_STATES } from './store/retention.ts';
export type { EndedState, RetentionLimits, RetentionOptions, RetentionRule } from './store/retention.ts';
export type { Fact } from '../src/fact.ts';

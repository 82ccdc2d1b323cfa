import { endWhenDropped } from './abandoned.ts';
import { taskTracer } from './capture.ts';
import type { CarriedTask } from './carried-task.ts';
import { nameOf } from './check-name.ts';
import { attributesCut } from './limits.ts';
import { ScopeNode } from './scope-node.ts';
import { ScopeRun } from './scope-run.ts';
import { NOT_TRACED, startPartSpan, startTaskSpan } from './scope-span.ts';
import type { TaskOrigin } from './scope-span.ts';
import { TaskClock } from './task-clock.ts';
import type { TaskUpdaterOptions } from './task-options.ts';
import { TaskRun } from './task-run.ts';
import type { TaskRunOptions } from './task-run.ts';
import type { TaskUpdater } from './task-updater.ts';
import { taskUuid } from './task-uuid.ts';
import { cleanAttributes, cleanerWith } from './text.ts';
import { VerboseLog } from './verbose-log.ts';

/** Begins what an updater stands for, and gives its outermost scope. */
export type BeginTask = (updater: TaskUpdater<boolean>, options: TaskUpdaterOptions) => ScopeNode;

/** Begins a scope that is a part of a task of another process. Its options have that task's name, UUID and attempt. */
export function beginPart(
  updater: TaskUpdater<boolean>,
  options: TaskUpdaterOptions,
  name: string,
  { scope, parentTaskUuid }: Partial<CarriedTask> = {},
): ScopeNode {
  const task = new TaskRun({
    ...runOptions(options),
    verbose: undefined,
    parentTaskUuid,
    partOf: scope?.taskSpanId ?? '',
  });
  const clean = nameOf(name, { clean: task.clean, title: `task ${task.uuid}` });
  const start = task.clock.now();
  const opened = scope === undefined ? NOT_TRACED : startPartSpan(task, scope, clean, start);
  return new ScopeNode(updater, new ScopeRun(task, undefined, clean, start, opened), undefined, opened.context);
}

/** Begins an attempt of a task. */
export function beginAttempt(
  updater: TaskUpdater<boolean>,
  options: TaskUpdaterOptions,
  origin: TaskOrigin = {},
): ScopeNode {
  const { attributes = {}, verbose } = options;
  const task = new TaskRun({ ...runOptions(options), verbose: verbose ? new VerboseLog() : undefined, parentTaskUuid: origin.parentTaskUuid });
  const { clean } = task;
  const start = task.clock.now();
  const given = cleanAttributes(attributes, task);
  const opened = startTaskSpan(task, start, given, origin);
  const own = new ScopeRun(task, undefined, task.name, start, opened, given);
  const root = new ScopeNode(updater, own, undefined, opened.context);
  task.verbose?.begin(own, task.attempt);
  if (own.writer.recording) endWhenDropped(updater, task);
  const cut = attributesCut(attributes, clean.limits.attributes);
  if (cut !== '') own.notify(cut, undefined);
  return root;
}

function runOptions(options: TaskUpdaterOptions): Omit<TaskRunOptions, 'verbose'> {
  const clean = cleanerWith(options.redact, options.limits);
  const uuid = taskUuid(options.taskUuid);
  return {
    uuid,
    name: nameOf(options.taskName, { clean, title: `task ${uuid}` }),
    attempt: options.attempt ?? 1,
    tracer: taskTracer(),
    clock: new TaskClock(),
    clean,
    suppressException: options.suppressException ?? true,
  };
}

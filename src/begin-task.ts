import { nameOf } from './arguments.ts';
import { Attempt } from './attempt.ts';
import type { AttemptOptions } from './attempt.ts';
import { taskTracer } from './capture.ts';
import type { CarriedTask } from './carrier.ts';
import { TaskClock } from './clock.ts';
import { UnfinishedError } from './errors.ts';
import { attributesCut } from './limits.ts';
import { OpenScope } from './open-scope.ts';
import { NOT_TRACED, startPartSpan, startTaskSpan } from './open-span.ts';
import type { TaskOrigin } from './open-span.ts';
import type { TaskUpdaterOptions } from './options.ts';
import { ScopeHandle } from './scope-handle.ts';
import type { TaskUpdater } from './task-updater.ts';
import { taskUuid } from './task-uuid.ts';
import { cleanAttributes, cleanerWith } from './text.ts';
import { VerboseLog } from './verbose-log.ts';

/** Begins what an updater stands for, and gives its outermost scope. */
export type BeginTask = (updater: TaskUpdater<boolean>, options: TaskUpdaterOptions) => ScopeHandle;

/** Begins a scope that is a part of a task of another process. Its options have that task's name, UUID and attempt. */
export function beginPart(
  updater: TaskUpdater<boolean>,
  options: TaskUpdaterOptions,
  name: string,
  { scope, parentTaskUuid }: Partial<CarriedTask> = {},
): ScopeHandle {
  const task = new Attempt({
    ...runOptions(options),
    verbose: undefined,
    parentTaskUuid,
    partOf: scope?.taskSpanId ?? '',
  });
  const clean = nameOf(name, { clean: task.clean, title: `task ${task.uuid}` });
  const start = task.clock.now();
  const opened = scope === undefined ? NOT_TRACED : startPartSpan(task, scope, clean, start);
  return new ScopeHandle(updater, new OpenScope(task, undefined, clean, start, opened), undefined, opened.context);
}

/** Begins an attempt of a task. */
export function beginAttempt(
  updater: TaskUpdater<boolean>,
  options: TaskUpdaterOptions,
  origin: TaskOrigin = {},
): ScopeHandle {
  const { attributes = {}, verbose } = options;
  const task = new Attempt({ ...runOptions(options), verbose: verbose ? new VerboseLog() : undefined, parentTaskUuid: origin.parentTaskUuid });
  const { clean } = task;
  const start = task.clock.now();
  const given = cleanAttributes(attributes, task);
  const opened = startTaskSpan(task, start, given, origin);
  const own = new OpenScope(task, undefined, task.name, start, opened, given);
  const root = new ScopeHandle(updater, own, undefined, opened.context);
  task.verbose?.begin(own, task.attempt);
  if (own.writer.recording) endWhenDropped(updater, task);
  const cut = attributesCut(attributes, clean.limits.attributes);
  if (cut !== '') own.notify(cut, undefined);
  return root;
}

function runOptions(options: TaskUpdaterOptions): Omit<AttemptOptions, 'verbose'> {
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

const dropped = new FinalizationRegistry<Attempt>((task) => {
  const message = 'abandoned: the updater was dropped without its final update';
  task.close({ outcome: 'failed', failed: { thrown: new UnfinishedError('TASKSPAN_ABANDONED', message) } });
});

/**
 * Ends the task as failed when nobody has its updater any more: nobody could end it then. Running
 * scopes, and code that runs in them, have it.
 */
export function endWhenDropped(updater: object, task: Attempt): void {
  dropped.register(updater, task);
}

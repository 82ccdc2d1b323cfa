import { nameOf } from './arguments.ts';
import { Attempt } from './attempt.ts';
import type { AttemptOptions } from './attempt.ts';
import { cleanAttributes } from './attributes.ts';
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
import type { Updater } from './scope-handle.ts';
import { taskUuid } from './task-uuid.ts';
import { cleanerWith } from './text.ts';
import { VerboseLog } from './verbose-log.ts';

/** Begins what an updater stands for, and returns its outermost scope. */
export type BeginTask = (updater: Updater, options: TaskUpdaterOptions) => ScopeHandle;

/** Begins an attempt of a task. */
export function beginAttempt(updater: Updater, options: TaskUpdaterOptions, origin: TaskOrigin = {}): ScopeHandle {
  const { attributes = {}, verbose } = options;
  const attempt = new Attempt({
    ...attemptOptions(options),
    verbose: verbose ? new VerboseLog() : undefined,
    parentTaskUuid: origin.parentTaskUuid,
  });
  const start = attempt.clock.now();
  const given = cleanAttributes(attributes, attempt);
  const opened = startTaskSpan(attempt, start, given, origin);
  const root = new OpenScope(attempt, undefined, attempt.name, start, opened, given);
  const handle = new ScopeHandle(updater, root, undefined, opened.context);
  attempt.verbose?.begin(root, attempt.number);
  if (root.writer.recording) droppedUpdaters.register(updater, attempt);
  const cut = attributesCut(attributes, attempt.clean.limits.attributes);
  if (cut !== '') root.notify(cut);
  return handle;
}

/** Begins a scope that is a part of a task of another process. The options have that task's name, UUID and attempt. */
export function beginPart(
  updater: Updater,
  options: TaskUpdaterOptions,
  name: string,
  { scope, parentTaskUuid }: Partial<CarriedTask> = {},
): ScopeHandle {
  const attempt = new Attempt({
    ...attemptOptions(options),
    verbose: undefined,
    parentTaskUuid,
    partOf: scope?.taskSpanId ?? '',
  });
  const clean = nameOf(name, { clean: attempt.clean, title: `task ${attempt.uuid}` });
  const start = attempt.clock.now();
  const opened = scope === undefined ? NOT_TRACED : startPartSpan(attempt, scope, clean, start);
  return new ScopeHandle(updater, new OpenScope(attempt, undefined, clean, start, opened), undefined, opened.context);
}

function attemptOptions(options: TaskUpdaterOptions): Omit<AttemptOptions, 'verbose'> {
  const clean = cleanerWith(options.redact, options.limits);
  const uuid = taskUuid(options.taskUuid);
  return {
    uuid,
    name: nameOf(options.taskName, { clean, title: `task ${uuid}` }),
    number: options.attempt ?? 1,
    tracer: taskTracer(),
    clock: new TaskClock(),
    clean,
    suppressException: options.suppressException ?? true,
  };
}

/**
 * Ends an attempt as failed when its updater was garbage collected, since no code can end it then. Open scopes, and code
 * that runs in them, hold the updater.
 */
const droppedUpdaters = new FinalizationRegistry<Attempt>((attempt) => {
  const message = 'abandoned: the updater was dropped without its final update';
  attempt.close({ outcome: 'failed', failed: { thrown: new UnfinishedError('TASKSPAN_ABANDONED', message) } });
});

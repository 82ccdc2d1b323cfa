import { context as contextApi, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanContext, SpanOptions } from '@opentelemetry/api';
import type { CarriedScope } from './carried-task.ts';
import { ContextWithSpan } from './context-with-span.ts';
import * as conventions from './conventions.ts';
import { reportOnce } from './report.ts';
import { hrTimeOf } from './task-clock.ts';
import type { TaskRun } from './task-run.ts';
import { worker } from './worker.ts';

/** A started span and the context in which its code runs; no context where there is no trace to continue. */
export interface OpenSpan {
  readonly span: Span;
  readonly context: Context | undefined;
}

/** Attributes that the end sets. They stand from the start, since an attribute limit would drop late ones. */
const RESERVED: Attributes = {
  [conventions.OUTCOME]: '',
  [conventions.HEADING]: false,
  [conventions.FACTS]: 0,
  [conventions.ERROR]: '',
};

/** Where an attempt comes from, beside the span that is active. */
export interface TaskOrigin {
  /** The span that it goes on from: a link to it. */
  readonly after?: SpanContext | undefined;
  /** The task of which it is a child, and the scope there that stands for it. */
  readonly parentTaskUuid?: string | undefined;
  readonly parentScope?: { readonly taskSpanId: string; readonly spanId: string } | undefined;
}

/** Starts the task span, the root of an attempt, as a child of whatever span is active. */
export function startTaskSpan(task: TaskRun, start: number, attributes: Attributes, origin: TaskOrigin): OpenSpan {
  const active = contextApi.active();
  const span = startSpan(
    task,
    task.name,
    {
      startTime: hrTimeOf(start),
      ...(origin.after !== undefined && { links: [{ context: origin.after }] }),
      attributes: {
        [conventions.SPAN_KIND]: 'task',
        [conventions.TASK_UUID]: task.uuid,
        [conventions.TASK_NAME]: task.name,
        [conventions.TASK_ATTEMPT]: task.attempt,
        [conventions.WORKER_ID]: worker.id,
        [conventions.WORKER_INTERVAL_MS]: worker.intervalMs,
        [conventions.WORKER_CANCELLABLE]: worker.listeners > 0,
        ...RESERVED,
        [conventions.EXCEPTION]: '',
        [conventions.JOBS_TOTAL]: 0,
        [conventions.JOBS_FINISHED]: 0,
        [conventions.JOBS_FAILED]: 0,
        ...parentAttributes(origin),
        ...attributes,
      },
    },
    active,
  );
  if (span === undefined) return NOT_TRACED;
  return { span, context: isTraced(span) ? new ContextWithSpan(active, span) : undefined };
}

function parentAttributes({ parentTaskUuid, parentScope }: TaskOrigin): Attributes {
  if (parentTaskUuid === undefined) return {};
  const attributes: Attributes = { [conventions.PARENT_TASK_UUID]: parentTaskUuid };
  if (parentScope !== undefined) {
    attributes[conventions.PARENT_TASK_SPAN] = parentScope.taskSpanId;
    attributes[conventions.PARENT_SCOPE] = parentScope.spanId;
  }
  return attributes;
}

/** Starts the span of a scope that is a part of a task of another process; the active span is its parent where that is in the trace. */
export function startPartSpan(task: TaskRun, { spanContext, sender }: CarriedScope, name: string, start: number): OpenSpan {
  const attributes = {
    ...scopeAttributes(task, trace.wrapSpanContext(spanContext)),
    [conventions.SCOPE_REMOTE]: true,
    [conventions.WORKER_ID]: worker.id,
  };
  const base = contextInside(trace.wrapSpanContext(sender ?? spanContext), contextApi.active(), true);
  return startScopeSpan(task, attributes, name, start, base);
}

/**
 * The context for a scope's span.
 *
 * @param onPath Whether the running code is inside the parent scope: a user's own active span
 *   lies between the two then, and is the parent span.
 */
export function contextInside(parent: Span, active: Context, onPath: boolean): Context {
  const inTrace = onPath && trace.getSpanContext(active)?.traceId === parent.spanContext().traceId;
  return inTrace ? active : new ContextWithSpan(active, parent);
}

/** The attributes with which the span of each scope in this one starts. They are the same: made once, and copied. */
export function scopeAttributes(task: TaskRun, parent: Span): Readonly<Attributes> {
  return {
    [conventions.SPAN_KIND]: 'scope',
    [conventions.TASK_UUID]: task.uuid,
    [conventions.TASK_NAME]: task.name,
    [conventions.TASK_ATTEMPT]: task.attempt,
    [conventions.TASK_SPAN]: task.spanId,
    [conventions.SCOPE_PARENT]: parent.spanContext().spanId,
    ...RESERVED,
  };
}

/** Starts the span of a scope in a context that {@link contextInside} gave. */
export function startScopeSpan(
  task: TaskRun,
  attributes: Readonly<Attributes>,
  name: string,
  start: number,
  base: Context,
): OpenSpan {
  // Copied, since a tracer that is wrapped may write into what it gets.
  const span = startSpan(task, name, { startTime: hrTimeOf(start), attributes: { ...attributes } }, base);
  return span !== undefined && isTraced(span) ? { span, context: new ContextWithSpan(base, span) } : NOT_TRACED;
}

/** Not so where tracing is suppressed: such a span has no identity, and a trace would begin below it. */
function isTraced(span: Span): boolean {
  return span.isRecording() || trace.isSpanContextValid(span.spanContext());
}

/** A processor of somebody else that throws in `onStart` must not reach task code: no span then. */
function startSpan(task: TaskRun, name: string, options: SpanOptions, base: Context): Span | undefined {
  try {
    return task.tracer.startSpan(name, options, base);
  } catch (error) {
    reportOnce('startSpan', 'a span could not be started, its scope is not recorded', error);
    return undefined;
  }
}

/** What stands for a span where nothing is traced. */
export const NOT_TRACED: OpenSpan = {
  span: trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }),
  context: undefined,
};

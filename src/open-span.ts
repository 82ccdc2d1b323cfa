import { context as contextApi, isSpanContextValid, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanContext, SpanOptions, Tracer } from '@opentelemetry/api';
import * as conventions from './conventions.ts';
import type { Attempt } from './attempt.ts';
import { capture, sinkOf, processorsFor } from './capture.ts';
import type { Capture, SpanSink, TaskProcessor } from './capture.ts';
import type { CarriedScope } from './carrier.ts';
import { hrTimeOf } from './clock.ts';
import type { SpanRef } from './fact.ts';
import { reportOnce } from './report.ts';
import { randomId, StandInSpan } from './stand-in-span.ts';
import { worker } from './worker.ts';

/** A span that has started. */
export interface OpenSpan {
  /** The provider's, or a {@link StandInSpan} where that records nothing and the facts are taken. */
  readonly span: Span;
  /** Its ids in the record. Blank where nothing is traced and nothing recorded. */
  readonly ref: SpanRef;
  /** Where its facts go; absent where nobody takes them. */
  readonly sink: SpanSink | undefined;
  /** The context in which its code runs; absent where nothing is traced and nothing recorded. */
  readonly context: Context | undefined;
}

/**
 * Attributes that an end sets. They stand from the start, since an attribute limit would drop late ones in the copy for
 * the wire. A scope's error has no such place, which would make each scope dearer: its exception event names it too.
 */
const RESERVED: Attributes = {
  [conventions.OUTCOME]: '',
  [conventions.HEADING]: false,
  [conventions.FACTS]: 0,
};

/** Where an attempt comes from, beside the span that is active. */
export interface TaskOrigin {
  /** The span that it goes on from: a link to it. */
  readonly after?: SpanContext | undefined;
  /** The task of which it is a child, and the scope there that stands for it. */
  readonly parentTaskUuid?: string | undefined;
  readonly parentScope?: { readonly taskSpanId: string; readonly spanId: string } | undefined;
}

/** Starts the task span, the root of an attempt, as a child of whatever span is active. Decides who takes the task. */
export function startTaskSpan(attempt: Attempt, time: number, attributes: Attributes, origin: TaskOrigin): OpenSpan {
  const base = contextApi.active();
  const cancellable = worker.listeners > 0;
  const { given, processors } = startRoot(
    attempt.tracer,
    attempt.name,
    {
      startTime: hrTimeOf(time),
      ...(origin.after !== undefined && { links: [{ context: origin.after }] }),
      attributes: {
        [conventions.SPAN_KIND]: 'task',
        [conventions.TASK_UUID]: attempt.uuid,
        [conventions.TASK_NAME]: attempt.name,
        [conventions.TASK_ATTEMPT]: attempt.number,
        [conventions.WORKER_ID]: worker.id,
        [conventions.WORKER_INTERVAL_MS]: worker.intervalMs,
        [conventions.WORKER_CANCELLABLE]: cancellable,
        ...RESERVED,
        [conventions.ERROR]: '',
        [conventions.EXCEPTION]: '',
        [conventions.JOBS_TOTAL]: 0,
        [conventions.JOBS_FINISHED]: 0,
        [conventions.JOBS_FAILED]: 0,
        ...parentAttributes(origin),
        ...attributes,
      },
    },
    base,
  );
  attempt.processors = processors;
  const { span, traceId, spanId } = identified(given, base, processors, undefined);
  const ref = { taskUuid: attempt.uuid, traceId, spanId, taskSpanId: spanId };
  const open = opened(span, ref, base, processors);
  const { parentTaskUuid, parentScope } = origin;
  open.sink?.start({
    kind: 'task-start',
    span: ref,
    seq: 0,
    time,
    name: attempt.name,
    attempt: attempt.number,
    attributes,
    workerId: worker.id,
    workerIntervalMs: worker.intervalMs,
    ...(cancellable && { cancellable }),
    ...(parentTaskUuid !== undefined && { parentTaskUuid, ...(parentScope !== undefined && { parentScope }) }),
    sampled: span === given && (span.spanContext().traceFlags & 1) === 1,
  });
  return open;
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

/**
 * Starts the span of a scope that is a part of a task of another process. The active span is its parent where that is
 * in the task's trace. Where the task is in no trace, the part is in none.
 */
export function startPartSpan(attempt: Attempt, scope: CarriedScope, name: string, time: number): OpenSpan {
  const { spanContext, sender, isInTrace } = scope;
  const parent = sender ?? (isInTrace ? spanContext : undefined);
  const active = contextApi.active();
  const base = parent === undefined ? active : contextInside(trace.wrapSpanContext(parent), active, true);
  const { traceId, spanId: parentSpanId } = spanContext;
  const attributes = {
    ...scopeAttributes(attempt, parentSpanId),
    [conventions.SCOPE_REMOTE]: true,
    [conventions.WORKER_ID]: worker.id,
  };
  const { given, processors } =
    parent === undefined ? { given: undefined, processors: processorsFor(new Set()) } : startRoot(attempt.tracer, name, scopeOptions(attributes, name, time), base);
  attempt.processors = processors;
  const { span, ...ids } = identified(given, base, processors, traceId);
  const ref = { taskUuid: attempt.uuid, ...ids, taskSpanId: attempt.spanId };
  const open = opened(span, ref, base, processors);
  open.sink?.start({ kind: 'scope-start', span: ref, seq: 0, time, name, parentSpanId, remote: true, workerId: worker.id });
  return open;
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
export function scopeAttributes(attempt: Attempt, parentSpanId: string): Readonly<Attributes> {
  return {
    [conventions.SPAN_KIND]: 'scope',
    [conventions.TASK_UUID]: attempt.uuid,
    [conventions.TASK_NAME]: attempt.name,
    [conventions.TASK_ATTEMPT]: attempt.number,
    [conventions.TASK_SPAN]: attempt.spanId,
    [conventions.SCOPE_PARENT]: parentSpanId,
    ...RESERVED,
    [conventions.SPAN_NAME]: '',
  };
}

/** How many attributes the span of a scope has until its end, unless code sets some. */
export const SCOPE_ATTRIBUTE_COUNT = 10;

/** Starts the span of a scope inside another one, in a context that {@link contextInside} gave. */
export function startScopeSpan(
  attempt: Attempt,
  attributes: Readonly<Attributes>,
  parent: Pick<OpenSpan, 'span' | 'ref'>,
  name: string,
  time: number,
  base: Context,
): OpenSpan {
  const { processors, tracer } = attempt;
  // Inside a task that is in no trace a scope would begin one of its own.
  const isAlone = parent.span instanceof StandInSpan && !parent.span.isInTrace;
  const given = isAlone ? undefined : startSpan(tracer, name, scopeOptions(attributes, name, time), base, NOTED_BY_NOBODY);
  const { span, traceId, spanId } = identified(given, base, processors, parent.ref.traceId);
  const ref = { taskUuid: attempt.uuid, traceId, spanId, taskSpanId: parent.ref.taskSpanId };
  const open = opened(span, ref, base, processors);
  open.sink?.start({ kind: 'scope-start', span: ref, seq: 0, time, name, parentSpanId: parent.ref.spanId });
  return open;
}

/** Copied, since a tracer that is wrapped may write into what it gets. The contract's name stays when the span's changes. */
function scopeOptions(attributes: Readonly<Attributes>, name: string, time: number): SpanOptions {
  const own = { ...attributes };
  own[conventions.SPAN_NAME] = name;
  return { startTime: hrTimeOf(time), attributes: own };
}

/** Starts the span of a task, part or announcement, and decides who takes its facts. */
export function startRoot(
  tracer: Tracer,
  name: string,
  options: SpanOptions,
  base: Context,
): { given: Span | undefined; processors: readonly TaskProcessor[] } {
  const called = new Set<TaskProcessor>();
  const given = startSpan(tracer, name, options, base, called);
  return { given, processors: processorsFor(called) };
}

/** A scope goes where its task goes, whichever processors its span comes to. */
const NOTED_BY_NOBODY: NonNullable<Capture['starting']> = { add: () => undefined };

/** A processor that throws in `onStart` must not reach task code: no span then. */
function startSpan(
  tracer: Tracer,
  name: string,
  options: SpanOptions,
  base: Context,
  called: NonNullable<Capture['starting']>,
): Span | undefined {
  const outer = capture.starting;
  capture.starting = called;
  try {
    return tracer.startSpan(name, options, base);
  } catch (error) {
    reportOnce('startSpan', 'a span could not be started and is missing from the trace', error);
    return undefined;
  } finally {
    capture.starting = outer;
  }
}

/**
 * The span to use, and its ids in the record: what the provider gave, or a {@link StandInSpan} where that records
 * nothing and the facts are taken. A stand-in has the provider's ids if these are valid and its own: OpenTelemetry's
 * API, without an SDK, gives each span the ids of its parent. Else it has random ones in its task's trace.
 */
export function identified(
  given: Span | undefined,
  base: Context,
  processors: readonly TaskProcessor[],
  taskTraceId: string | undefined,
): { span: Span; traceId: string; spanId: string } {
  const own = given && contextOf(given);
  if (given !== undefined && own !== undefined && (processors.length === 0 || given.isRecording())) {
    return { span: given, traceId: own.traceId, spanId: own.spanId };
  }
  if (processors.length === 0) return { span: NOT_TRACED.span, traceId: '', spanId: '' };
  const parent = trace.getSpanContext(base);
  if (own !== undefined && isSpanContextValid(own) && own.spanId !== parent?.spanId) {
    return { span: new StandInSpan(own), traceId: own.traceId, spanId: own.spanId };
  }
  const nearest = parent !== undefined && isSpanContextValid(parent) ? parent : undefined;
  const traceId = taskTraceId ?? nearest?.traceId ?? randomId(32);
  return { span: new StandInSpan(nearest), traceId, spanId: randomId(16) };
}

/** The ids of a provider's span; `undefined` for one that is none, as a mock of a test may be. */
function contextOf(span: Span): SpanContext | undefined {
  try {
    span.isRecording();
    return span.spanContext();
  } catch (error) {
    reportOnce('span', 'the OpenTelemetry provider gives something that is no span, it is missing from the trace', error);
    return undefined;
  }
}

function opened(span: Span, ref: SpanRef, base: Context, processors: readonly TaskProcessor[]): OpenSpan {
  const sink = sinkOf(processors, ref);
  if (sink === undefined && !span.isRecording() && !isSpanContextValid(span.spanContext())) return NOT_TRACED;
  return { span, ref, sink, context: new ContextWithSpan(base, span) };
}

/** What stands for a span where nothing is traced and nothing recorded. */
export const NOT_TRACED: OpenSpan = {
  span: trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }),
  ref: { taskUuid: '', traceId: '', spanId: '', taskSpanId: '' },
  sink: undefined,
  context: undefined,
};

/**
 * What `trace.setSpan(base, span)` gives, without its copy of all that stands in the context: most
 * scopes ask for the active span alone.
 */
export class ContextWithSpan implements Context {
  readonly #base: Context;
  readonly #span: Span;

  constructor(context: Context, span: Span) {
    // Scopes inside each other do not make a chain: the inner span hides the outer one.
    this.#base = context instanceof ContextWithSpan ? context.#base : context;
    this.#span = span;
  }

  getValue(key: symbol): unknown {
    return key === SPAN_KEY ? this.#span : this.#base.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return key === SPAN_KEY ? this.#base.setValue(key, value) : trace.setSpan(this.#base.setValue(key, value), this.#span);
  }

  deleteValue(key: symbol): Context {
    return key === SPAN_KEY ? this.#base.deleteValue(key) : trace.setSpan(this.#base.deleteValue(key), this.#span);
  }
}

/** The API's own key of the active span, which it does not export: it tells whoever is asked to keep one. */
const SPAN_KEY: symbol = spanKey();

function spanKey(): symbol {
  let asked: symbol | undefined;
  const listening: Context = {
    getValue: () => undefined,
    setValue(key) {
      asked = key;
      return listening;
    },
    deleteValue: () => listening,
  };
  trace.setSpan(listening, trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }));
  return asked!;
}

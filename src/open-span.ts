import { context as contextApi, isSpanContextValid, SpanKind, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanContext, SpanOptions, Tracer } from '@opentelemetry/api';
import type { Attempt } from './attempt.ts';
import { capture, processorsFor, sinkOf } from './capture.ts';
import type { Capture, SpanSink, TaskProcessor } from './capture.ts';
import type { CarriedScope } from './carrier.ts';
import { hrTimeOf } from './clock.ts';
import * as conventions from './conventions.ts';
import type { SpanRef } from './fact.ts';
import { reportOnce } from './report.ts';
import { randomId, StandInSpan } from './stand-in-span.ts';
import { worker } from './worker.ts';

/** A span that has started. */
export interface OpenSpan {
  /**
   * The provider's span, or a {@link StandInSpan} where the provider records nothing and a processor takes the facts.
   */
  readonly span: Span;
  /** Its ids in the record. They are blank where nothing is traced and nothing recorded. */
  readonly ref: SpanRef;
  /** Takes its facts; absent where no processor does. */
  readonly sink: SpanSink | undefined;
  /** The context in which its code runs; absent where nothing is traced and nothing recorded. */
  readonly context: Context | undefined;
}

/**
 * Attributes that an end sets. A span has them from its start, since an attribute limit drops late attributes in the copy for
 * the wire. The error of a scope is not among them, which keeps each scope cheaper: its exception event names it too.
 */
const RESERVED: Attributes = {
  [conventions.OUTCOME]: '',
  [conventions.HEADING]: false,
  [conventions.FACTS]: 0,
};

/** What caused an attempt, besides the active span. */
export interface TaskOrigin {
  /** A span of the attempt before, or the one that has put it in a queue: the task span links to it. */
  readonly after?: SpanContext | undefined;
  /** Set where a queue has started it, so that its span is of kind `CONSUMER`: which run of the job it is, `""` if unknown. */
  readonly run?: string | undefined;
  /** The task of which it is a child, and the scope there that stands for it. */
  readonly parentTaskUuid?: string | undefined;
  readonly parentScope?: { readonly taskSpanId: string; readonly spanId: string } | undefined;
}

/**
 * Starts the task span, the root of an attempt, as a child of the active span, and chooses the attempt's processors.
 */
export function startTaskSpan(attempt: Attempt, time: number, attributes: Attributes, origin: TaskOrigin): OpenSpan {
  const base = contextApi.active();
  const cancellable = worker.cancelReceivers > 0;
  const { after, run, parentTaskUuid, parentScope } = origin;
  const { given, processors } = startRoot(
    attempt.tracer,
    attempt.name,
    {
      startTime: hrTimeOf(time),
      ...(run !== undefined && { kind: SpanKind.CONSUMER }),
      ...(after !== undefined && { links: [{ context: after }] }),
      attributes: {
        [conventions.SPAN_KIND]: 'task',
        [conventions.TASK_UUID]: attempt.uuid,
        [conventions.TASK_NAME]: attempt.name,
        [conventions.TASK_ATTEMPT]: attempt.number,
        ...(run && { [conventions.TASK_RUN]: run }),
        [conventions.WORKER_ID]: worker.id,
        [conventions.WORKER_INTERVAL_MS]: worker.intervalMs,
        [conventions.WORKER_CANCELLABLE]: cancellable,
        ...RESERVED,
        [conventions.ERROR]: '',
        [conventions.EXCEPTION]: '',
        [conventions.EXCEPTION_SPAN]: '',
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
  const { span, traceId, spanId } = usableSpan(given, base, processors, undefined);
  const ref = { taskUuid: attempt.uuid, traceId, spanId, taskSpanId: spanId };
  const open = openSpan(span, ref, base, processors);
  open.sink?.start({
    kind: 'task-start',
    span: ref,
    seq: 0,
    time,
    name: attempt.name,
    attempt: attempt.number,
    ...(run && { run }),
    attributes,
    ...serviceOf(given),
    workerId: worker.id,
    workerIntervalMs: worker.intervalMs,
    ...(cancellable && { cancellable }),
    ...(parentTaskUuid !== undefined && { parentTaskUuid, ...(parentScope !== undefined && { parentScope }) }),
    sampled: span === given && (span.spanContext().traceFlags & 1) === 1,
  });
  return open;
}

/** Name of the service: that of the provider's resource, by which a receiver of the span knows it, else the collector's. */
export function serviceOf(span: Span | undefined): { serviceName?: string } {
  const serviceName = conventions.serviceNameIn(resourceOf(span)) ?? worker.serviceName;
  return serviceName === undefined ? {} : { serviceName };
}

/** The attributes of a span's resource that are known already: those that are still detected are promises. */
function resourceOf(span: Span | undefined): Attributes {
  try {
    const { resource } = span as { resource?: { attributes?: Attributes; asyncAttributesPending?: boolean; getRawAttributes?(): [string, unknown][] } };
    // To read `attributes` before all are known would log an error.
    if (resource?.asyncAttributesPending !== true) return resource?.attributes ?? {};
    const name = resource.getRawAttributes?.().find(([key]) => key === conventions.SERVICE_NAME);
    return name === undefined ? {} : (Object.fromEntries([name]) as Attributes);
  } catch {
    // No provider's span, or one of another kind.
    return {};
  }
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
    parent === undefined
      ? { given: undefined, processors: processorsFor(new Set()) }
      : startRoot(attempt.tracer, name, scopeOptions(attributes, name, time), base);
  attempt.processors = processors;
  const { span, ...ids } = usableSpan(given, base, processors, traceId);
  const ref = { taskUuid: attempt.uuid, ...ids, taskSpanId: attempt.spanId };
  const open = openSpan(span, ref, base, processors);
  open.sink?.start({ kind: 'scope-start', span: ref, seq: 0, time, name, parentSpanId, remote: true, workerId: worker.id });
  return open;
}

/**
 * The context in which a scope's span starts.
 *
 * @param isCurrent Whether the running code is inside the parent scope. Then an active span of the user's code lies
 *   between the two scopes, and is the parent span.
 */
export function contextInside(parent: Span, active: Context, isCurrent: boolean): Context {
  const inTrace = isCurrent && trace.getSpanContext(active)?.traceId === parent.spanContext().traceId;
  return inTrace ? active : new ContextWithSpan(active, parent);
}

/** The attributes that the spans of all scopes inside one scope start with. They are made once and copied for each. */
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

/** How many attributes the span of a scope has until its end, unless the user's code sets some. */
export const SCOPE_ATTRIBUTE_COUNT = 10;

/** Starts the span of a scope inside another one, in a context of {@link contextInside}. */
export function startScopeSpan(
  attempt: Attempt,
  attributes: Readonly<Attributes>,
  parent: Pick<OpenSpan, 'span' | 'ref'>,
  name: string,
  time: number,
  base: Context,
): OpenSpan {
  const { processors, tracer } = attempt;
  // Where the task is in no trace, the provider would begin a new trace for each scope.
  const isAlone = parent.span instanceof StandInSpan && !parent.span.isInTrace;
  const given = isAlone ? undefined : startSpan(tracer, name, scopeOptions(attributes, name, time), base, IGNORED);
  const { span, traceId, spanId } = usableSpan(given, base, processors, parent.ref.traceId);
  const ref = { taskUuid: attempt.uuid, traceId, spanId, taskSpanId: parent.ref.taskSpanId };
  const open = openSpan(span, ref, base, processors);
  open.sink?.start({ kind: 'scope-start', span: ref, seq: 0, time, name, parentSpanId: parent.ref.spanId });
  return open;
}

/**
 * The options of a scope's span. The attributes are copied, since a wrapped tracer may write into them. The name is
 * among them, since `updateName` may change the span's.
 */
function scopeOptions(attributes: Readonly<Attributes>, name: string, time: number): SpanOptions {
  const own = { ...attributes };
  own[conventions.SPAN_NAME] = name;
  return { startTime: hrTimeOf(time), attributes: own };
}

/** Starts the span of a task, part or announcement, and chooses the processors that take its facts. */
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

/** The processors that are called for a scope's span make no difference: its task's processors take the scope. */
const IGNORED: NonNullable<Capture['starting']> = { add: () => undefined };

/**
 * Starts a span; `undefined` where the provider, or a processor in its `onStart`, throws: task code must not get that
 * error.
 */
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
 * The span to use, and its ids in the record: the provider's span, or a {@link StandInSpan} where the provider records
 * nothing and a processor takes the facts.
 *
 * A stand-in has the ids of the provider's span, if they are valid and not its parent's: without an SDK, OpenTelemetry's
 * API gives each span the ids of its parent. Otherwise it has random ids, in its task's trace.
 */
export function usableSpan(
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

/** The ids of a provider's span; `undefined` for a value that is no span, such as the mock of a test. */
function contextOf(span: Span): SpanContext | undefined {
  try {
    span.isRecording();
    return span.spanContext();
  } catch (error) {
    reportOnce('span', 'the OpenTelemetry provider gives something that is no span, it is missing from the trace', error);
    return undefined;
  }
}

function openSpan(span: Span, ref: SpanRef, base: Context, processors: readonly TaskProcessor[]): OpenSpan {
  const sink = sinkOf(processors, ref);
  if (sink === undefined && !span.isRecording() && !isSpanContextValid(span.spanContext())) return NOT_TRACED;
  return { span, ref, sink, context: new ContextWithSpan(base, span) };
}

/** Replaces a span where nothing is traced and nothing recorded. */
export const NOT_TRACED: OpenSpan = {
  span: trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }),
  ref: { taskUuid: '', traceId: '', spanId: '', taskSpanId: '' },
  sink: undefined,
  context: undefined,
};

/**
 * A context with an active span, as `trace.setSpan(base, span)` makes it. It does not copy the values of the base:
 * the code of most scopes asks for the active span alone.
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

/** The API's own key of the active span. The API does not export it, but passes it to a context that sets a span. */
const SPAN_KEY: symbol = spanKey();

function spanKey(): symbol {
  let asked: symbol | undefined;
  const spy: Context = {
    getValue: () => undefined,
    setValue(key) {
      asked = key;
      return spy;
    },
    deleteValue: () => spy,
  };
  trace.setSpan(spy, trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }));
  return asked!;
}

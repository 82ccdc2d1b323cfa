import { createTraceState, isSpanContextValid } from '@opentelemetry/api';
import type { SpanContext } from '@opentelemetry/api';
import { isName } from './arguments.ts';
import type { Attempt } from './attempt.ts';
import { received } from './failure.ts';
import { cutText, DEFAULT_LIMITS } from './limits.ts';
import type { SpanWriter } from './span-writer.ts';
import { isTaskUuid } from './task-uuid.ts';
import { toWellFormed } from './text.ts';

/**
 * What a task gives to another process so that it goes on there: a plain object of short ASCII
 * texts, for the payload of a queue, the headers of a request, or with {@link carrierEnv} the
 * environment of a child process. `continueTask` takes it.
 */
export interface Carrier {
  /** W3C Trace Context: the scope's span, or the nearest around it that a provider made. Absent where there is none. */
  traceparent?: string;
  /** W3C Trace Context; absent where there is none. */
  tracestate?: string;
  /** The task: its UUID, name and attempt, and the scope in it. */
  taskspan: string;
}

/** A {@link Carrier} by the names that it has in an environment. `undefined` takes an inherited one away. */
export type CarrierEnv = Record<'TRACEPARENT' | 'TRACESTATE' | 'TASKSPAN', string | undefined>;

/**
 * A carrier for the environment of a child process, under the names that OpenTelemetry gives them
 * there: `spawn(file, args, { env: { ...process.env, ...carrierEnv(updater.carrier()) } })`.
 */
export function carrierEnv(carrier: Carrier): CarrierEnv {
  if (typeof (carrier as Partial<Carrier> | null)?.taskspan !== 'string') {
    throw new TypeError(`carrierEnv: expected what carrier() gave, got ${received(carrier)}`);
  }
  const { traceparent, tracestate, taskspan } = carrier;
  return { TRACEPARENT: traceparent, TRACESTATE: tracestate, TASKSPAN: taskspan };
}

/** Where a carrier can arrive: what `carrier()` gave, the headers of a request, an environment. Keys in any case. */
export type CarrierSource =
  | Carrier
  | { readonly get: (name: string) => unknown }
  | { readonly [name: string]: unknown };

/** The carrier of a task, made in the scope of this writer. */
export function carrierOf(task: Attempt, { ref, span }: SpanWriter): Carrier {
  const { uuid, name, attempt, parentTaskUuid } = task;
  const { traceId, spanId } = ref;
  const nearest = span.spanContext();
  const isInTrace = nearest.spanId === spanId;
  const scope: CarriedScope | undefined =
    spanId === ''
      ? undefined
      : { taskSpanId: task.spanId, isInTrace, spanContext: isInTrace ? nearest : { traceId, spanId, traceFlags: 0 } };
  const taskspan = carriedText({
    taskUuid: uuid,
    taskName: name,
    attempt,
    ...(parentTaskUuid !== undefined && { parentTaskUuid }),
    ...(scope !== undefined && { scope }),
  });
  if (!isSpanContextValid(nearest)) return { taskspan };
  const tracestate = nearest.traceState?.serialize() ?? '';
  return { traceparent: traceparentOf(nearest), ...(tracestate !== '' && { tracestate }), taskspan };
}

/** The task that a source carries; `undefined` where it carries none. Throws where reading it does. */
export function carriedBy(source: CarrierSource): CarriedTask | undefined {
  const value = valuesOf(source);
  const carried = carriedTaskOf(value('taskspan') ?? '');
  if (carried?.scope === undefined) return carried;
  const { spanContext } = carried.scope;
  const tracestate = value('tracestate') ?? '';
  const traceState = tracestate === '' ? {} : { traceState: createTraceState(tracestate) };
  const sender = spanContextOf(value('traceparent'));
  const isOther = sender?.traceId === spanContext.traceId && sender.spanId !== spanContext.spanId;
  const scope = { ...carried.scope, spanContext: { ...spanContext, ...traceState } };
  return { ...carried, scope: isOther ? { ...scope, sender: { ...sender, ...traceState } } : scope };
}

/** Reads texts by their names in lower case. Of several headers of one name the first counts. */
function valuesOf(source: CarrierSource): (name: string) => string | undefined {
  if ('get' in source && typeof source.get === 'function') {
    const headers = source as { get: (name: string) => unknown };
    return (name) => textOf(headers.get(name));
  }
  const values = new Map<string, unknown>();
  for (const key of Object.keys(source)) {
    const name = key.toLowerCase();
    if (NAMES.has(name) && !values.has(name)) values.set(name, (source as Record<string, unknown>)[key]);
  }
  return (name) => textOf(values.get(name));
}

const NAMES: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'taskspan'] satisfies (keyof Carrier)[]);

function textOf(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : undefined;
}

/** What a carrier tells of the task that it comes from. */
export interface CarriedTask {
  readonly taskUuid: string;
  readonly taskName: string;
  /** Number of the attempt; 0 where none has begun. */
  readonly attempt: number;
  /** The task of which this one is a child. */
  readonly parentTaskUuid?: string;
  /** The scope in which the carrier was made; absent where nothing was recorded. */
  readonly scope?: CarriedScope;
}

export interface CarriedScope {
  /** Span id of the attempt's task span. */
  readonly taskSpanId: string;
  /** The scope's own ids. */
  readonly spanContext: SpanContext;
  /** Whether a provider made a span with these ids, so that spans elsewhere can be its children. */
  readonly isInTrace: boolean;
  /** The span that sent the carrier: that of an HTTP client inside the scope, or one around it. Absent if it is the scope's. */
  readonly sender?: SpanContext;
}

/**
 * The value of the header `taskspan`: `uuid=…;attempt=1;name=Import%20customers;task=…;scope=…`.
 * `scope` has the form of `traceparent`: that one may become another span's on its way through a
 * client's own instrumentation. It is called `record` where no trace has such a span. All of it is visible ASCII
 * without commas.
 */
export function carriedText({ taskUuid, taskName, attempt, parentTaskUuid, scope }: CarriedTask): string {
  const name = toWellFormed(cutText(taskName, DEFAULT_LIMITS.name));
  let text = `uuid=${taskUuid};attempt=${attempt};name=${encodeURIComponent(name)}`;
  if (parentTaskUuid !== undefined) text += `;parent=${parentTaskUuid}`;
  if (scope !== undefined) text += `;task=${scope.taskSpanId};${scope.isInTrace ? 'scope' : 'record'}=${traceparentOf(scope.spanContext)}`;
  return text;
}

/** What such a value tells; `undefined` for a malformed one. Keys that it does not know are of a later version. */
export function carriedTaskOf(text: string): CarriedTask | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const values = new Map<string, string>();
  for (const part of text.split(';')) {
    const at = part.indexOf('=');
    if (at > 0) values.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  const taskUuid = values.get('uuid');
  const taskName = decoded(values.get('name'));
  const attempt = values.get('attempt') ?? '';
  const parent = values.get('parent');
  if (!isTaskUuid(taskUuid) || taskName === undefined || !COUNT.test(attempt)) return undefined;
  if (parent !== undefined && !isTaskUuid(parent)) return undefined;
  const taskSpanId = values.get('task');
  const isInTrace = values.has('scope');
  const traceparent = values.get(isInTrace ? 'scope' : 'record');
  const carried: CarriedTask = {
    taskUuid: taskUuid.toLowerCase(),
    taskName,
    attempt: Number(attempt),
    ...(parent !== undefined && { parentTaskUuid: parent.toLowerCase() }),
  };
  if (taskSpanId === undefined && traceparent === undefined) return carried;
  const spanContext = spanContextOf(traceparent);
  return spanContext !== undefined && SPAN_ID.test(taskSpanId ?? '')
    ? { ...carried, scope: { taskSpanId: taskSpanId!, spanContext, isInTrace } }
    : undefined;
}

/** The value of W3C's header `traceparent`. */
export function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** The span that a `traceparent` names; `undefined` for a malformed one. */
export function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const context: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** Of later versions only what this one knows is read. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
/** Below what is no safe integer any more, with one more attempt. */
const COUNT = /^\d{1,15}$/;
/** As much as all headers of a request may have in Node.js; ours has less than 3 KiB. Whoever sends more costs nothing. */
const MAX_LENGTH = 16_384;

function decoded(name = ''): string | undefined {
  try {
    const text = decodeURIComponent(name);
    return isName(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

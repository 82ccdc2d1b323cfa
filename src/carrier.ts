import { createTraceState, isSpanContextValid } from '@opentelemetry/api';
import type { Span, SpanContext } from '@opentelemetry/api';
import { isName } from './arguments.ts';
import type { Attempt } from './attempt.ts';
import type { SpanRef } from './fact.ts';
import { received } from './failure.ts';
import { isTaskUuid } from './task-uuid.ts';
import { cutText, DEFAULT_LIMITS, toWellFormed } from './text.ts';

/**
 * What another process needs so that a task goes on there: a plain object of short ASCII texts, for the
 * payload of a queue, the headers of a request, or with {@link carrierEnv} the environment of a child
 * process. `continueTask` takes it.
 */
export interface Carrier {
  /** W3C Trace Context: the scope's span, or the nearest around it that a provider made. Absent where there is none. */
  traceparent?: string;
  /** W3C Trace Context; absent where there is none. */
  tracestate?: string;
  /** The task: its UUID, name and attempt, and the scope in it. */
  taskspan: string;
}

/** A {@link Carrier} by its names in an environment. `undefined` removes an inherited value. */
export type CarrierEnv = Record<'TRACEPARENT' | 'TRACESTATE' | 'TASKSPAN', string | undefined>;

/**
 * Returns a carrier for the environment of a child process, under the names that OpenTelemetry gives
 * them there: `spawn(file, args, { env: { ...process.env, ...carrierEnv(updater.carrier()) } })`.
 */
export function carrierEnv(carrier: Carrier): CarrierEnv {
  if (typeof (carrier as Partial<Carrier> | null)?.taskspan !== 'string') {
    throw new TypeError(`carrierEnv: expected what carrier() gave, got ${received(carrier)}`);
  }
  const { traceparent, tracestate, taskspan } = carrier;
  return { TRACEPARENT: traceparent, TRACESTATE: tracestate, TASKSPAN: taskspan };
}

/**
 * What can contain a carrier: the result of `carrier()`, the headers of a request, an environment. Keys may be in any
 * case.
 */
export type CarrierSource =
  | Carrier
  | { readonly get: (name: string) => unknown }
  | { readonly [name: string]: unknown };

/** The task that a carrier names. */
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
  /** Whether a provider made a span with these ids, so that spans of other processes can be its children. */
  readonly isInTrace: boolean;
  /**
   * The span that sent the carrier, unless it is the scope's: that of an HTTP client inside the scope, or one around
   * it.
   */
  readonly sender?: SpanContext;
}

/** Makes the carrier of an attempt, inside the scope that has this span. */
export function carrierOf(attempt: Attempt, { ref, span }: { readonly ref: SpanRef; readonly span: Span }): Carrier {
  const { uuid, name, number, parentTaskUuid, spanId: taskSpanId } = attempt;
  const { traceId, spanId } = ref;
  const nearest = span.spanContext();
  const isInTrace = nearest.spanId === spanId;
  const spanContext = isInTrace ? nearest : { traceId, spanId, traceFlags: 0 };
  const taskspan = carriedText({
    taskUuid: uuid,
    taskName: name,
    attempt: number,
    ...(parentTaskUuid !== undefined && { parentTaskUuid }),
    ...(spanId !== '' && { scope: { taskSpanId, isInTrace, spanContext } }),
  });
  if (!isSpanContextValid(nearest)) return { taskspan };
  const tracestate = nearest.traceState?.serialize() ?? '';
  return { traceparent: traceparentOf(nearest), ...(tracestate !== '' && { tracestate }), taskspan };
}

/** Reads the task from a source; `undefined` where it has none. Throws where reading the source throws. */
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

/**
 * Returns a function that reads a text by its name in lower case. Of several headers with one name the first counts.
 */
function valuesOf(source: CarrierSource): (name: string) => string | undefined {
  if ('get' in source && typeof source.get === 'function') {
    const headers = source as { get: (name: string) => unknown };
    return (name) => firstText(headers.get(name));
  }
  const values = new Map<string, unknown>();
  for (const key of Object.keys(source)) {
    const name = key.toLowerCase();
    if (NAMES.has(name) && !values.has(name)) values.set(name, (source as Record<string, unknown>)[key]);
  }
  return (name) => firstText(values.get(name));
}

const NAMES: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'taskspan'] satisfies (keyof Carrier)[]);

function firstText(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : undefined;
}

/**
 * The value of the header `taskspan`: `uuid=…;attempt=1;name=Import%20customers;task=…;scope=…`. All of it is visible
 * ASCII without commas.
 *
 * `scope` has the form of `traceparent`, which a client's own instrumentation may replace on the way. The key is
 * `record` where no trace has a span with these ids.
 */
export function carriedText({ taskUuid, taskName, attempt, parentTaskUuid, scope }: CarriedTask): string {
  const name = toWellFormed(cutText(taskName, DEFAULT_LIMITS.name));
  let text = `uuid=${taskUuid};attempt=${attempt};name=${encodeURIComponent(name)}`;
  if (parentTaskUuid !== undefined) text += `;parent=${parentTaskUuid}`;
  if (scope !== undefined) text += `;task=${scope.taskSpanId};${scope.isInTrace ? 'scope' : 'record'}=${traceparentOf(scope.spanContext)}`;
  return text;
}

/**
 * The task in a header's value; `undefined` for a malformed one. Unknown keys are of a later version and are ignored.
 */
export function carriedTaskOf(text: string): CarriedTask | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const values = new Map<string, string>();
  for (const pair of text.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0) values.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim());
  }
  const taskUuid = values.get('uuid');
  const taskName = decodedName(values.get('name'));
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

function decodedName(name = ''): string | undefined {
  try {
    const text = decodeURIComponent(name);
    return isName(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The value of W3C's header `traceparent`. */
function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** The span that a `traceparent` names; `undefined` for a malformed one. */
function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const context: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** Of a later version only the fields of version 00 are read. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
/** So many digits that the next attempt is still a safe integer. */
const COUNT = /^\d{1,15}$/;
/**
 * The size of all headers of a request that Node.js accepts; ours has less than 3 KiB. A longer value is not parsed.
 */
const MAX_LENGTH = 16_384;

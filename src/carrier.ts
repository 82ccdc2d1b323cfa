import { createTraceState, isSpanContextValid } from '@opentelemetry/api';
import { carriedTaskOf, carriedText, spanContextOf, traceparentOf } from './carried-task.ts';
import type { CarriedScope, CarriedTask } from './carried-task.ts';
import { received } from './failure.ts';
import type { SpanWriter } from './span-writer.ts';
import type { TaskRun } from './task-run.ts';

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
export function carrierOf(task: TaskRun, { ref, span }: SpanWriter): Carrier {
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

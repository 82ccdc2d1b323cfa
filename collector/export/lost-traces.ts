import { context, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { SpanContext } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import type { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from '../../src/conventions.ts';
import { report, reportOnce } from '../../src/report.ts';
import { hrTimeOf } from '../../src/task-clock.ts';
import { clearTimeout, setTimeout } from '../../src/timers.ts';
import type { TaskStore } from '../store/task-store.ts';
import { Trouble } from '../runtime/trouble.ts';

type LostTrace = Awaited<ReturnType<TaskStore['lostTraces']>>[number];
type LostSpan = LostTrace['spans'][number];

/** How often it looks for tasks that are lost for good, in milliseconds. */
const LOOK_MS = 1000;
/** One process at a time has the duty, for as long as it may take to send what one look finds. */
const DUTY = 'lost-traces';
const LEASE_MS = 30_000;
/** How many spans one request carries at the most. */
const MOST_SPANS = 2000;

export interface LostTracesOptions {
  store: Pick<TaskStore, 'lease' | 'lostTraces' | 'tracesEnded'>;
  exporter: Pick<OTLPTraceExporter, 'export' | 'shutdown'>;
  /** Who says it: the worker's own is in no fact. */
  resource: ReadableSpan['resource'];
}

/**
 * Ends the open spans of tasks that are lost for good toward a tracing backend, so that operators
 * see the trace of what died. A task is done with when the receiver has taken its spans, or has said
 * that it never will.
 *
 * @returns Ends it; resolves when the store is not used any more.
 */
export function sendLostTraces({ store, exporter, resource }: LostTracesOptions): () => Promise<void> {
  const stopped = new AbortController();
  const holder = globalThis.crypto.randomUUID();
  let hasDuty = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let looking: Promise<void> = Promise.resolve();
  const unread = new Trouble({ begins: 'lost tasks can not be looked for, trying again', ends: 'lost tasks are looked for again', report });
  const unsent = new Trouble({
    begins: 'open spans of lost tasks could not be ended, trying again',
    ends: 'all open spans of lost tasks are ended',
    report,
  });

  const send = (spans: readonly ReadableSpan[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = ({ error }: { error?: Error }): void => {
        if (error === undefined) resolve();
        else reject(error);
      };
      // Else an application's own instrumentation of HTTP would make a trace of each try.
      context.with(suppressTracing(context.active()), () => exporter.export([...spans], done));
    });

  /** In halves where the receiver finds them bad: one trace that is too large must not hold up the others. */
  const end = async (traces: readonly LostTrace[]): Promise<void> => {
    const spans = traces.flatMap((trace) => trace.spans.map((span) => readableSpan(span, resource)));
    try {
      for (let at = 0; at < spans.length; at += MOST_SPANS) await send(spans.slice(at, at + MOST_SPANS));
    } catch (error) {
      if (!isBadRequest(error)) throw error;
      if (traces.length > 1) {
        const half = Math.ceil(traces.length / 2);
        await end(traces.slice(0, half));
        return end(traces.slice(half));
      }
      const [{ taskUuid }] = traces as [LostTrace];
      reportOnce(`lost trace ${taskUuid}`, `the open spans of the lost task ${taskUuid} were refused and are given up`, error);
    }
    await store.tracesEnded(traces.map(({ taskUuid }) => taskUuid));
  };

  /** Until there are no more, or one try has failed. */
  const look = async (): Promise<void> => {
    let trouble = unread;
    try {
      while (!stopped.signal.aborted) {
        trouble = unread;
        const traces = await store.lostTraces();
        trouble.over();
        if (traces.length === 0) {
          unsent.over();
          if (hasDuty) await store.lease(DUTY, holder, 0);
          hasDuty = false;
          return;
        }
        hasDuty = await store.lease(DUTY, holder, LEASE_MS);
        if (!hasDuty) return;
        trouble = unsent;
        await end(traces);
      }
    } catch (error) {
      if (!stopped.signal.aborted) trouble.failed(error);
    }
  };

  const lookAgain = async (): Promise<void> => {
    await look();
    wait();
  };
  const wait = (): void => {
    if (stopped.signal.aborted) return;
    timer = setTimeout(() => {
      looking = lookAgain();
    }, LOOK_MS);
    timer.unref();
  };
  wait();

  return async () => {
    stopped.abort();
    clearTimeout(timer);
    await exporter.shutdown();
    await looking;
  };
}

/** Whether the answer is of the spans themselves, and would be the same again: not one for want of a token, or of a receiver. */
function isBadRequest(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 400 || code === 413;
}

/** What an exporter reads of a span that the SDK has ended. */
function readableSpan(span: LostSpan, resource: ReadableSpan['resource']): ReadableSpan {
  const { traceId, spanId, parentSpanId, name, start, end, attributes, message } = span;
  const contextOf = (id: string): SpanContext => ({ traceId, spanId: id, traceFlags: TraceFlags.SAMPLED });
  return {
    name,
    kind: SpanKind.INTERNAL,
    spanContext: () => contextOf(spanId),
    ...(parentSpanId !== undefined && { parentSpanContext: contextOf(parentSpanId) }),
    startTime: hrTimeOf(start),
    endTime: hrTimeOf(end),
    duration: hrTimeOf(end - start),
    status: { code: SpanStatusCode.ERROR, message },
    attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: INSTRUMENTATION_NAME, version: INSTRUMENTATION_VERSION },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

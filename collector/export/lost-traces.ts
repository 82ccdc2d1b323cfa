import { context, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { SpanContext } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';
import { hrTimeOf } from '../../src/clock.ts';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION, MESSAGE, NOTIFICATION_EVENT, SERVICE_NAME } from '../../src/conventions.ts';
import type { LostSpan, LostTrace } from '../record/lost-trace.ts';
import { microsOfIso } from '../../src/task-record.ts';
import type { NotificationRecord } from '../../src/task-record.ts';
import { exported, requestsOf } from './export-processor.ts';

/** Options of {@link lostTraceSender}. */
interface LostTraceSenderOptions {
  exporter: Pick<SpanExporter, 'export'>;
}

/** Makes the function that sends the open spans of lost tasks as ended spans; it rejects with the exporter's error. */
export function lostTraceSender({ exporter }: LostTraceSenderOptions): (traces: readonly LostTrace[]) => Promise<void> {
  const send = async (spans: ReadableSpan[]): Promise<void> => {
    // Otherwise the application's instrumentation of HTTP would make a trace of each try.
    const { error } = await context.with(suppressTracing(context.active()), () => exported(exporter, spans));
    if (error !== undefined) throw error;
  };
  return async (traces) => {
    const spans = traces.flatMap((trace) => {
      const resource = resourceFromAttributes({ [SERVICE_NAME]: 'unknown_service', ...trace.resource });
      return trace.spans.map((span) => endedSpan(span, resource));
    });
    for (const request of requestsOf(spans)) await send(request);
  };
}

function notificationEvent({ time, message, attributes }: NotificationRecord): ReadableSpan['events'][number] {
  return { name: NOTIFICATION_EVENT, time: hrTimeOf(microsOfIso(time)), attributes: { [MESSAGE]: message, ...attributes } };
}

/** What an exporter reads of a span that the SDK has ended. */
function endedSpan(span: LostSpan, resource: ReadableSpan['resource']): ReadableSpan {
  const { traceId, spanId, parentSpanId, name, start, end, attributes, notifications, message } = span;
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
    events: notifications.map(notificationEvent),
    ended: true,
    resource,
    instrumentationScope: { name: INSTRUMENTATION_NAME, version: INSTRUMENTATION_VERSION },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

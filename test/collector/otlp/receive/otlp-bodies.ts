import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Attributes, SpanContext } from '@opentelemetry/api';
import { JsonLogsSerializer, JsonTraceSerializer, ProtobufLogsSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { emptyResource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { logRecordOf } from '../../../../collector/facts/log-record.ts';
import type { LogRecord } from '../../../../collector/facts/log-record.ts';
import * as conventions from '../../../../src/conventions.ts';
import type { Fact } from '../../../../src/fact.ts';
import { hrTimeOf } from '../../../../src/clock.ts';

/** Bodies of requests as OpenTelemetry's own encoders write them. */

export const ENCODINGS = ['protobuf', 'json'] as const;
export type Encoding = (typeof ENCODINGS)[number];

export const MEDIA_TYPES: Readonly<Record<Encoding, string>> = { protobuf: 'application/x-protobuf', json: 'application/json' };

export function traceBody(encoding: Encoding, spans: readonly ReadableSpan[]): Uint8Array<ArrayBuffer> {
  const serializer = encoding === 'json' ? JsonTraceSerializer : ProtobufTraceSerializer;
  return new Uint8Array(serializer.serializeRequest([...spans])!);
}

export function logBody(encoding: Encoding, records: readonly LogRecord[], resource: Attributes = {}): Uint8Array<ArrayBuffer> {
  const serializer = encoding === 'json' ? JsonLogsSerializer : ProtobufLogsSerializer;
  return new Uint8Array(serializer.serializeRequest(records.map((record) => readableLogRecord(record, resource)))!);
}

/** The log records of facts as they happen. */
export function factsBody(encoding: Encoding, facts: readonly Fact[]): Uint8Array<ArrayBuffer> {
  return logBody(encoding, facts.map(logRecordOf));
}

function readableLogRecord({ eventName, traceId, spanId, time, attributes, sampled }: LogRecord, resource: Attributes): ReadableLogRecord {
  return {
    eventName,
    hrTime: hrTimeOf(time),
    hrTimeObserved: hrTimeOf(time),
    attributes,
    droppedAttributesCount: 0,
    resource: resourceFromAttributes(resource),
    instrumentationScope: SCOPE,
    ...(traceId !== '' && { spanContext: { traceId, spanId, traceFlags: sampled ? 1 : 0 } }),
  };
}

const SCOPE = { name: conventions.INSTRUMENTATION_NAME, version: conventions.INSTRUMENTATION_VERSION };

/** The ended spans of facts, as our SDK would have them; a span whose end is not among the facts is left out. */
export function spansOf(facts: readonly Fact[]): ReadableSpan[] {
  const spans = Map.groupBy(facts, ({ span }) => `${span.traceId} ${span.spanId}`);
  return [...spans.values()].filter((of) => of.some(isLast)).map(spanOf);
}

/** The facts of all ended spans. */
export function factsOfSpans(facts: readonly Fact[]): Fact[] {
  const ended = new Set(facts.filter(isLast).map(({ span }) => `${span.traceId} ${span.spanId}`));
  return facts.filter(({ span }) => ended.has(`${span.traceId} ${span.spanId}`));
}

function isLast({ kind }: Fact): boolean {
  return kind === 'task-end' || kind === 'scope-end' || kind === 'task-announced' || kind === 'announcement-end';
}

function spanOf(facts: readonly Fact[]): ReadableSpan {
  const records = facts.map(logRecordOf);
  const start = records.find(({ eventName }) => eventName === conventions.START_EVENT)!;
  const end = records.find(({ eventName }) => eventName === conventions.END_EVENT);
  const events = records.filter((record) => record !== start && record !== end);
  const { [conventions.SPAN_NAME]: name, ...attributes } = { ...start.attributes, ...end?.attributes };
  const errorMessage = end?.attributes[conventions.ERROR_MESSAGE];
  const spanContext: SpanContext = { traceId: start.traceId, spanId: start.spanId, traceFlags: 1 };
  const endTime = hrTimeOf(end?.time ?? start.time);
  return {
    name: typeof name === 'string' ? name : 'a task',
    kind: SpanKind.INTERNAL,
    spanContext: () => spanContext,
    startTime: hrTimeOf(start.time),
    endTime,
    duration: [0, 0],
    ended: true,
    status: errorMessage === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: String(errorMessage) },
    attributes: withoutLive(attributes),
    droppedAttributesCount: 0,
    events: events.map(({ eventName, time, attributes: own }) => ({ name: eventName, time: hrTimeOf(time), attributes: withoutRef(own) })),
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    resource: emptyResource(),
    instrumentationScope: SCOPE,
  };
}

/** What stands on log records alone. */
function withoutLive(attributes: Attributes): Attributes {
  const { [conventions.SEQ]: _seq, [conventions.DURATION_US]: _duration, [conventions.ERROR_MESSAGE]: _message, ...own } = attributes;
  return own;
}

function withoutRef(attributes: Attributes): Attributes {
  const { [conventions.TASK_UUID]: _uuid, [conventions.TASK_SPAN]: _span, ...own } = attributes;
  return own;
}

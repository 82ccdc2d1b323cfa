import { readFileSync } from 'node:fs';
import type { OtlpSpan } from '../../../../collector/otlp/receive/otlp-items.ts';

type Value = { stringValue?: string; intValue?: string; boolValue?: boolean };
type Attribute = { key: string; value: Value };
interface SpanJson {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: Attribute[];
  events?: { name: string; timeUnixNano: string; attributes?: Attribute[] }[];
  status?: { code?: number; message?: string };
}

/** The spans of a file beside this one: what a real instrumentation sent, as OTLP in JSON. */
export function recordedSpans(file: string): OtlpSpan[] {
  const { resourceSpans } = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as {
    resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { scope: { name: string }; spans: SpanJson[] }[] }[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        name: span.name,
        kind: span.kind,
        start: micros(span.startTimeUnixNano),
        end: micros(span.endTimeUnixNano),
        attributes: attributesOf(span.attributes),
        events: (span.events ?? []).map(({ name, timeUnixNano, attributes }) => ({
          name,
          time: micros(timeUnixNano),
          attributes: attributesOf(attributes),
        })),
        droppedEvents: 0,
        failed: span.status?.code === 2,
        message: span.status?.message ?? '',
        scopeName: scope.name,
        resource: attributesOf(resource.attributes),
      })),
    ),
  );
}

function micros(nanos: string): number {
  return Number(BigInt(nanos) / 1000n);
}

function attributesOf(attributes: readonly Attribute[] = []): OtlpSpan['attributes'] {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.boolValue ?? Number(value.intValue)]),
  );
}

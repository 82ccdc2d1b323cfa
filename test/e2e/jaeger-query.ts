/** Asks a Jaeger what it holds, and reads its answers into spans that a test can compare. */

/**
 * A span as Jaeger gives it back, with OpenTelemetry's words. Jaeger keeps an attribute that is a list as its JSON text,
 * and of a link only whereto it leads.
 */
export interface JaegerSpan {
  traceId: string;
  spanId: string;
  /** `undefined` at a root. */
  parentSpanId: string | undefined;
  name: string;
  kind: (typeof spanKinds)[number];
  /** Nanoseconds since 1970. */
  startTime: bigint;
  /** Nanoseconds since 1970. */
  endTime: bigint;
  status: { code: (typeof statusCodes)[number]; message: string };
  attributes: Attributes;
  events: { name: string; /** Nanoseconds since 1970. */ time: bigint; attributes: Attributes }[];
  links: { traceId: string; spanId: string }[];
  /** The instrumentation scope. */
  scope: { name: string; version: string };
  resource: Attributes;
}

export type Attributes = Record<string, unknown>;

/** A trace in the form that Jaeger's page reads. It alone carries Jaeger's warnings, such as adjusted timestamps. */
export interface LegacyTrace {
  traceID: string;
  spans: LegacySpan[];
  processes: Record<string, { serviceName: string; tags: LegacyTag[] }>;
  warnings: string[] | null;
}

export interface LegacySpan {
  spanID: string;
  operationName: string;
  references: { refType: 'CHILD_OF' | 'FOLLOWS_FROM'; traceID: string; spanID: string }[];
  /** Microseconds since 1970. */
  startTime: number;
  /** Microseconds. */
  duration: number;
  tags: LegacyTag[];
  logs: { /** Microseconds since 1970. */ timestamp: number; fields: LegacyTag[] }[];
  processID: string;
  warnings: string[] | null;
}

export interface LegacyTag {
  key: string;
  type: string;
  value: unknown;
}

/** The spans of a trace by time of start; none when Jaeger does not know the trace. */
export async function fetchTrace(queryUrl: string, traceId: string): Promise<JaegerSpan[]> {
  const answer = await fetchJson<{ result: { resourceSpans?: OtlpResourceSpans[] } }>(
    `${queryUrl}/api/v3/traces/${traceId}`,
  );
  const spans = (answer?.result.resourceSpans ?? []).flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ scope, spans: found = [] }) =>
      found.map((span): JaegerSpan => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
        name: span.name,
        kind: spanKinds[span.kind ?? 0] ?? 'unspecified',
        startTime: BigInt(span.startTimeUnixNano),
        endTime: BigInt(span.endTimeUnixNano),
        status: { code: statusCodes[span.status?.code ?? 0] ?? 'unset', message: span.status?.message ?? '' },
        attributes: attributesOf(span.attributes),
        events: (span.events ?? []).map((event) => ({
          name: event.name,
          time: BigInt(event.timeUnixNano),
          attributes: attributesOf(event.attributes),
        })),
        links: (span.links ?? []).map(({ traceId: linked, spanId }) => ({ traceId: linked, spanId })),
        scope: { name: scope?.name ?? '', version: scope?.version ?? '' },
        resource: attributesOf(resource?.attributes),
      })),
    ),
  );
  return spans.toSorted((a, b) => (a.startTime < b.startTime ? -1 : a.startTime > b.startTime ? 1 : 0));
}

/** `undefined` when Jaeger does not know the trace. */
export async function fetchLegacyTrace(queryUrl: string, traceId: string): Promise<LegacyTrace | undefined> {
  return (await fetchJson<{ data: LegacyTrace[] }>(`${queryUrl}/api/traces/${traceId}`))?.data[0];
}

async function fetchJson<Answer>(url: string): Promise<Answer | undefined> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`Jaeger answered ${response.status} to ${url}: ${text}`);
  const answer: Answer = JSON.parse(text);
  return answer;
}

// In the order of OTLP's numbers.
const spanKinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const statusCodes = ['unset', 'ok', 'error'] as const;

function attributesOf(attributes: OtlpAttribute[] = []): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value: { intValue, stringValue, boolValue, doubleValue } }) => [
      key,
      intValue === undefined ? (stringValue ?? boolValue ?? doubleValue) : Number(intValue),
    ]),
  );
}

interface OtlpAttribute {
  key: string;
  value: { stringValue?: string; intValue?: string; boolValue?: boolean; doubleValue?: number };
}

interface OtlpResourceSpans {
  resource?: { attributes?: OtlpAttribute[] };
  scopeSpans?: {
    scope?: { name?: string; version?: string };
    spans?: {
      traceId: string;
      spanId: string;
      parentSpanId?: string;
      name: string;
      kind?: number;
      startTimeUnixNano: string;
      endTimeUnixNano: string;
      status?: { code?: number; message?: string };
      attributes?: OtlpAttribute[];
      events?: { name: string; timeUnixNano: string; attributes?: OtlpAttribute[] }[];
      links?: { traceId: string; spanId: string }[];
    }[];
  }[];
}

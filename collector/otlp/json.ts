import { SPAN_KIND } from '../../src/conventions.ts';
import { received } from '../../src/failure.ts';
import { hexId } from './ids.ts';
import { attributesIn, isObject, microsIn, objectIn, objectsIn, stringIn, wholeIn } from './json-values.ts';
import type { JsonObject } from './json-values.ts';
import { isToldByLog, takeLogRecord } from './log-facts.ts';
import { MalformedError } from './malformed-error.ts';
import type { Source } from './protobuf-items.ts';
import type { Received } from './received.ts';
import { isAdapted, takeSpan } from './trace-facts.ts';

/** Reads the JSON body of `/v1/traces`. */
export function readJsonTraces(body: Buffer, into: Received): void {
  for (const resource of objectsIn(parsed(body), 'resourceSpans')) {
    const attributes = resourceOf(resource);
    for (const scope of objectsIn(resource, 'scopeSpans')) {
      const scopeName = stringIn(objectIn(scope, 'scope'), 'name');
      for (const span of objectsIn(scope, 'spans')) readSpan(span, { scopeName, resource: attributes }, into);
    }
  }
}

/** Reads the JSON body of `/v1/logs`. */
export function readJsonLogs(body: Buffer, into: Received): void {
  for (const resource of objectsIn(parsed(body), 'resourceLogs')) {
    const attributes = resourceOf(resource);
    for (const scope of objectsIn(resource, 'scopeLogs')) {
      for (const record of objectsIn(scope, 'logRecords')) readLogRecord(record, attributes, into);
    }
  }
}

function parsed(body: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new MalformedError('no JSON', { cause: error });
  }
  if (!isObject(value)) throw new MalformedError(`expected a JSON object, got ${received(value)}`);
  return value;
}

function resourceOf(parent: JsonObject): Source['resource'] {
  const attributes = attributesIn(objectIn(parent, 'resource'));
  return () => attributes;
}

const ENUM_NUMBERS: Readonly<Record<string, number>> = {
  SPAN_KIND_INTERNAL: 1,
  SPAN_KIND_SERVER: 2,
  SPAN_KIND_CLIENT: 3,
  SPAN_KIND_PRODUCER: 4,
  SPAN_KIND_CONSUMER: 5,
  STATUS_CODE_OK: 1,
  STATUS_CODE_ERROR: 2,
};

/** By number, as OTLP has it, or by name, as Protocol Buffers have it. */
function enumIn(parent: JsonObject, key: string): number {
  const name = stringIn(parent, key);
  return Object.hasOwn(ENUM_NUMBERS, name) ? ENUM_NUMBERS[name]! : wholeIn(parent, key);
}

function readSpan(span: JsonObject, { scopeName, resource }: Source, into: Received): void {
  const isOurs = (): boolean => objectsIn(span, 'attributes').some(({ key }) => key === SPAN_KIND);
  if (!isAdapted(scopeName) && !isOurs()) return;
  const status = objectIn(span, 'status');
  takeSpan(
    {
      traceId: hexId(span['traceId'], 32),
      spanId: hexId(span['spanId'], 16),
      parentSpanId: hexId(span['parentSpanId'], 16),
      name: stringIn(span, 'name'),
      kind: enumIn(span, 'kind'),
      start: microsIn(span, 'startTimeUnixNano'),
      end: microsIn(span, 'endTimeUnixNano'),
      attributes: attributesIn(span),
      events: objectsIn(span, 'events').map((event) => ({
        name: stringIn(event, 'name'),
        time: microsIn(event, 'timeUnixNano'),
        attributes: attributesIn(event),
      })),
      droppedEvents: wholeIn(span, 'droppedEventsCount'),
      failed: enumIn(status, 'code') === 2,
      message: stringIn(status, 'message'),
      scopeName,
      resource: resource(),
    },
    into,
  );
}

function readLogRecord(record: JsonObject, resource: Source['resource'], into: Received): void {
  const eventName = stringIn(record, 'eventName');
  if (!isToldByLog(eventName)) return;
  takeLogRecord(
    {
      eventName,
      traceId: hexId(record['traceId'], 32),
      spanId: hexId(record['spanId'], 16),
      time: microsIn(record, 'timeUnixNano') || microsIn(record, 'observedTimeUnixNano'),
      attributes: attributesIn(record),
      sampled: (wholeIn(record, 'flags') & 1) === 1,
    },
    resource,
    into,
  );
}

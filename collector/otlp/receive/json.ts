import { received } from '../../../src/failure.ts';
import { hexId } from '../../facts/ids.ts';
import { TELLING_ATTRIBUTES } from '../adapters/adapters.ts';
import type { ItemSource } from './item-source.ts';
import { checkDensity } from './json-density.ts';
import { attributesIn, hasAttribute, isObject, listIn, microsOf, objectIn, objectOf, stringOf, wholeOf } from './json-values.ts';
import type { JsonObject } from './json-values.ts';
import { isToldByLog, takeLogRecord } from './log-facts.ts';
import { MalformedError } from './malformed-error.ts';
import type { OtlpEvent } from './otlp-span.ts';
import type { Received } from './received.ts';
import { isAdapted, takeSpan } from './trace-facts.ts';

/** Reads the JSON body of `/v1/traces`. */
export function readJsonTraces(body: Buffer, into: Received): void {
  readItems(body, ['resourceSpans', 'scopeSpans', 'spans'], (span, source) => readSpan(span, source, into));
}

/** Reads the JSON body of `/v1/logs`. */
export function readJsonLogs(body: Buffer, into: Received): void {
  readItems(body, ['resourceLogs', 'scopeLogs', 'logRecords'], (record, { resource }) => readLogRecord(record, resource, into));
}

/** Goes through a request: it has resources, these have scopes, these have items. */
function readItems(body: Buffer, [resources, scopes, items]: [string, string, string], readItem: (item: JsonObject, source: ItemSource) => void): void {
  for (const ofResource of listIn(parsed(body), resources)) {
    const parent = objectOf(ofResource, resources);
    const attributes = attributesIn(objectIn(parent, 'resource'));
    for (const ofScope of listIn(parent, scopes)) {
      const scope = objectOf(ofScope, scopes);
      const source = { scopeName: stringOf(objectIn(scope, 'scope')['name']), resource: () => attributes };
      for (const item of listIn(scope, items)) readItem(objectOf(item, items), source);
    }
  }
}

function parsed(body: Buffer): JsonObject {
  checkDensity(body);
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new MalformedError('no JSON', { cause: error });
  }
  if (!isObject(value)) throw new MalformedError(`expected a JSON object, got ${received(value)}`);
  return value;
}

/** By number, as OTLP has it, or by name, as Protocol Buffers have it. */
function isErrorStatus(code: unknown): boolean {
  return code === 'STATUS_CODE_ERROR' || wholeOf(code) === 2;
}

function readSpan(span: JsonObject, { scopeName }: ItemSource, into: Received): void {
  if (!isAdapted(scopeName) && !TELLING_ATTRIBUTES.some((key) => hasAttribute(span, key))) return;
  const { traceId, spanId, name, startTimeUnixNano, endTimeUnixNano } = span;
  const { code, message } = objectIn(span, 'status');
  takeSpan(
    {
      traceId: hexId(traceId, 32),
      spanId: hexId(spanId, 16),
      name: stringOf(name),
      start: microsOf(startTimeUnixNano),
      end: microsOf(endTimeUnixNano),
      attributes: attributesIn(span),
      events: listIn(span, 'events').map(eventOf),
      failed: isErrorStatus(code),
      message: stringOf(message),
      scopeName,
    },
    into,
  );
}

function eventOf(item: unknown): OtlpEvent {
  const event = objectOf(item, 'events');
  return { name: stringOf(event['name']), time: microsOf(event['timeUnixNano']), attributes: attributesIn(event) };
}

function readLogRecord(record: JsonObject, resource: ItemSource['resource'], into: Received): void {
  const { eventName, traceId, spanId, timeUnixNano, observedTimeUnixNano, flags } = record;
  if (typeof eventName !== 'string' || !isToldByLog(eventName)) return;
  takeLogRecord(
    {
      eventName,
      traceId: hexId(traceId, 32),
      spanId: hexId(spanId, 16),
      time: microsOf(timeUnixNano) || microsOf(observedTimeUnixNano),
      attributes: attributesIn(record),
      sampled: (wholeOf(flags) & 1) === 1,
    },
    resource,
    into,
  );
}

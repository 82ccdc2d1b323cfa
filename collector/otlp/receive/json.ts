import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { MOST_DEPTH, TOO_DEEP } from '../../../src/json-text.ts';
import { received } from '../../../src/failure.ts';
import { numberText } from '../../../src/json-text.ts';
import { hexId, NO_ID } from '../../facts/span-ids.ts';
import { exactInteger, setAnyValue } from './any-value.ts';
import type { AnyValue } from './any-value.ts';
import { isAdaptedScope, MARKER_ATTRIBUTES, isFactEvent, logRecordFacts, spanFacts } from './facts-of-items.ts';
import { MalformedError, NO_FACTS, Received } from './otlp-items.ts';
import type { ItemFacts, ItemSource, OtlpEvent } from './otlp-items.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Reads the body of `/v1/traces` in JSON. Throws {@link MalformedError} for a body that is not such a request. */
export function readJsonTraces(body: Buffer): Received {
  return readItems(body, ['resourceSpans', 'scopeSpans', 'spans'], readSpan);
}

/** Reads the body of `/v1/logs` in JSON. */
export function readJsonLogs(body: Buffer): Received {
  return readItems(body, ['resourceLogs', 'scopeLogs', 'logRecords'], readLogRecord);
}

type ReadItem = (item: JsonObject, source: ItemSource) => ItemFacts;

/** Reads each item of a request: a request has resources, a resource has scopes, a scope has items. */
function readItems(body: Buffer, names: [string, string, string], readItem: ReadItem): Received {
  checkDensity(body);
  const json = body.toString('utf8');
  inexact = 0;
  const items = readEach(parsed(json), names, readItem);
  if (inexact === 0) return items;
  const exact = withExactIntegers(json);
  return exact === json ? items : readEach(parsed(exact), names, readItem);
}

/** How many integers of the body stood as numbers that `JSON.parse` may have rounded. */
let inexact = 0;

function readEach(request: JsonObject, [resources, scopes, items]: [string, string, string], readItem: ReadItem): Received {
  const into = new Received();
  for (const ofResource of listIn(request, resources)) {
    const parent = objectOf(ofResource, resources);
    const attributes = attributesIn(objectIn(parent, 'resource'));
    for (const ofScope of listIn(parent, scopes)) {
      const scope = objectOf(ofScope, scopes);
      const source = { scopeName: stringOf(objectIn(scope, 'scope')['name']), resource: () => attributes };
      for (const item of listIn(scope, items)) into.add(readItem(objectOf(item, items), source));
    }
  }
  return into;
}

/** The code may be a number, as OTLP has it, or a name, as JSON of Protocol Buffers may have it. */
function isErrorStatus(code: unknown): boolean {
  return code === 'STATUS_CODE_ERROR' || wholeOf(code) === 2;
}

function readSpan(span: JsonObject, { scopeName, resource }: ItemSource): ItemFacts {
  if (!isAdaptedScope(scopeName) && !MARKER_ATTRIBUTES.some((key) => hasAttribute(span, key))) return NO_FACTS;
  const { traceId, spanId, parentSpanId, name, startTimeUnixNano, endTimeUnixNano } = span;
  const { code, message } = objectIn(span, 'status');
  const attributes = attributesIn(span);
  return spanFacts(
    {
      traceId: hexId(traceId, 32),
      spanId: hexId(spanId, 16),
      parentSpanId: attributes[conventions.SPAN_KIND] === undefined ? hexId(parentSpanId, 16) : NO_ID,
      name: stringOf(name),
      start: microsOf(startTimeUnixNano),
      end: microsOf(endTimeUnixNano),
      attributes,
      events: listIn(span, 'events').map(eventOf),
      failed: isErrorStatus(code),
      message: stringOf(message),
      scopeName,
    },
    resource,
  );
}

function eventOf(item: unknown): OtlpEvent {
  const event = objectOf(item, 'events');
  return { name: stringOf(event['name']), time: microsOf(event['timeUnixNano']), attributes: attributesIn(event) };
}

function readLogRecord(record: JsonObject, { resource }: ItemSource): ItemFacts {
  const { eventName, traceId, spanId, timeUnixNano, observedTimeUnixNano, flags } = record;
  if (typeof eventName !== 'string' || !isFactEvent(eventName)) return NO_FACTS;
  const time = microsOf(timeUnixNano);
  return logRecordFacts(
    {
      eventName,
      traceId: hexId(traceId, 32),
      spanId: hexId(spanId, 16),
      time: time === 0 ? microsOf(observedTimeUnixNano) : time,
      attributes: attributesIn(record),
      sampled: (wholeOf(flags) & 1) === 1,
    },
    resource,
    valueOf(record['body'], 0),
  );
}

function parsed(json: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new MalformedError('no JSON', { cause: error });
  }
  if (!isObject(value)) throw new MalformedError(`expected a JSON object, got ${received(value)}`);
  return value;
}

/**
 * Integers of 64 bits that stand as numbers, and of which `JSON.parse` makes others. In a string no such piece of text
 * can be: its quotes would be escaped. Looking for them takes as long as parsing, so it is done only where there are some.
 */
const LONG_INTEGERS = /"(intValue|startTimeUnixNano|endTimeUnixNano|timeUnixNano|observedTimeUnixNano)"\s*:\s*(-?\d{16,20})(?=[\s,}])/g;

function withExactIntegers(json: string): string {
  return json.replaceAll(LONG_INTEGERS, '"$1":"$2"');
}

/** Shorter bodies are not checked: they can't take much memory. */
const LONG_BYTES = 1024 * 1024;
/** The shortest object of OTLP is `{"intValue":1},`. */
const BYTES_AN_OBJECT = 8;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/**
 * Throws {@link MalformedError} for a long body that consists mostly of brackets: parsed, it would take a hundred times
 * its bytes.
 */
function checkDensity(body: Buffer): void {
  if (body.length < LONG_BYTES) return;
  const most = body.length / BYTES_AN_OBJECT;
  let opened = 0;
  let isText = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) opened++;
  }
  if (opened > most) throw new MalformedError(`expected ${BYTES_AN_OBJECT} bytes or more for each object and list, got ${opened} in ${body.length} bytes`);
}

const MOST_DIGITS = 20;
const WHOLE = /^-?\d{1,20}$/;

/**
 * The items of a list; none for a list that is absent. No name that is read here is one of `Object.prototype`, so that
 * each property found is the sender's.
 */
function listIn(parent: JsonObject, key: string): readonly unknown[] {
  const list = parent[key];
  if (Array.isArray(list)) return list;
  if (list === undefined || list === null) return NOTHING;
  throw new MalformedError(`${key}: expected a list, got ${received(list)}`);
}

const NOTHING: readonly unknown[] = [];

/** An item of a list, which has to be an object. `key` is the name of the list. */
function objectOf(item: unknown, key: string): JsonObject {
  if (isObject(item)) return item;
  throw new MalformedError(`${key}: expected objects, got ${received(item)}`);
}

/** An object; an empty one where it is absent. */
function objectIn(parent: JsonObject, key: string): JsonObject {
  const value = parent[key] ?? EMPTY;
  if (!isObject(value)) throw new MalformedError(`${key}: expected an object, got ${received(value)}`);
  return value;
}

const EMPTY: JsonObject = {};

/** A string; `""` for anything else. */
function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A whole number that came as one or as a string; 0 for anything else. */
function wholeOf(value: unknown): number {
  return wholeNumber(value) ?? 0;
}

/** Nanoseconds as whole microseconds, rounded down; 0 where they are absent, NaN where they are invalid. */
function microsOf(value: unknown): number {
  if (typeof value === 'string') return microsOfText(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) inexact++;
    return Math.floor(value / 1000);
  }
  return value === undefined || value === null ? 0 : NaN;
}

/** Reads digit by digit: a regular expression takes longer, and a span has many times. */
function microsOfText(nanos: string): number {
  if (nanos.startsWith('-')) return WHOLE.test(nanos) ? 0 : NaN;
  if (nanos.length === 0 || nanos.length > MOST_DIGITS) return NaN;
  let micros = 0;
  for (let at = 0; at < nanos.length; at++) {
    const digit = nanos.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    // Without the nanoseconds it is exact as a number.
    if (at < nanos.length - 3) micros = micros * 10 + digit;
  }
  return Number.isSafeInteger(micros) ? micros : NaN;
}

/** The attributes in a list of `KeyValue`s. One without a key is ignored, one without a value is empty. */
function attributesIn(parent: JsonObject): Attributes {
  const attributes: Attributes = {};
  for (const item of listIn(parent, 'attributes')) {
    const { key, value } = objectOf(item, 'attributes');
    if (typeof key === 'string') setAnyValue(attributes, key, valueOf(value, 0));
  }
  return attributes;
}

/** Whether an attribute is among them. */
function hasAttribute(parent: JsonObject, name: string): boolean {
  return listIn(parent, 'attributes').some((item) => objectOf(item, 'attributes')['key'] === name);
}

/** An `AnyValue` that stands inside so many lists and maps. A field that is `null` counts as absent. */
function valueOf(value: unknown, level: number): AnyValue {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) throw new MalformedError(`value: expected an object, got ${received(value)}`);
  const { stringValue, intValue } = value;
  // Most are texts and small numbers.
  if (typeof stringValue === 'string') return stringValue;
  if (Number.isSafeInteger(intValue) && stringValue === undefined) return intValue as number;
  for (const [field, read] of VALUE_FIELDS) {
    const given = value[field];
    if (given === undefined || given === null) continue;
    const known = read(given, level);
    if (known === undefined) throw new MalformedError(`${field}: got ${received(given)}`);
    return known;
  }
  return null;
}

/** The fields of an `AnyValue`, of which one is set. Each gives `undefined` for what it can't have. */
const VALUE_FIELDS: readonly [field: string, read: (given: unknown, level: number) => AnyValue | undefined][] = [
  ['stringValue', () => undefined],
  ['intValue', integerOf],
  ['boolValue', (given) => (typeof given === 'boolean' ? given : undefined)],
  ['doubleValue', doubleOf],
  ['arrayValue', (given, level) => (level < MOST_DEPTH ? listItems(given, 'arrayValue').map((item) => valueOf(item, level + 1)) : TOO_DEEP)],
  ['kvlistValue', (given, level) => (level < MOST_DEPTH ? mapOf(given, level + 1) : TOO_DEEP)],
  ['bytesValue', (given) => (typeof given === 'string' ? Buffer.from(given, 'base64').toString('base64') : undefined)],
];

function mapOf(given: unknown, level: number): AnyValue {
  const map = new Map<string, AnyValue>();
  for (const item of listItems(given, 'kvlistValue')) {
    const { key, value } = objectOf(item, 'values');
    if (typeof key === 'string') map.set(key, valueOf(value, level));
  }
  return map;
}

/** The `values` of a list or a map. */
function listItems(given: unknown, field: string): readonly unknown[] {
  return listIn(objectOf(given, field), 'values');
}

/** A whole number that came as one or as a string, exactly. */
function integerOf(value: unknown): number | string | undefined {
  if (typeof value === 'string') return WHOLE.test(value) ? exactInteger(value) : undefined;
  if (Number.isSafeInteger(value)) return value as number;
  inexact++;
  return typeof value === 'number' && Number.isInteger(value) ? numberText(value) : undefined;
}

function wholeNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  return typeof value === 'string' && WHOLE.test(value) ? Number(value) : undefined;
}

/** JSON of Protocol Buffers may have any number as a string, and has infinite numbers and NaN only as strings. */
function doubleOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isNaN(number) && value !== 'NaN' ? undefined : number;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

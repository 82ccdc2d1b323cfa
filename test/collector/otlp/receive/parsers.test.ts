import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MalformedError } from '../../../../collector/otlp/receive/otlp-items.ts';
import type { Received } from '../../../../collector/otlp/receive/otlp-items.ts';
import { readItems } from '../../../../collector/otlp/receive/readers.ts';
import { cases } from '../../record/arbitrary-task.ts';
import { protobufOf } from './otlp-protobuf.ts';
import type { Json } from './otlp-protobuf.ts';

const SIGNALS = ['traces', 'logs'] as const;

const text = fc.oneof(fc.string({ maxLength: 20, unit: 'grapheme' }), fc.constantFrom('', 'é'.repeat(100), '__proto__', 'taskspan.', '\u0000'));
const whole = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -100n, max: 100n }), fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n)).map(String);

/** Values of all kinds, one in the other. */
const { value: anyValue } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.record({ stringValue: text }),
    fc.record({ intValue: whole }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ doubleValue: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom('NaN', 'Infinity', '-Infinity')) }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('base64')) }),
    fc.constant({}),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('value'), { maxLength: 4 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: fc.array(fc.record({ key: text, value: tie('value') }), { maxLength: 4 }) }) }),
  ),
}));
const attributes = fc.array(fc.record({ key: text, value: anyValue }), { maxLength: 5 });
const id = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((given) => Buffer.from(given).toString('hex'));
const nanos = fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String);

const named = (values: Record<string, Json>): unknown[] => Object.entries(values).map(([key, value]) => ({ key, value }));
/** Attributes of a task's span; mostly they are valid. */
const taskAttributes = fc.tuple(
  fc.constantFrom('task', 'scope', 'announcement', 'other'),
  fc.oneof(fc.uuid(), text),
  attributes,
  fc.oneof({ weight: 3, arbitrary: fc.constant({ intValue: '1' }) }, { weight: 1, arbitrary: anyValue }),
).map(([kind, uuid, others, attempt]) => [
  ...named({ 'taskspan.span': { stringValue: kind }, 'taskspan.task.uuid': { stringValue: uuid }, 'taskspan.task.attempt': attempt, 'taskspan.task.span': { stringValue: '00f067aa0ba902b7' } }),
  ...others,
]);
const event = fc.record({ timeUnixNano: nanos, name: fc.constantFrom('taskspan.notification', 'taskspan.progress', 'taskspan.result', 'exception', 'x'), attributes: fc.tuple(anyValue, anyValue, attributes).map(([seq, message, others]) => [...named({ 'taskspan.seq': seq, 'taskspan.message': message }), ...others]) });
const anySpan = fc.record({
  traceId: id(16), spanId: id(8), name: text, startTimeUnixNano: nanos, endTimeUnixNano: nanos, attributes: taskAttributes,
  events: fc.array(event, { maxLength: 3 }), status: fc.record({ message: text, code: fc.constantFrom(0, 1, 2) }),
});
const anyRecord = fc.record({
  timeUnixNano: nanos, observedTimeUnixNano: nanos, traceId: id(16), spanId: id(8), flags: fc.nat(3), body: anyValue,
  eventName: fc.constantFrom('taskspan.start', 'taskspan.end', 'taskspan.notification', 'taskspan.beat', 'taskspan.later', 'exception', 'x'),
  attributes: fc.tuple(taskAttributes, fc.nat(3)).map(([own, seq]) => [...own, ...named({ 'taskspan.seq': { intValue: String(seq) }, 'taskspan.facts': { intValue: '3' } })]),
});
const resource = fc.record({ attributes });

const anyRequest = {
  traces: fc.tuple(resource, fc.array(anySpan, { maxLength: 3 })).map(([given, spans]) => ({ resourceSpans: [{ resource: given, scopeSpans: [{ scope: { name: 'mine' }, spans }] }] })),
  logs: fc.tuple(resource, fc.array(anyRecord, { maxLength: 3 })).map(([given, logRecords]) => ({ resourceLogs: [{ resource: given, scopeLogs: [{ scope: { name: 'mine' }, logRecords }] }] })),
};

it.each(SIGNALS)('%s of the same content give the same facts, whichever encoding they come in', (signal) => {
  fc.assert(
    fc.property(anyRequest[signal], (request) => {
      const inJson = readItems(signal, 'json', Buffer.from(JSON.stringify(request)));
      const inProtobuf = readItems(signal, 'protobuf', protobufOf(signal, request));
      expect(inProtobuf).toEqual(inJson);
    }),
    cases(300),
  );
});

/** What is read, or nothing for a body that is refused as malformed. All else fails. */
function readOrRefused(signal: (typeof SIGNALS)[number], encoding: 'protobuf' | 'json', body: Buffer): Received | undefined {
  try {
    return readItems(signal, encoding, body);
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedError);
    expect((error as Error).cause instanceof TypeError).toBe(false);
    return undefined;
  }
}

it.each(SIGNALS)('any bytes are read as %s or refused as malformed, in both encodings', (signal) => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((given) => Buffer.from(given));
  const changed = fc.tuple(anyRequest[signal], fc.nat(), fc.nat(255)).map(([request, at, byte]) => {
    const body = protobufOf(signal, request);
    if (body.length > 0) body[at % body.length] = byte;
    return body;
  });
  fc.assert(
    fc.property(fc.oneof(bytes, changed), (body) => {
      readOrRefused(signal, 'protobuf', body);
      readOrRefused(signal, 'json', body);
    }),
    cases(300),
  );
});

it.each(SIGNALS)('any JSON is read as %s or refused as malformed', (signal) => {
  const [resources, scopes, items] = signal === 'traces' ? ['resourceSpans', 'scopeSpans', 'spans'] : ['resourceLogs', 'scopeLogs', 'logRecords'];
  const keys = fc.constantFrom(resources, scopes, items, 'resource', 'scope', 'attributes', 'key', 'value', 'values', 'events', 'status', 'stringValue', 'intValue', 'arrayValue', 'kvlistValue', 'bytesValue', 'name', '__proto__');
  const anyJson = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof({ maxDepth: 6 }, fc.jsonValue({ maxDepth: 0 }), fc.array(tie('json'), { maxLength: 3 }), fc.dictionary(keys, tie('json'), { maxKeys: 4 })),
  })).json;
  const item = anyJson.map((json) => ({ [resources]: [{ [scopes]: [{ [items]: [{ attributes: [{ key: 'taskspan.span', value: { stringValue: 'task' } }, json], eventName: 'taskspan.start', events: json, status: json, body: json }] }] }] }));
  fc.assert(
    fc.property(fc.oneof(anyJson, item), (json) => void readOrRefused(signal, 'json', Buffer.from(JSON.stringify(json)))),
    cases(300),
  );
});

import { gzipSync } from 'node:zlib';
import { PbfReader } from 'pbf';
import { describe, expect, it } from 'vitest';
import { createReceiver, memoryStore } from '../../../../collector/index.ts';
import type { ReceiverOptions, TaskStore } from '../../../../collector/index.ts';
import { ENCODINGS, MEDIA_TYPES } from './otlp-bodies.ts';
import type { Encoding } from './otlp-bodies.ts';
import { bytesField, protobufOf, varint } from './otlp-protobuf.ts';
import type { Json } from './otlp-protobuf.ts';

/*
 * The rules of OTLP/HTTP for a server, each test named after the sentence of the specification:
 * https://opentelemetry.io/docs/specs/otlp/
 */

const SIGNALS = ['traces', 'logs', 'metrics'] as const;
type Signal = (typeof SIGNALS)[number];
const EVERY = SIGNALS.flatMap((signal) => ENCODINGS.map((encoding) => ({ signal, encoding })));
const WITH_TASKS = EVERY.filter(({ signal }) => signal !== 'metrics');
const REJECTED = { traces: 'rejectedSpans', logs: 'rejectedLogRecords', metrics: 'rejectedDataPoints' } as const;

const UUID = '0190b1c4-7e5f-7000-8000-0000000000aa';
const attribute = (key: string, value: Json): Json => ({ key, value });
const TASK: readonly Json[] = [
  attribute('taskspan.span', { stringValue: 'task' }),
  attribute('taskspan.task.uuid', { stringValue: UUID }),
  attribute('taskspan.task.name', { stringValue: 'Import' }),
];
const IDS = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' };

function span(changes: Json = {}): Json {
  return {
    ...IDS, name: 'Import', kind: 1, startTimeUnixNano: '1544712660000000000', endTimeUnixNano: '1544712661000000000',
    attributes: [...TASK, attribute('mine', { stringValue: 'a' })],
    events: [{ name: 'taskspan.notification', timeUnixNano: '1544712660500000000', attributes: [attribute('taskspan.seq', { intValue: '1' }), attribute('taskspan.message', { stringValue: 'line' })] }],
    status: { code: 0 },
    ...changes,
  };
}

function logRecord(changes: Json = {}): Json {
  const own = [attribute('taskspan.task.span', { stringValue: IDS.spanId }), attribute('taskspan.seq', { intValue: '0' })];
  return { ...IDS, timeUnixNano: '1544712660000000000', eventName: 'taskspan.start', attributes: [...TASK, ...own], flags: 1, ...changes };
}

const requestOf = {
  traces: (...spans: Json[]): Json => ({ resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ scope: { name: 'mine' }, spans }] }] }),
  logs: (...logRecords: Json[]): Json => ({ resourceLogs: [{ resource: { attributes: [] }, scopeLogs: [{ scope: { name: 'mine' }, logRecords }] }] }),
  metrics: (): Json => ({ resourceMetrics: [] }),
};
const valid = { traces: requestOf.traces(span()), logs: requestOf.logs(logRecord()), metrics: requestOf.metrics() };
const invalid = { traces: requestOf.traces(span(), span({ traceId: '' })), logs: requestOf.logs(logRecord(), logRecord({ traceId: '' })) };

function encoded(encoding: Encoding, signal: Signal, request: Json): Uint8Array<ArrayBuffer> {
  if (encoding === 'json') return new TextEncoder().encode(JSON.stringify(request));
  return new Uint8Array(signal === 'metrics' ? [] : protobufOf(signal, request));
}

interface Sent {
  readonly signal?: Signal;
  readonly encoding?: Encoding;
  readonly request?: Json;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly options?: Partial<ReceiverOptions>;
}

interface Answer {
  readonly store: TaskStore;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function send({ signal = 'traces', encoding = 'json', request = valid[signal], body, headers, method = 'POST', options }: Sent): Promise<Answer> {
  const store = options?.store ?? memoryStore();
  const response = await createReceiver({ ...options, store }).request(`/v1/${signal}`, {
    method,
    headers: { 'Content-Type': MEDIA_TYPES[encoding], ...headers },
    ...(method !== 'GET' && method !== 'HEAD' && { body: body ?? encoded(encoding, signal, request) }),
  });
  return { store, status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** The fields of a flat message of Protocol Buffers: numbers and texts. */
function fieldsOf(bytes: Uint8Array): Record<number, unknown> {
  const fields: Record<number, unknown> = {};
  new PbfReader(bytes).readFields((tag, into, pbf) => {
    into[tag] = pbf.type === 0 ? pbf.readVarint() : Buffer.from(pbf.readBytes());
  }, fields);
  return fields;
}

function partialSuccess(encoding: Encoding, signal: Signal, { body }: Answer): { rejected: number; message: string } | undefined {
  if (encoding === 'json') {
    const { partialSuccess: partial } = JSON.parse(body.toString()) as { partialSuccess?: Record<string, string> };
    return partial && { rejected: Number(partial[REJECTED[signal]]), message: partial['errorMessage']! };
  }
  const partial = fieldsOf(body)[1];
  if (partial === undefined) return undefined;
  const { 1: rejected = 0, 2: message = '' } = fieldsOf(partial as Uint8Array);
  return { rejected: rejected as number, message: String(message) };
}

/** The message of a `google.rpc.Status`. */
function statusMessage({ headers, body }: Answer): string {
  return headers.get('Content-Type') === MEDIA_TYPES.json ? (JSON.parse(body.toString()) as { message: string }).message : String(fieldsOf(body)[2]);
}

/** What the store has of the task, for a body that is taken whole. */
async function taken(sent: Sent): Promise<unknown> {
  const answer = await send(sent);
  const { signal = 'traces', encoding = 'json' } = sent;
  expect([answer.status, partialSuccess(encoding, signal, answer)]).toEqual([200, undefined]);
  return answer.store.task(UUID);
}

const failing = (error: Error): TaskStore => Object.assign(memoryStore(), { append: () => Promise.reject(error) });

describe.each(EVERY)('$signal in $encoding', ({ signal, encoding }) => {
  it('Telemetry data is sent via HTTP POST request to /v1/SIGNAL. On success, the server MUST respond with HTTP 200 OK', async () => {
    expect((await send({ signal, encoding })).status).toBe(200);
  });

  it('The server MUST use the same "Content-Type" in the response as it received in the request', async () => {
    expect((await send({ signal, encoding })).headers.get('Content-Type')).toBe(MEDIA_TYPES[encoding]);
  });

  it('The response body MUST be an Export<signal>ServiceResponse. The server MUST leave partial_success unset in case of a successful response', async () => {
    expect((await send({ signal, encoding })).body.toString()).toBe(encoding === 'json' ? '{}' : '');
  });

  it('If the server receives an empty request the server SHOULD respond with success', async () => {
    expect((await send({ signal, encoding, body: encoding === 'json' ? '{}' : '' })).status).toBe(200);
  });

  it('All server components MUST support no compression and gzip', async () => {
    const body = new Uint8Array(gzipSync(encoded(encoding, signal, valid[signal])));
    expect((await send({ signal, encoding, body, headers: { 'Content-Encoding': 'gzip' } })).status).toBe(200);
    expect((await send({ signal, encoding, headers: { 'Content-Encoding': 'identity' } })).status).toBe(200);
  });

  it('Content-Type and Content-Encoding are case-insensitive and may have parameters', async () => {
    const headers = { 'Content-Type': `${MEDIA_TYPES[encoding].toUpperCase()}; charset=utf-8`, 'Content-Encoding': 'Identity' };
    expect((await send({ signal, encoding, headers })).status).toBe(200);
  });

  it('If the processing fails, the server MUST respond with HTTP 4xx or 5xx; its body MUST be a Status message (405, 403, 415)', async () => {
    for (const [sent, status, message] of [
      [{ method: 'PUT' }, 405, /^PUT is not possible here$/],
      [{ headers: { Origin: 'http://localhost' } }, 403, /^web pages may not send/],
      [{ headers: { 'Content-Encoding': 'br' } }, 415, /^expected Content-Encoding gzip or identity, got "br"$/],
    ] as const) {
      const answer = await send({ signal, encoding, ...sent });
      expect([answer.status, answer.headers.get('Content-Type')]).toEqual([status, MEDIA_TYPES[encoding]]);
      expect(statusMessage(answer)).toMatch(message);
    }
  });

  it('A request that is too long is not retried: 413 with a Status', async () => {
    const answer = await send({ signal, encoding, body: new Uint8Array(2000), options: { maxBodyBytes: 1024 } });
    expect([answer.status, statusMessage(answer)]).toEqual([413, 'expected a body of at most 1024 bytes after decompression']);
  });

  it('A body that is not in gzip as its header says is bad data: 400 with a Status', async () => {
    const answer = await send({ signal, encoding, headers: { 'Content-Encoding': 'gzip' } });
    // Metrics are left as they are.
    expect([answer.status, statusMessage(answer)]).toEqual([400, 'expected a body in gzip, as Content-Encoding says']);
  });
});

describe.each(WITH_TASKS)('$signal of tasks in $encoding', ({ signal, encoding }) => {
  it('If the request is only partially accepted, the server MUST respond with 200 and MUST set the number of rejected items', async () => {
    const answer = await send({ signal, encoding, request: invalid[signal as 'traces' | 'logs'] });
    expect([answer.status, partialSuccess(encoding, signal, answer)?.rejected]).toEqual([200, 1]);
    expect(await answer.store.task(UUID)).toBeDefined();
  });

  it('The server SHOULD populate the error_message field with a human-readable error message in English', async () => {
    const answer = await send({ signal, encoding, request: invalid[signal as 'traces' | 'logs'] });
    expect(partialSuccess(encoding, signal, answer)?.message).toMatch(/expected a trace id of 16 bytes and a span id of 8, not all zeros$/);
  });

  it('Servers MAY also use partial_success to convey warnings: then rejected MUST be 0 and error_message MUST be non-empty', async () => {
    const early = { startTimeUnixNano: '1000', timeUnixNano: '1000' };
    const answer = await send({ signal, encoding, request: signal === 'traces' ? requestOf.traces(span(early)) : requestOf.logs(logRecord(early)) });
    expect(partialSuccess(encoding, signal, answer)).toEqual({ rejected: 0, message: expect.stringMatching(/1970-01-01/) });
  });

  it('If the request contains data that cannot be decoded the server MUST respond with HTTP 400 Bad Request', async () => {
    const body = encoded(encoding, signal, valid[signal]);
    for (const bad of [body.slice(0, -1), new TextEncoder().encode('hello'), body.map((byte) => byte ^ 0x55)]) {
      const answer = await send({ signal, encoding, body: bad });
      expect([answer.status, answer.headers.get('Content-Type')]).toEqual([400, MEDIA_TYPES[encoding]]);
      expect(statusMessage(answer)).toMatch(/^the body can not be read: ./);
    }
  });

  it('If the server is overloaded, it SHOULD respond with 429 or 503 and MAY include "Retry-After" (the store fails)', async () => {
    const answer = await send({ signal, encoding, options: { store: failing(new Error('disk full')) } });
    expect([answer.status, answer.headers.get('Retry-After'), statusMessage(answer)]).toEqual([503, '1', 'the store can not take it just now']);
  });

  it('In edge cases the client will re-send: duplicate data counts once', async () => {
    const store = memoryStore();
    const first = (await send({ signal, encoding, options: { store } })) && (await store.stored(UUID));
    await send({ signal, encoding, options: { store } });
    expect(await store.stored(UUID)).toEqual(first);
  });

  it('A success response indicates telemetry data is successfully accepted: it is stored by then', async () => {
    expect(await taken({ signal, encoding })).toMatchObject({ task_uuid: UUID, task_name: 'Import' });
  });

  it('Telemetry of anything else is accepted', async () => {
    const other = { attributes: [attribute('a', { stringValue: 'b' })], eventName: 'other' };
    expect(await taken({ signal, encoding, request: signal === 'traces' ? requestOf.traces(span(other)) : requestOf.logs(logRecord(other)) })).toBeUndefined();
  });

  it('A field that is absent has its default value: ids of zeros are invalid', async () => {
    for (const ids of [{ traceId: '' }, { spanId: '' }, { traceId: '0'.repeat(32) }, { spanId: '0'.repeat(16) }, { traceId: '5b8efff798038103' }, { spanId: IDS.traceId }]) {
      const answer = await send({ signal, encoding, request: signal === 'traces' ? requestOf.traces(span(ids)) : requestOf.logs(logRecord(ids)) });
      expect(partialSuccess(encoding, signal, answer)?.rejected).toBe(1);
    }
  });
});

/** One attribute as the task's record has it. */
async function attributeFrom(encoding: Encoding, value: Json): Promise<unknown> {
  const task = await taken({ encoding, request: requestOf.traces(span({ attributes: [...TASK, attribute('mine', value)] })) });
  return (task as { attributes: Record<string, unknown> }).attributes['mine'];
}

describe.each(ENCODINGS)('values in %s: empty values, zero, empty strings and empty arrays are meaningful and MUST be stored', (encoding) => {
  it.each<[string, Json, unknown]>([
    ['a string', { stringValue: 'é✓' }, 'é✓'],
    ['an empty string', { stringValue: '' }, ''],
    ['a boolean', { boolValue: true }, true],
    ['false', { boolValue: false }, false],
    ['an integer', { intValue: '42' }, 42],
    ['zero', { intValue: '0' }, 0],
    ['a negative integer', { intValue: '-7' }, -7],
    ['a 64-bit integer', { intValue: '1234567890123456789' }, '1234567890123456789'],
    ['the least integer', { intValue: '-9223372036854775808' }, '-9223372036854775808'],
    ['a double', { doubleValue: 637.704 }, 637.704],
    ['NaN', { doubleValue: 'NaN' }, 'NaN'],
    ['infinity', { doubleValue: '-Infinity' }, '-Infinity'],
    ['bytes', { bytesValue: 'aGVsbG8=' }, 'aGVsbG8='],
    ['no bytes', { bytesValue: '' }, ''],
    ['an empty value', {}, null],
    ['a list', { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } }, ['a', 'b']],
    ['an empty list', { arrayValue: {} }, []],
    ['a list of several kinds', { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }, {}] } }, '["a",1,null]'],
    ['a map', { kvlistValue: { values: [attribute('k', { boolValue: true })] } }, '{"k":true}'],
    ['an empty map', { kvlistValue: {} }, '{}'],
    ['a list of maps', { arrayValue: { values: [{ kvlistValue: { values: [attribute('k', { arrayValue: { values: [{ intValue: '9007199254740993' }] } })] } }] } }, '[{"k":["9007199254740993"]}]'],
  ])('%s', async (_, value, kept) => {
    expect(await attributeFrom(encoding, value)).toEqual(kept);
  });
});

describe('the JSON encoding', () => {
  const inJson = (changes: Json): Sent => ({ request: requestOf.traces(span(changes)) });

  it.each(['5B8EFFF798038103D269B633813FC60C', '5b8efff798038103d269b633813fc60c'])('traceId and spanId are case-insensitive hex-encoded strings: %s', async (traceId) => {
    expect(await taken(inJson({ traceId, spanId: 'EEE19B7EC3C1B174' }))).toMatchObject({ trace_id: IDS.traceId });
  });

  it.each([Buffer.from(IDS.traceId, 'hex').toString('base64'), '5b8efff7-9803-8103-d269-b633813fc60c', 'zz8efff798038103d269b633813fc60c'])('they are not base64-encoded: %s is invalid', async (traceId) => {
    expect(partialSuccess('json', 'traces', await send(inJson({ traceId })))?.rejected).toBe(1);
  });

  it('Values of enum fields MUST be encoded as integer values', async () => {
    expect(await taken(inJson({ kind: 5, status: { code: 2, message: 'no rows' } }))).toMatchObject({ state: 'failed' });
    expect(await taken(inJson({ kind: 0, status: { code: 1 } }))).toMatchObject({ state: 'completed' });
  });

  it.each<[string, Json]>([
    ['the request', { ...valid.traces, later: 1, partial: { a: [] } }],
    ['resourceSpans', { resourceSpans: [{ later: [1], schemaUrl: 'x', scopeSpans: [{ spans: [span()] }] }] }],
    ['a resource', { resourceSpans: [{ resource: { later: {}, entityRefs: [] }, scopeSpans: [{ spans: [span()] }] }] }],
    ['scopeSpans', { resourceSpans: [{ scopeSpans: [{ later: null, spans: [span()] }] }] }],
    ['a scope', { resourceSpans: [{ scopeSpans: [{ scope: { name: 'mine', later: true }, spans: [span()] }] }] }],
    ['a span', requestOf.traces(span({ later: { deep: [{}] }, traceState: '', parentSpanId: '', flags: 257, links: [], droppedEventsCount: 0 }))],
    ['an event', requestOf.traces(span({ events: [{ name: 'x', later: 1, droppedAttributesCount: 3 }] }))],
    ['a status', requestOf.traces(span({ status: { code: 0, later: 'x' } }))],
    ['an attribute', requestOf.traces(span({ attributes: [...TASK, { key: 'mine', value: { stringValue: 'a' }, keyRef: 7 }] }))],
    ['a value', requestOf.traces(span({ attributes: [...TASK, attribute('mine', { stringValue: 'a', later: 1 })] }))],
  ])('OTLP/JSON receivers MUST ignore message fields with unknown names: of %s', async (_, request) => {
    expect(await taken({ request })).toMatchObject({ task_name: 'Import' });
  });

  it.each<[string, Json]>([
    ['resource_spans', { resource_spans: (valid.traces as { resourceSpans: unknown })['resourceSpans'] }],
    ['scope_spans', { resourceSpans: [{ scope_spans: [{ spans: [span()] }] }] }],
  ])('The keys of JSON objects are field names converted to lowerCamelCase. Original field names are not valid: %s is unknown', async (_, request) => {
    expect(await taken({ request })).toBeUndefined();
  });

  it.each(['trace_id', 'span_id', 'start_time_unix_nano', 'end_time_unix_nano'])('%s is unknown, so that its field is absent', async (name) => {
    const camel = name.replaceAll(/_(.)/g, (__, letter: string) => letter.toUpperCase());
    const { [camel]: value, ...rest } = span() as Record<string, unknown>;
    expect(partialSuccess('json', 'traces', await send({ request: requestOf.traces({ ...rest, [name]: value }) }))?.rejected).toBe(1);
  });

  it.each(['string_value', 'int_value', 'array_value'])('a value of %s is an empty one', async (name) => {
    expect(await attributeFrom('json', { [name]: 'x' })).toBeNull();
  });

  it.each<[string, Json, Json]>([
    ['times', { startTimeUnixNano: '1544712660000000000', endTimeUnixNano: '1544712661000000000' }, { start: '2018-12-13T14:51:00.000000Z', end: '2018-12-13T14:51:01.000000Z' }],
    ['an attempt', { attributes: [...TASK, attribute('taskspan.task.attempt', { intValue: '3' })] }, { attempt: 3 }],
  ])('64-bit integer numbers are encoded as decimal strings, and either numbers or strings are accepted: %s', async (_, changes, kept) => {
    expect(await taken(inJson(changes))).toMatchObject(kept);
    const asNumbers = JSON.stringify(requestOf.traces(span(changes))).replaceAll(/"(\d+)"/g, '$1');
    expect(await taken({ body: asNumbers })).toMatchObject(kept);
  });

  it.each<[string, Json]>([
    ['a name', { name: null }], ['a status', { status: null }], ['events', { events: null }], ['a kind', { kind: null }],
    ['a value', { attributes: [...TASK, attribute('mine', { stringValue: null, intValue: '1' })] }], ['links', { links: null }],
  ])('null is an accepted value for all field types and treated as the default value: %s', async (_, changes) => {
    expect(await taken(inJson(changes))).toMatchObject({ task_name: 'Import' });
  });

  it.each([' \n\t{"resourceSpans" : [ ] }\r\n', '{"resourceSpans":[{}]}', '{"resourceSpans":[{"scopeSpans":[{}]}]}', '{"resourceSpans":null}'])('a request without telemetry data is an empty one: %j', async (body) => {
    expect(await taken({ body })).toBeUndefined();
  });

  it.each([
    '', 'null', '[]', '"text"', '{', '{"resourceSpans":{}}', '{"resourceSpans":[1]}', '{"resourceSpans":[{"scopeSpans":"x"}]}', '{"resourceSpans":[{"scopeSpans":[{"spans":[null]}]}]}',
    JSON.stringify(requestOf.traces(span({ attributes: [...TASK, attribute('mine', { intValue: 'many' })] }))),
    JSON.stringify(requestOf.traces(span({ attributes: [...TASK, attribute('mine', { boolValue: 'yes' })] }))),
    JSON.stringify(requestOf.traces(span({ attributes: [...TASK, attribute('mine', { kvlistValue: [] })] }))),
    JSON.stringify(requestOf.traces(span({ attributes: 'none' }))),
  ])('what is no such message is bad data: %s', async (body) => {
    expect((await send({ body })).status).toBe(400);
  });

  it('nesting of any depth is answered, and what is deeper than 64 levels is cut', async () => {
    const deep = (open: string, close: string): string => JSON.stringify(requestOf.traces(span({ attributes: [...TASK, attribute('mine', 'HERE' as never)] }))).replace('"HERE"', `${open.repeat(20_000)}{}${close.repeat(20_000)}`);
    for (const body of [deep('{"arrayValue":{"values":[', ']}}'), deep('{"kvlistValue":{"values":[{"key":"k","value":', '}]}}')]) {
      expect(await taken({ body })).toMatchObject({ attributes: { mine: expect.stringContaining('… (cut: deeper than 64 levels)') } });
    }
    expect((await send({ body: '['.repeat(20_000) })).status).toBe(400);
    expect(await taken({ body: `{"later":${'['.repeat(20_000)}${']'.repeat(20_000)},${JSON.stringify(valid.traces).slice(1)}` })).toMatchObject({ task_name: 'Import' });
  });
});

describe('the binary encoding', () => {
  const LATER = 500;
  const unknown: readonly [string, Buffer][] = [
    ['a number', Buffer.concat([varint(BigInt(LATER << 3)), varint(300n)])],
    ['eight bytes', Buffer.concat([varint(BigInt((LATER << 3) | 1)), Buffer.alloc(8, 7)])],
    ['a message', bytesField(LATER, Buffer.from('anything'))],
    ['four bytes', Buffer.concat([varint(BigInt((LATER << 3) | 5)), Buffer.alloc(4, 7)])],
  ];
  const SPAN = protobufOf('span', span());
  const NOTHING: Buffer = Buffer.alloc(0);
  const wrapped = (spanBytes: Buffer, inScope = NOTHING, inResource = NOTHING, inRequest = NOTHING): Uint8Array<ArrayBuffer> =>
    new Uint8Array(Buffer.concat([inRequest, bytesField(1, Buffer.concat([inResource, bytesField(2, Buffer.concat([inScope, bytesField(2, spanBytes)]))]))]));

  it.each(unknown)('unknown fields are ignored, so that adding new fields does not break existing receivers: %s', async (_, field) => {
    for (const body of [wrapped(Buffer.concat([field, SPAN, field])), wrapped(SPAN, field), wrapped(SPAN, NOTHING, field), wrapped(SPAN, NOTHING, NOTHING, field)]) {
      expect(await taken({ encoding: 'protobuf', body })).toMatchObject({ task_name: 'Import' });
    }
  });

  it('a known field of another wire type is an unknown field', async () => {
    const nameAsNumber = Buffer.concat([varint(BigInt(5 << 3)), varint(1n)]);
    expect(await taken({ encoding: 'protobuf', body: wrapped(Buffer.concat([SPAN, nameAsNumber])) })).toMatchObject({ task_name: 'Import' });
  });

  it('fields may come in any order, and the last of several values counts', async () => {
    const turned = Object.fromEntries(Object.entries(span()).toReversed());
    expect(await taken({ encoding: 'protobuf', request: requestOf.traces(turned) })).toMatchObject({ task_name: 'Import', attributes: { mine: 'a' } });
    const twice = [...TASK, attribute('mine', { stringValue: 'a' }), attribute('mine', { stringValue: 'b' })];
    expect(await taken({ encoding: 'protobuf', request: requestOf.traces(span({ attributes: twice })) })).toMatchObject({ attributes: { mine: 'b' } });
  });

  it.each<[string, number[]]>([
    ['a length beyond the body', [0x0a, 0x7f]],
    ['a length beyond its message', [0x0a, 0x03, 0x12, 0x05, 0x12, 0x01, 0x00, 0x00]],
    ['a field of number 0', [0x02, 0x00]],
    ['a group', [0x0b]],
    ['a number that does not end', Array.from({ length: 11 }, () => 0xff)],
  ])('what is no such message is bad data: %s', async (_, bytes) => {
    expect((await send({ encoding: 'protobuf', body: new Uint8Array(bytes) })).status).toBe(400);
  });
});

describe('a connection', () => {
  it('Server implementations SHOULD accept both encodings on the same port and multiplex them based on "Content-Type"', async () => {
    const store = memoryStore();
    for (const encoding of ENCODINGS) expect((await send({ encoding, options: { store } })).status).toBe(200);
  });

  it.each(['text/plain', 'application/grpc', 'application/protobuf', ''])('another Content-Type is answered with 415: %j', async (type) => {
    const answer = await send({ headers: { 'Content-Type': type } });
    expect([answer.status, statusMessage(answer)]).toEqual([415, expect.stringMatching(/^expected Content-Type application\/x-protobuf or application\/json, got /)]);
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])('OTLP/HTTP uses HTTP POST requests: %s is answered with 405 and the method that is allowed', async (method) => {
    const answer = await send({ method });
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'POST']);
  });

  it('a refusal of the server around it is a Status too', async () => {
    const refusal = (): Response => Response.json({ detail: 'expected the token' }, { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } });
    const answer = await send({ options: { refusal } });
    expect([answer.status, answer.headers.get('WWW-Authenticate'), statusMessage(answer)]).toEqual([401, 'Bearer', 'expected the token']);
  });
});

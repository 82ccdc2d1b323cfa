import { PbfWriter } from 'pbf';
import { expect, it } from 'vitest';
import { readProtobufLogs, readProtobufTraces } from '../../../../collector/otlp/receive/protobuf.ts';
import { Received } from '../../../../collector/otlp/receive/otlp-items.ts';
import { UUID } from '../../record/scripted-task.ts';

const TRACE_ID = Buffer.from('5b8efff798038103d269b633813fc60c', 'hex');
const SPAN_ID = Buffer.from('eee19b7ec3c1b174', 'hex');

type Field = (pbf: PbfWriter) => void;
const bytes = (tag: number, value: Uint8Array): Field => (pbf) => pbf.writeBytesField(tag, value);
const text = (tag: number, value: string): Field => (pbf) => pbf.writeStringField(tag, value);
const message = (tag: number, ...fields: Field[]): Field => (pbf) => pbf.writeMessage(tag, () => write(pbf, fields), undefined);
const attribute = (key: string, value: Field): Field => message(9, text(1, key), message(2, value));
const nanos = (tag: number, value: bigint): Field => (pbf) => {
  pbf.writeTag(tag, 1);
  pbf.writeFixed32(Number(value & 0xffff_ffffn));
  pbf.writeFixed32(Number(value >> 32n));
};

/** Numbers of 64 bits, which `pbf` writes only as far as JavaScript's numbers hold them. */
const varint = (tag: number, value: bigint): Field => (pbf) => {
  pbf.writeTag(tag, 0);
  for (let rest = value; ; rest >>= 7n) {
    pbf.realloc(1);
    pbf.buf[pbf.pos++] = Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0);
    if (rest <= 0x7fn) return;
  }
};

function write(pbf: PbfWriter, fields: readonly Field[]): void {
  for (const field of fields) field(pbf);
}

function bodyOf(...fields: Field[]): Buffer {
  const pbf = new PbfWriter();
  write(pbf, fields);
  return Buffer.from(pbf.finish());
}

const SPAN: readonly Field[] = [
  bytes(1, TRACE_ID),
  bytes(2, SPAN_ID),
  text(5, 'Import'),
  nanos(7, 1_544_712_660_300_001_999n),
  nanos(8, 1_544_712_661_300_002_000n),
  attribute('taskspan.span', text(1, 'task')),
  attribute('taskspan.task.uuid', text(1, UUID)),
];

function read(...span: Field[]): Received {
  return readProtobufTraces(bodyOf(message(1, message(2, message(2, ...span)))));
}

const FACTS = [
  { kind: 'task-start', name: 'Import', time: 1_544_712_660_300_001, span: { taskUuid: UUID, traceId: TRACE_ID.toString('hex'), spanId: SPAN_ID.toString('hex') } },
  { kind: 'task-end', time: 1_544_712_661_300_002, duration: 1_000_001 },
];

it('times are exact to the microsecond', () => {
  expect(read(...SPAN).facts).toMatchObject(FACTS);
});

it('fields may come in any order, the name of an attribute after its value too', () => {
  const [kind, ...rest] = SPAN.toReversed();
  const turned = message(9, message(2, text(1, 'task')), text(1, 'taskspan.span'));
  expect(read(kind!, ...rest).facts).toMatchObject(FACTS);
  // It is looked for where encoders write it: at the front.
  expect(read(turned, ...SPAN).facts).toMatchObject(FACTS);
});

it('unknown fields are ignored, and known ones of another wire type', () => {
  const unknown: Field[] = [
    (pbf) => pbf.writeVarintField(99, 2 ** 40), text(500, 'later'), (pbf) => pbf.writeDoubleField(77, 1), (pbf) => pbf.writeFixed32Field(78, 1),
    (pbf) => pbf.writeVarintField(1, 5), text(7, 'yesterday'), (pbf) => pbf.writeVarintField(9, 1),
  ];
  expect(read(...unknown, ...SPAN).facts).toMatchObject(FACTS);
});

it('ids of zeros or of another length are rejected', () => {
  for (const id of [Buffer.alloc(16), TRACE_ID.subarray(0, 15), Buffer.alloc(0)]) {
    expect(read(...SPAN, bytes(1, id))).toMatchObject({ facts: [], rejected: 1 });
  }
  expect(read(...SPAN, bytes(2, Buffer.alloc(8)))).toMatchObject({ facts: [], rejected: 1 });
});

it('a time beyond what a whole number can be is rejected', () => {
  expect(read(...SPAN, nanos(8, 2n ** 64n - 1n))).toMatchObject({ facts: [], rejected: 1 });
});

it('attributes of all kinds are read: lists within lists and maps as JSON, bytes as base64, integers exactly', () => {
  const { facts } = read(
    ...SPAN,
    attribute('negative', (pbf) => pbf.writeVarintField(3, -7)),
    attribute('double', (pbf) => pbf.writeDoubleField(4, 637.704)),
    attribute('flag', (pbf) => pbf.writeBooleanField(2, false)),
    attribute('list', message(5, message(1, text(1, 'many')), message(1, message(5, message(1, text(1, 'deep')))), message(1, (pbf) => pbf.writeVarintField(3, 7)))),
    attribute('map', message(6, message(1, text(1, 'k'), message(2, text(1, 'v'))))),
    attribute('bytes', bytes(7, SPAN_ID)),
    attribute('long', varint(3, 1_234_567_890_123_456_789n)),
    attribute('least', varint(3, 1n << 63n)),
    attribute('empty', () => {}),
    message(9, text(1, 'nothing')),
    attribute('__proto__', text(1, 'own')),
  );
  const received = facts[1]?.kind === 'task-end' ? facts[1].attributes! : {};
  expect(Object.entries(received)).toEqual([
    ['negative', -7], ['double', 637.704], ['flag', false], ['list', '["many",["deep"],7]'],
    ['map', '{"k":"v"}'], ['bytes', '7uGbfsPBsXQ='], ['long', '1234567890123456789'], ['least', '-9223372036854775808'], ['empty', null], ['nothing', null], ['__proto__', 'own'],
  ]);
});

it('lists nested 5,000 deep are cut at 64 levels, and the cut is marked', () => {
  let value = bodyOf(text(1, 'x'));
  for (let depth = 0; depth < 5000; depth++) value = bodyOf(bytes(5, bodyOf(bytes(1, value))));
  expect(read(...SPAN, message(9, text(1, 'deep'), bytes(2, value))).facts[1]).toMatchObject({
    attributes: { deep: `${'['.repeat(64)}"… (cut: deeper than 64 levels)"${']'.repeat(64)}` },
  });
});

it('a signal of the other kind is read as one without tasks', () => {
  expect(readProtobufLogs(bodyOf(message(1, message(2, message(2, ...SPAN)))))).toEqual(new Received());
});

it.each([
  ['a length beyond the body', [0x0a, 0x7f]],
  ['a length beyond its message', [0x0a, 0x03, 0x12, 0x05, 0x12, 0x01, 0x00, 0x00]],
  ['a field of number 0', [0x02, 0x00]],
  ['a group', [0x0b]],
  ['a number that does not end', Array.from({ length: 11 }, () => 0xff)],
  ['a length of 2 ** 63', [0x0a, ...Array.from({ length: 9 }, () => 0xff), 0x01]],
  ['a body that ends within a field', [0x0a, 0x04, 0x12, 0x02, 0x12]],
])('%s is malformed', (_, body) => {
  expect(() => readProtobufTraces(Buffer.from(body))).toThrow(expect.objectContaining({ name: 'MalformedError' }));
});

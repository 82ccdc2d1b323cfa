import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { PbfReader } from 'pbf';
import type { LogRecord } from '../../../../collector/facts/log-record.ts';

/** Decodes a request of `/v1/logs` by the field numbers of OTLP's proto files alone. */
export interface DecodedLogs {
  resource: Attributes;
  scope: string[];
  records: DecodedRecord[];
}

export interface DecodedRecord extends LogRecord {
  /** Nanoseconds, exact. */
  nanos: bigint;
  flags: number;
}

interface Field {
  readonly number: number;
  readonly value: number | bigint | Buffer;
}

/** The fields of a message as they stand: varints and fixed words as numbers, 64 bits as they are, the rest as bytes. */
function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  const reader = new PbfReader(message);
  for (let number = reader.nextField(); number > 0; number = reader.nextField()) {
    const start = reader.pos;
    if (reader.type === 2) fields.push({ number, value: Buffer.from(reader.readBytes()) });
    else if (reader.type === 1) {
      fields.push({ number, value: Buffer.from(message).readBigUInt64LE(start) });
      reader.pos = start + 8;
    } else if (reader.type === 5) fields.push({ number, value: reader.readFixed32() });
    else fields.push({ number, value: reader.readVarint(true) });
  }
  return fields;
}

const bytesOf = (fields: readonly Field[], number: number): Buffer[] =>
  fields.filter((field) => field.number === number).map(({ value }) => value as Buffer);

const textOf = (fields: readonly Field[], number: number): string => (bytesOf(fields, number)[0] ?? Buffer.alloc(0)).toString();

export function decodeLogs(body: Uint8Array): DecodedLogs[] {
  return bytesOf(fieldsOf(body), 1).map((resourceLogs) => {
    const fields = fieldsOf(resourceLogs);
    const [scopeLogs] = bytesOf(fields, 2);
    const ofScope = fieldsOf(scopeLogs!);
    const scope = fieldsOf(bytesOf(ofScope, 1)[0]!);
    return {
      resource: attributesIn(fieldsOf(bytesOf(fields, 1)[0]!), 1),
      scope: [textOf(scope, 1), textOf(scope, 2)],
      records: bytesOf(ofScope, 2).map((record) => recordOf(fieldsOf(record))),
    };
  });
}

function recordOf(fields: readonly Field[]): DecodedRecord {
  const valueOf = (number: number): unknown => fields.find((field) => field.number === number)?.value;
  const hex = (number: number): string => (bytesOf(fields, number)[0] ?? Buffer.alloc(0)).toString('hex');
  const nanos = valueOf(1) as bigint;
  const flags = (valueOf(8) as number | undefined) ?? 0;
  return {
    eventName: textOf(fields, 12),
    traceId: hex(9),
    spanId: hex(10),
    nanos,
    time: Number(nanos / 1000n),
    attributes: attributesIn(fields, 6),
    flags,
    sampled: (flags & 1) === 1,
  };
}

function attributesIn(fields: readonly Field[], number: number): Attributes {
  return Object.fromEntries(
    bytesOf(fields, number).map((attribute) => {
      const pair = fieldsOf(attribute);
      return [textOf(pair, 1), valueIn(bytesOf(pair, 2)[0]!) as AttributeValue];
    }),
  );
}

function valueIn(message: Buffer): unknown {
  const [field] = fieldsOf(message);
  if (field === undefined) return null;
  if (field.number === 1) return String(field.value);
  if (field.number === 2) return field.value === 1;
  if (field.number === 3) return field.value;
  if (field.number === 4) return message.readDoubleLE(1);
  return bytesOf(fieldsOf(field.value as Buffer), 1).map(valueIn);
}

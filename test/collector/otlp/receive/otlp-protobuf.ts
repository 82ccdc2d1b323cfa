/** Writes requests that are given in the form of OTLP's JSON as Protocol Buffers, by the fields of OTLP's `.proto` files. */

export type Json = Readonly<Record<string, unknown>>;

type Kind = 'text' | 'hex' | 'base64' | 'varint' | 'bool' | 'double' | 'fixed32' | 'fixed64';
/** A field's number, and its kind or the name of its message. */
type Field = readonly [number: number, kind: Kind | keyof typeof MESSAGES];

const MESSAGES = {
  traces: { resourceSpans: [1, 'resourceSpans'] },
  logs: { resourceLogs: [1, 'resourceLogs'] },
  resourceSpans: { resource: [1, 'resource'], scopeSpans: [2, 'scopeSpans'] },
  resourceLogs: { resource: [1, 'resource'], scopeLogs: [2, 'scopeLogs'] },
  resource: { attributes: [1, 'keyValue'] },
  scopeSpans: { scope: [1, 'scope'], spans: [2, 'span'] },
  scopeLogs: { scope: [1, 'scope'], logRecords: [2, 'logRecord'] },
  scope: { name: [1, 'text'], version: [2, 'text'], attributes: [3, 'keyValue'] },
  span: {
    traceId: [1, 'hex'], spanId: [2, 'hex'], parentSpanId: [4, 'hex'], name: [5, 'text'], kind: [6, 'varint'],
    startTimeUnixNano: [7, 'fixed64'], endTimeUnixNano: [8, 'fixed64'], attributes: [9, 'keyValue'], events: [11, 'event'], status: [15, 'status'],
  },
  event: { timeUnixNano: [1, 'fixed64'], name: [2, 'text'], attributes: [3, 'keyValue'] },
  status: { message: [2, 'text'], code: [3, 'varint'] },
  logRecord: {
    timeUnixNano: [1, 'fixed64'], severityNumber: [2, 'varint'], body: [5, 'anyValue'], attributes: [6, 'keyValue'], flags: [8, 'fixed32'],
    traceId: [9, 'hex'], spanId: [10, 'hex'], observedTimeUnixNano: [11, 'fixed64'], eventName: [12, 'text'],
  },
  keyValue: { key: [1, 'text'], value: [2, 'anyValue'] },
  anyValue: {
    stringValue: [1, 'text'], boolValue: [2, 'bool'], intValue: [3, 'varint'], doubleValue: [4, 'double'],
    arrayValue: [5, 'arrayValue'], kvlistValue: [6, 'kvlistValue'], bytesValue: [7, 'base64'],
  },
  arrayValue: { values: [1, 'anyValue'] },
  kvlistValue: { values: [1, 'keyValue'] },
} as const;

/** The bytes of a message. A field that it does not have is left out, as an older sender would. */
export function protobufOf(name: keyof typeof MESSAGES, content: Json): Buffer {
  const fields: Readonly<Record<string, Field>> = MESSAGES[name];
  const parts = Object.entries(content).flatMap(([key, value]) => {
    const field = fields[key];
    if (field === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((item: unknown) => fieldOf(field, item));
  });
  return Buffer.concat(parts);
}

function fieldOf([number, kind]: Field, value: unknown): Buffer {
  switch (kind) {
    case 'text':
      return bytesField(number, Buffer.from(value as string));
    case 'hex':
      return bytesField(number, Buffer.from(value as string, 'hex'));
    case 'base64':
      return bytesField(number, Buffer.from(value as string, 'base64'));
    case 'varint':
    case 'bool':
      return Buffer.concat([varint(BigInt(number << 3)), varint(BigInt.asUintN(64, BigInt(value as string | number | boolean)))]);
    case 'double': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(Number(value));
      return Buffer.concat([varint(BigInt((number << 3) | 1)), bytes]);
    }
    case 'fixed64': {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(value as string));
      return Buffer.concat([varint(BigInt((number << 3) | 1)), bytes]);
    }
    case 'fixed32': {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value as number);
      return Buffer.concat([varint(BigInt((number << 3) | 5)), bytes]);
    }
    default:
      return bytesField(number, protobufOf(kind, value as Json));
  }
}

/** A field that holds bytes: a text, or a message. */
export function bytesField(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(BigInt((number << 3) | 2)), varint(BigInt(content.length)), content]);
}

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

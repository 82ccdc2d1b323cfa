import { gzipSync } from 'node:zlib';
import { SpanKind, trace } from '@opentelemetry/api';
import type { SpanOptions } from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { runTask } from '../src/index.ts';
import { taskUuid } from '../src/task-uuid.ts';
import { textAt } from './texts.ts';

/**
 * Requests of about 500 spans, as an OpenTelemetry Collector makes them: tasks of nine scopes with two
 * notifications each. The mixed requests have two spans of another instrumentation in each scope too, a flood has many.
 */
const SCOPES = 9;
export const MIXES = { tasks: { tasks: 50, foreign: 0 }, mixed: { tasks: 18, foreign: 2 }, flood: { tasks: 2, foreign: 27 } } as const;
export type Mix = keyof typeof MIXES;

/** How many spans a body has. */
export function spansIn(mix: Mix): number {
  const { tasks, foreign } = MIXES[mix];
  return tasks * (1 + SCOPES * (1 + foreign));
}

export const ENCODINGS = ['protobuf', 'protobuf gzip', 'JSON'] as const;
export type Encoding = (typeof ENCODINGS)[number];

export function headersOf(encoding: Encoding): string {
  const type = `Content-Type: application/${encoding === 'JSON' ? 'json' : 'x-protobuf'}\r\n`;
  return encoding === 'protobuf gzip' ? `${type}Content-Encoding: gzip\r\n` : type;
}

export interface TaskBody {
  readonly body: Buffer;
  /** The tasks in it. */
  readonly uuids: readonly string[];
}

/**
 * Gives bodies of which each is of other tasks, and of later ones than that before: what has been stored
 * before would cost less, and tasks that have all ended at the same few times would cost an index more.
 */
export function bodiesOf(encoding: Encoding, mix: Mix): () => TaskBody {
  const { spans, uuids } = taskSpans(mix);
  const serializer = encoding === 'JSON' ? JsonTraceSerializer : ProtobufTraceSerializer;
  const template = Buffer.from(serializer.serializeRequest(spans)!);
  const offsets = uuids.map((uuid) => offsetsOf(template, Buffer.from(uuid)));
  const timeBytes = encoding === 'JSON' ? decimal : littleEndian;
  const times = timesOf(spans).map((time) => ({ time, offsets: offsetsOf(template, timeBytes(time)) }));
  let later = 0n;
  return () => {
    const body = Buffer.from(template);
    const fresh = offsets.map((ofTask) => {
      const uuid = taskUuid();
      for (const at of ofTask) body.write(uuid, at, 'latin1');
      return uuid;
    });
    later += BODY_NANOS;
    for (const { time, offsets: ofTime } of times) {
      const bytes = timeBytes(time + later);
      for (const at of ofTime) bytes.copy(body, at);
    }
    return { body: encoding === 'protobuf gzip' ? gzipSync(body, { level: 1 }) : body, uuids: fresh };
  };
}

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
const foreignTracer = trace.getTracer('@opentelemetry/instrumentation-pg', '0.223.0');

function taskSpans(mix: Mix): { spans: ReadableSpan[]; uuids: string[] } {
  exporter.reset();
  const uuids: string[] = [];
  for (let task = 0; task < MIXES[mix].tasks; task++) {
    runTask(
      'Import customers',
      (updater) => {
        uuids.push(updater.taskUuid);
        for (let scope = 0; scope < SCOPES; scope++) {
          updater.scope(`Part ${scope}`, (part) => {
            for (let line = 0; line < 2; line++) part.notify(textAt(scope + line));
            for (let other = 0; other < MIXES[mix].foreign; other++) foreignTracer.startSpan('INSERT shop', QUERY).end();
          });
        }
      },
      { attributes: { queue: 'imports', tries: 1 } },
    );
  }
  return { spans: exporter.getFinishedSpans(), uuids };
}

const QUERY: SpanOptions = {
  kind: SpanKind.CLIENT,
  attributes: {
    'db.system.name': 'postgresql', 'db.namespace': 'shop', 'db.operation.name': 'INSERT', 'db.collection.name': 'customer',
    'db.query.text': 'INSERT INTO customer (name, street, city, country) VALUES ($1, $2, $3, $4)',
    'server.address': 'db.internal', 'server.port': 5432, 'network.transport': 'tcp',
  },
};

/** By how much each body is later than the one before, in nanoseconds: longer than one takes to be made. */
const BODY_NANOS = 1_000_000_000n;

/** The nanoseconds at which anything has begun, happened or ended, each once. */
function timesOf(spans: readonly ReadableSpan[]): bigint[] {
  const times = spans.flatMap(({ startTime, endTime, events }) => [startTime, endTime, ...events.map(({ time }) => time)]);
  return [...new Set(times.map(([seconds, nanos]) => BigInt(seconds) * 1_000_000_000n + BigInt(nanos)))];
}

function littleEndian(nanos: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(nanos);
  return bytes;
}

function decimal(nanos: bigint): Buffer {
  return Buffer.from(String(nanos));
}

function offsetsOf(body: Buffer, bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = body.indexOf(bytes); at !== -1; at = body.indexOf(bytes, at + bytes.length)) offsets.push(at);
  return offsets;
}

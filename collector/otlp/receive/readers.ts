import type { Fact } from '../../../src/fact.ts';
import { describeFailure } from '../../../src/failure.ts';
import { reportOnce } from '../../../src/report.ts';
import { inOrder } from '../../record/fact-sequence.ts';
import { readJsonLogs, readJsonTraces } from './json.ts';
import { MalformedError } from './otlp-items.ts';
import type { Received, ReceivedHeartbeat } from './otlp-items.ts';
import { readProtobufLogs, readProtobufTraces } from './protobuf.ts';

export type ReadSignal = 'traces' | 'logs';
export type Encoding = 'protobuf' | 'json';

const READERS: Readonly<Record<ReadSignal, Readonly<Record<Encoding, (body: Buffer) => Received>>>> = {
  traces: { protobuf: readProtobufTraces, json: readJsonTraces },
  logs: { protobuf: readProtobufLogs, json: readJsonLogs },
};

/** Reads a body. Throws a {@link MalformedError} for one that is no request of its signal, or that can't be read. */
export function readItems(signal: ReadSignal, encoding: Encoding, body: Buffer): Received {
  try {
    return READERS[signal][encoding](body);
  } catch (error) {
    if (error instanceof MalformedError) throw error;
    const { message } = describeFailure(error);
    reportOnce(`receiver: ${message}`, 'a body could not be read', error);
    throw new MalformedError(message, { cause: error });
  }
}

/** Facts that are committed together, and about how many bytes they have. */
export interface Slice {
  readonly facts: readonly Fact[];
  readonly bytes: number;
}

/** How many facts, and how many bytes of them, one turn of the event loop stores. */
export const SLICE_FACTS = 1000;
const SLICE_BYTES: number = 256 * 1024;

/**
 * The facts of a request in slices: those of one task together and in the order of its log, since a slice is a commit of
 * its own.
 */
export function slicesOf(facts: readonly Fact[]): Slice[] {
  const slices: Slice[] = [];
  let slice: Fact[] = [];
  let bytes = 0;
  const close = (): void => {
    if (slice.length > 0) slices.push({ facts: slice, bytes });
    slice = [];
    bytes = 0;
  };
  for (const ofTask of Map.groupBy(facts, ({ span }) => span.taskUuid).values()) {
    for (const fact of inOrder(ofTask)) {
      slice.push(fact);
      bytes += bytesOf(fact);
      if (slice.length >= SLICE_FACTS || bytes >= SLICE_BYTES) close();
    }
  }
  close();
  return slices;
}

const FACT_BYTES = 64;
const VALUE_BYTES = 16;

/** About how many bytes the contents of a fact have. */
function bytesOf(fact: Fact): number {
  let bytes = FACT_BYTES;
  for (const value of Object.values(fact) as unknown[]) {
    if (typeof value === 'string') bytes += value.length;
    else if (typeof value === 'object' && value !== null && value !== fact.span) {
      for (const inside of Object.values(value) as unknown[]) bytes += typeof inside === 'string' ? inside.length : VALUE_BYTES;
    }
  }
  return bytes;
}

/** Heartbeats between threads: those of one resource share an object, which is copied once. */
export type PostedHeartbeats = ReadonlyMap<string, Omit<ReceivedHeartbeat, 'resource'> & { readonly resource: { readonly json: string } }>;

/** Heartbeats as one thread posts them to another. */
export function postedHeartbeats(heartbeats: ReadonlyMap<string, ReceivedHeartbeat>): PostedHeartbeats {
  const resources = new Map<string, { json: string }>();
  const posted = new Map<string, ReturnType<PostedHeartbeats['get']> & object>();
  for (const [id, heartbeat] of heartbeats) {
    let resource = resources.get(heartbeat.resource);
    if (resource === undefined) resources.set(heartbeat.resource, (resource = { json: heartbeat.resource }));
    posted.set(id, { ...heartbeat, resource });
  }
  return posted;
}

/** The heartbeats that {@link postedHeartbeats} has made. */
export function heartbeatsOf(posted: PostedHeartbeats): Map<string, ReceivedHeartbeat> {
  const heartbeats = new Map<string, ReceivedHeartbeat>();
  for (const [id, heartbeat] of posted) heartbeats.set(id, { ...heartbeat, resource: heartbeat.resource.json });
  return heartbeats;
}

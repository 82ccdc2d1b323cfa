import { Hono } from 'hono';
import type { Context } from 'hono';
import { PbfWriter } from 'pbf';
import { BEAT_EVENT } from '../../../src/conventions.ts';
import { checkKeys } from '../../../src/arguments.ts';
import { describeFailure, received } from '../../../src/failure.ts';
import { reportOnce } from '../../../src/report.ts';
import type { CommitObserver } from '../../store/committer.ts';
import { isTaskStore } from '../../store/task-store.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { BodyRoom } from './body-room.ts';
import type { BodyShare } from './body-room.ts';
import { TraceParents } from '../adapters/trace-parents.ts';
import { groupCommit } from './group-commit.ts';
import { collectorAddress, Heartbeats, incomingOf } from './heartbeats.ts';
import { MalformedError, MOST_WORKERS } from './otlp-items.ts';
import { ReaderThread, TooMuchMemoryError } from './reader-thread.ts';
import type { RestOfBody } from './reader-thread.ts';
import { readItems, SLICE_FACTS, slicesOf } from './readers.ts';
import type { Encoding, ReadSignal, Slice } from './readers.ts';
import { readBody, resolveLimits } from './request-body.ts';
import type { Failure, ReceiverLimits } from './request-body.ts';

export interface ReceiverOptions extends ReceiverLimits {
  /** Where tasks are stored. The receiver never closes it. */
  store: TaskStore;
  /**
   * Gives the answer to a request that is not allowed, as `application/problem+json`; `undefined` for one that is
   * allowed. A request of a web page, which has `Origin`, is never allowed. Default: all others are.
   */
  refusal?: (c: Context) => Response | undefined;
  /** Counts requests, items and commits. Default: they are not counted. */
  observer?: ReceiverObserver;
}

/** Counts the requests of a receiver, and its commits. */
export interface ReceiverObserver extends CommitObserver {
  /** A request has been answered. */
  answered(signal: Signal, status: number): void;
  /** So many spans or log records of a request have been rejected. */
  rejected(items: number): void;
}

const OPTIONS = ['store', 'refusal', 'observer', 'maxBodyBytes', 'maxWaitingBytes'] satisfies (keyof ReceiverOptions)[];

/** A longer body is read in a thread of its own. */
const LONG_BYTES = 1024 * 1024;

/** The media types of OTLP/HTTP's two encodings. An answer has the encoding of its request. */
const ENCODINGS: Readonly<Record<Encoding, string>> = { protobuf: 'application/x-protobuf', json: 'application/json' };

/** The signals of OTLP that are taken. Metrics are of no task: senders of everything send them too. */
const SIGNALS = ['traces', 'logs', 'metrics'] as const;
type Signal = (typeof SIGNALS)[number];

/** The field of `partial_success` that counts what is rejected. */
const REJECTED: Readonly<Record<Signal, string>> = { traces: 'rejectedSpans', logs: 'rejectedLogRecords', metrics: 'rejectedDataPoints' };

/**
 * Receives OTLP/HTTP, as a Hono app: `POST /v1/traces`, `/v1/logs` and `/v1/metrics`, in Protocol Buffers and JSON.
 * Spans and log records of tasks go to the store, all others and all metrics are accepted and ignored. An answer of
 * success means that the tasks' facts are stored.
 *
 * `docs/receiving.md` has the rest. Requests of web pages are refused; the app that it is mounted in decides who else
 * may send.
 *
 * Throws `TypeError` for a `store` that is no store and for unknown options, `RangeError` for limits out of bounds.
 */
export function createReceiver(options: ReceiverOptions): Hono {
  checkKeys('createReceiver', options, OPTIONS);
  const { store, refusal, observer, ...limits } = options;
  if (!isTaskStore(store)) throw new TypeError(`createReceiver: expected a store, got ${received(store)}`);
  const { maxBodyBytes, maxWaitingBytes } = resolveLimits(limits, { as: '' });
  const room = new BodyRoom({ most: maxWaitingBytes, longestBody: maxBodyBytes });
  const commit = groupCommit(store, observer);
  const heartbeats = new Heartbeats(store);
  const thread = new ReaderThread();
  const parents = new TraceParents();

  const storeBody = async (c: Context, signal: Signal, encoding: Encoding, share: BodyShare): Promise<Response> => {
    const body = await readBody(c.req, { maxBodyBytes, share });
    if (!Buffer.isBuffer(body)) return failure(encoding, body);
    if (signal === 'metrics') return success(encoding, signal, 0, '');
    const items = new Rejections();
    const commitSlice = async ({ facts, bytes }: Slice, hasAdapted = true): Promise<void> => {
      const refused = await commit(hasAdapted ? parents.complete(facts) : facts, bytes);
      if (refused.facts > 0) items.reject(signal === 'traces' ? refused.spans : refused.facts, `the store can't take it: ${refused.message}`);
    };
    const read = body.length > LONG_BYTES ? thread.read({ signal, encoding, body }, commitSlice) : readShort(signal, encoding, body, commitSlice);
    const { rejected, message, heartbeats: beats } = await read;
    items.reject(rejected, message);
    if (beats.size > 0) {
      const tooMany = await heartbeats.store(beats, collectorAddress(c));
      if (tooMany > 0) items.reject(tooMany, `${BEAT_EVENT}: expected those of at most ${MOST_WORKERS} live workers`);
    }
    if (items.count > 0) observer?.rejected(items.count);
    return success(encoding, signal, items.count, items.message);
  };
  const receive = async (c: Context, signal: Signal, encoding: Encoding): Promise<Response> => {
    const share = room.share(incomingOf(c)?.socket);
    try {
      return await storeBody(c, signal, encoding, share);
    } catch (error) {
      return failure(encoding, error instanceof MalformedError ? notRead(error) : error instanceof TooMuchMemoryError ? tooMuchMemory(error) : notStored(error));
    } finally {
      share.release();
    }
  };

  const app = new Hono();
  for (const signal of SIGNALS) {
    app.all(`/v1/${signal}`, async (c) => {
      const encoding = encodingOf(c);
      const refused = (await refusalOf(c, refusal)) ?? (encoding === undefined ? otherType(c) : undefined);
      const response = refused ? failure(encoding ?? 'json', refused) : await receive(c, signal, encoding!);
      observer?.answered(signal, response.status);
      return response;
    });
  }
  return app;
}

function encodingOf(c: Context): Encoding | undefined {
  const type = c.req.header('Content-Type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === ENCODINGS.protobuf) return 'protobuf';
  return type === ENCODINGS.json ? 'json' : undefined;
}

async function refusalOf(c: Context, refusal: ReceiverOptions['refusal']): Promise<Failure | undefined> {
  if (c.req.header('Origin') !== undefined) return { status: 403, message: 'web pages may not send anything' };
  const refused = refusal?.(c);
  if (refused !== undefined) return failureOf(refused);
  if (c.req.method === 'POST') return undefined;
  return { status: 405, message: `${c.req.method} is not possible here`, headers: { Allow: 'POST' } };
}

/** The refusal of the tasks' server, in the form of OTLP. */
async function failureOf(refused: Response): Promise<Failure> {
  const challenge = refused.headers.get('WWW-Authenticate');
  const { detail } = (await refused.json()) as { detail: string };
  return { status: refused.status, message: detail, ...(challenge !== null && { headers: { 'WWW-Authenticate': challenge } }) };
}

function otherType(c: Context): Failure {
  const expected = Object.values(ENCODINGS).join(' or ');
  return { status: 415, message: `expected Content-Type ${expected}, got ${received(c.req.header('Content-Type'))}` };
}

/** Reads a body at once, and stores what it brings: mostly together, many facts in slices. */
async function readShort(signal: ReadSignal, encoding: Encoding, body: Buffer, store: (slice: Slice, hasAdapted: boolean) => Promise<void>): Promise<RestOfBody> {
  const items = readItems(signal, encoding, body);
  const { facts, hasAdapted } = items;
  // Two slices as one cost less than to part them.
  if (facts.length <= 2 * SLICE_FACTS) await store({ facts, bytes: body.length }, hasAdapted);
  else for (const slice of slicesOf(facts)) await store(slice, hasAdapted);
  return items;
}

/** What is rejected of one request: how much, and the first reason. One without rejected items is a warning. */
class Rejections {
  count = 0;
  message = '';

  reject(count: number, message: string): void {
    if (this.count === 0 && message !== '') this.message = message;
    this.count += count;
  }
}

/** 400, so that the sender does not retry: a retry could not succeed. */
function notRead({ message }: MalformedError): Failure {
  return { status: 400, message: `the body can not be read: ${message}` };
}

/** 413, for the same reason. */
function tooMuchMemory({ message }: TooMuchMemoryError): Failure {
  return { status: 413, message };
}

/** 503, so that the sender retries: after a 500 it would give up. */
function notStored(error: unknown): Failure {
  reportOnce(`receiver: ${describeFailure(error).message}`, 'what was sent can not be stored just now', error);
  return { status: 503, message: 'the store can not take it just now', headers: { 'Retry-After': '1' } };
}

/** The `google.rpc.Code` of each status. */
const RPC_CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14 };
const UNKNOWN = 2;

/**
 * Answers that everything is stored, except the rejected items: `ExportTraceServiceResponse`,
 * `ExportLogsServiceResponse` or `ExportMetricsServiceResponse`. A message without rejected items is a warning.
 */
function success(encoding: Encoding, signal: Signal, rejected: number, message: string): Response {
  if (encoding === 'json') {
    // JSON of Protocol Buffers has 64-bit numbers as strings.
    const body = message === '' ? {} : { partialSuccess: { [REJECTED[signal]]: String(rejected), errorMessage: message } };
    return answer(200, encoding, JSON.stringify(body));
  }
  if (message === '') return answer(200, encoding, EMPTY);
  const writer = new PbfWriter();
  writer.writeMessage(1, (_, partial) => {
    partial.writeVarintField(1, rejected);
    partial.writeStringField(2, message);
  }, undefined);
  return answer(200, encoding, bytesOf(writer));
}

/** Answers with a `google.rpc.Status`. */
function failure(encoding: Encoding, { status, message, headers }: Failure): Response {
  const code = RPC_CODES[status] ?? UNKNOWN;
  if (encoding === 'json') return answer(status, encoding, JSON.stringify({ code, message }), headers);
  const writer = new PbfWriter();
  writer.writeVarintField(1, code);
  writer.writeStringField(2, message);
  return answer(status, encoding, bytesOf(writer), headers);
}

const EMPTY = new Uint8Array(0);

function bytesOf(writer: PbfWriter): Uint8Array<ArrayBuffer> {
  return new Uint8Array(writer.finish());
}

function answer(status: number, encoding: Encoding, body: string | Uint8Array<ArrayBuffer>, headers?: Failure['headers']): Response {
  return new Response(body, {
    status,
    headers: {
      'Content-Type': ENCODINGS[encoding],
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  });
}

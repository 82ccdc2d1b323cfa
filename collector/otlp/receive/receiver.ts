import { Hono } from 'hono';
import type { Context } from 'hono';
import { describeFailure, received } from '../../../src/failure.ts';
import { reportOnce } from '../../../src/report.ts';
import { ENCODINGS, failure, success } from './answers.ts';
import type { Encoding, Failure, Signal } from './answers.ts';
import { Beats } from '../send/beats.ts';
import { GroupCommit } from './group-commit.ts';
import { readJsonLogs, readJsonTraces } from './json.ts';
import { MalformedError } from './malformed-error.ts';
import { pathOf } from '../send/path.ts';
import { readLogs } from './protobuf-logs.ts';
import { readTraces } from './protobuf-traces.ts';
import { Received } from './received.ts';
import { resolveReceiver } from './receiver-options.ts';
import type { ReceiverOptions } from './receiver-options.ts';
import { readBody } from './request-body.ts';
import { WaitingBytes } from './waiting-bytes.ts';
import type { WaitingShare } from './waiting-bytes.ts';

type ReadInto = (body: Buffer, into: Received) => void;

const READERS: Readonly<Record<Signal, Readonly<Record<Encoding, ReadInto>>>> = {
  traces: { protobuf: readTraces, json: readJsonTraces },
  logs: { protobuf: readLogs, json: readJsonLogs },
};

/**
 * Takes what others send by OTLP/HTTP, as a Hono app: `POST /v1/traces` and `/v1/logs`, in Protocol
 * Buffers and JSON. Of spans and log records those that tell of tasks go to the store, all others
 * are accepted and ignored. An answer of success means that what it is about is stored.
 *
 * `docs/receiving.md` has the rest. Requests of web pages are refused; who else may send is up to
 * the app that it is mounted in.
 *
 * Throws `TypeError` for what is no store and for unknown options, `RangeError` for limits out of bounds.
 */
export function createReceiver(options: ReceiverOptions): Hono {
  const { store, refusal, observer, maxBodyBytes, maxWaitingBytes } = resolveReceiver(options);
  const waiting = new WaitingBytes(maxWaitingBytes);
  const commits = new GroupCommit(store, observer);
  const beats = new Beats(store);

  const take = async (c: Context, signal: Signal, encoding: Encoding, share: WaitingShare): Promise<Response> => {
    const body = await readBody(c.req, { maxBodyBytes, share });
    if (!Buffer.isBuffer(body)) return failure(encoding, body);
    const taken = new Received();
    try {
      READERS[signal][encoding](body, taken);
    } catch (error) {
      return failure(encoding, notRead(error));
    }
    const refused = await commits.commit(taken.facts);
    if (refused.facts > 0) taken.reject(`the store can't take it: ${refused.message}`, refused.facts);
    if (taken.beats.size > 0) await beats.take(taken.beats.values(), pathOf(c));
    if (taken.rejected > 0) observer?.rejected(taken.rejected);
    return success(encoding, signal, taken.rejected, taken.message);
  };
  /** Not by `using`: the oldest Node that we run on knows it not. */
  const receive = async (c: Context, signal: Signal, encoding: Encoding): Promise<Response> => {
    const share = waiting.share();
    try {
      return await take(c, signal, encoding, share);
    } catch (error) {
      return failure(encoding, notStored(error));
    } finally {
      share[Symbol.dispose]();
    }
  };

  const app = new Hono();
  for (const signal of ['traces', 'logs'] as const) {
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

/** What the rest of the server would answer, told as OTLP has it. */
async function failureOf(refused: Response): Promise<Failure> {
  const challenge = refused.headers.get('WWW-Authenticate');
  const { detail } = (await refused.json()) as { detail: string };
  return { status: refused.status, message: detail, ...(challenge !== null && { headers: { 'WWW-Authenticate': challenge } }) };
}

function otherType(c: Context): Failure {
  const expected = Object.values(ENCODINGS).join(' or ');
  return { status: 415, message: `expected Content-Type ${expected}, got ${received(c.req.header('Content-Type'))}` };
}

/** It would be no better another time. */
function notRead(error: unknown): Failure {
  const { message } = describeFailure(error);
  if (!(error instanceof MalformedError)) reportOnce(`receiver: ${message}`, 'a body could not be read', error);
  return { status: 400, message: `the body can not be read: ${message}` };
}

/** Not 500: a sender gives up what is answered with it. */
function notStored(error: unknown): Failure {
  reportOnce(`receiver: ${describeFailure(error).message}`, 'what was sent can not be stored just now', error);
  return { status: 503, message: 'the store can not take it just now', headers: { 'Retry-After': '1' } };
}

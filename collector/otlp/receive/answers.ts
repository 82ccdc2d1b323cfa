import { PbfWriter } from 'pbf';

/** The media types of OTLP/HTTP's two encodings. An answer has the encoding of its request. */
export const ENCODINGS = { protobuf: 'application/x-protobuf', json: 'application/json' } as const;
export type Encoding = keyof typeof ENCODINGS;

export type Signal = 'traces' | 'logs';

/** An answer other than success: a status code and a message of one line. */
export interface Failure {
  readonly status: number;
  readonly message: string;
  /** Headers such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The `google.rpc.Code` of each status. */
const RPC_CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14 };
const UNKNOWN = 2;

/**
 * Answers that everything is stored, except the rejected items: `ExportTraceServiceResponse` or
 * `ExportLogsServiceResponse`. A message without rejected items is a warning.
 */
export function success(encoding: Encoding, signal: Signal, rejected: number, message: string): Response {
  if (encoding === 'json') {
    const count = signal === 'traces' ? 'rejectedSpans' : 'rejectedLogRecords';
    // JSON of Protocol Buffers has 64-bit numbers as strings.
    const body = message === '' ? {} : { partialSuccess: { [count]: String(rejected), errorMessage: message } };
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
export function failure(encoding: Encoding, { status, message, headers }: Failure): Response {
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

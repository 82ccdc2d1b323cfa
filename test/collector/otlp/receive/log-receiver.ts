import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { factOf } from '../../../../collector/facts/log-record.ts';
import type { Fact } from '../../../../src/fact.ts';
import { freePort } from '../../../support/free-port.ts';
import { decodeLogs } from './decoded-logs.ts';
import type { DecodedRecord } from './decoded-logs.ts';

/** A request for `/v1/logs` that was answered with success. */
export interface TakenRequest {
  headers: IncomingHttpHeaders;
  resource: Record<string, unknown>;
  records: DecodedRecord[];
}

/** A receiver of log records that the test controls: a real server that keeps what it is sent. */
export interface LogReceiver {
  readonly url: string;
  /** Paths of all requests, in their order. */
  readonly asked: string[];
  /** The same with their headers. */
  readonly heads: [path: string, headers: IncomingHttpHeaders][];
  readonly taken: TakenRequest[];
  /** Facts of all requests that it has taken. */
  facts(): Fact[];
  /** Records of heartbeats. */
  beats(): DecodedRecord[];
  /** What it answers from now on: a status, with headers and a body if need be, or what it does with a request. */
  answer: Answered | ((path: string, facts: readonly Fact[], body: Uint8Array) => Answered);
  /** Becomes unreachable; connections break. */
  stop(): Promise<void>;
  /** Comes back at the same port. */
  start(): Promise<void>;
}

export interface Answered {
  status: number;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
}

export async function startLogReceiver(): Promise<LogReceiver> {
  let server: Server | undefined;
  const port = await freePort();
  const respond = (response: ServerResponse, { status, headers, body }: Answered): void => {
    response.writeHead(status, headers ?? {}).end(body);
  };
  const receiver: LogReceiver = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    asked: [],
    heads: [],
    taken: [],
    facts: () => receiver.taken.flatMap(({ records }) => factsIn(records)),
    beats: () => receiver.taken.flatMap(({ records }) => records.filter(({ eventName }) => eventName === 'taskspan.beat')),
    answer: (path) => ({ status: 200, ...(path.includes('/cancellations') && { body: '{"cancellations":[]}' }) }),
    async stop() {
      const stopped = server;
      server = undefined;
      if (stopped === undefined) return;
      stopped.close();
      stopped.closeAllConnections();
      await once(stopped, 'close');
    },
    async start() {
      server = createServer((request, response) => {
        const path = request.url ?? '';
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          receiver.asked.push(path);
          receiver.heads.push([path, request.headers]);
          const sent = Buffer.concat(chunks);
          const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
          const logs = path.endsWith('/v1/logs') ? decodeLogs(body) : [];
          const facts = logs.flatMap(({ records }) => factsIn(records));
          const answer = typeof receiver.answer === 'function' ? receiver.answer(path, facts, body) : receiver.answer;
          if (answer.status === 200) {
            for (const { resource, records } of logs) receiver.taken.push({ headers: request.headers, resource, records });
          }
          respond(response, answer);
        });
      });
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
  await receiver.start();
  onTestFinished(() => receiver.stop());
  return receiver;
}

function factsIn(records: readonly DecodedRecord[]): Fact[] {
  return records.map(factOf).filter((fact) => typeof fact === 'object');
}

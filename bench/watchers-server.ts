import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { createTasksApp, sqliteStore } from '../collector/index.ts';
import type { Fact } from '../src/fact.ts';
import { processCpuTime } from './rounds.ts';
import { textAt } from './texts.ts';

/** The URLs of the streams, as the server sends them to the process that started it. */
export interface ServedStreams {
  url: string;
  path: string;
  bare: string;
}

/** A request to the server: send an event on either side, answer with the CPU time, or set how long a bare event is. */
export type FanOut = 'ours' | 'bare' | 'cpu' | { bytes: number };

const uuid = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
const span = { taskUuid: uuid, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'b'.repeat(16) };
let seq = 0;
const base = (): { span: Fact['span']; seq: number; time: number } => ({ span, seq: seq++, time: Date.now() * 1000 });

const store = sqliteStore(':memory:');
await store.append([
  { ...base(), kind: 'task-start', name: 'watched', attempt: 1, attributes: {}, workerId: 'w', workerIntervalMs: 0, sampled: true },
]);
const tasks = getRequestListener(createTasksApp({ store, streams: { aliveMs: 1e9 } }).fetch);

const BARE = '/bare';
const responses: ServerResponse[] = [];
let bytes = Buffer.alloc(0);
const server = createServer((request, response) => {
  if (request.url !== BARE) {
    void tasks(request, response);
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write('event: record\ndata: {}\n\n');
  responses.push(response);
});

process.on('message', (message: FanOut) => {
  if (message === 'cpu') process.send!(processCpuTime());
  else if (message === 'ours') void store.append([{ ...base(), kind: 'notification', message: textAt(seq) }]);
  else if (message === 'bare') for (const response of responses) response.write(bytes);
  else bytes = Buffer.from(`${'event: change\ndata: '.padEnd(message.bytes - FRAME, '.')}\n\n`);
});

/** What a chunk of HTTP has around its bytes, and the event's end. */
const FRAME = 8;

server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
  const { port } = server.address() as { port: number };
  const served: ServedStreams = { url: `http://127.0.0.1:${port}`, path: `/tasks/${uuid}/events`, bare: BARE };
  process.send!(served);
});

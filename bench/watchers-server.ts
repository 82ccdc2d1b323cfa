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
  /** Of a task without scopes. */
  log: string;
  /** Of a task with many scopes, which the stream has. */
  scopes: string;
  bare: string;
}

/** A request to the server: send an event of one of the streams, answer with the CPU time, or set how long a bare event is. */
export type FanOut = 'log' | 'scopes' | 'bare' | 'cpu' | { bytes: number };

const SCOPES = 10_000;

/** A task that only notifies, in its own span or in a scope. */
class Watched {
  readonly uuid: string;
  #scope: Fact['span'];
  #seq = 0;

  constructor(uuid: string) {
    this.uuid = uuid;
    this.#scope = this.#span('b'.repeat(16));
  }

  begin(scopes: number): Fact[] {
    const task: Fact = { ...this.#next(), kind: 'task-start', name: 'watched', attempt: 1, attributes: {}, workerId: 'w', workerIntervalMs: 0, sampled: true };
    const inside = Array.from({ length: scopes }, (_, at): Fact => {
      this.#scope = this.#span((at + 1).toString(16).padStart(16, '0'));
      return { span: this.#scope, seq: 0, time: task.time, kind: 'scope-start', name: `step ${at}`, parentSpanId: 'b'.repeat(16) };
    });
    return [task, ...inside];
  }

  notify(): Fact {
    return { ...this.#next(), kind: 'notification', message: textAt(this.#seq) };
  }

  #next(): { span: Fact['span']; seq: number; time: number } {
    return { span: this.#scope, seq: this.#seq++, time: Date.now() * 1000 };
  }

  #span(spanId: string): Fact['span'] {
    return { taskUuid: this.uuid, traceId: 'a'.repeat(32), spanId, taskSpanId: 'b'.repeat(16) };
  }
}

const [plain, large] = [new Watched('54bf5712-b9ec-11e9-afdd-8c16454a0938'), new Watched('64bf5712-b9ec-11e9-afdd-8c16454a0938')];
const store = sqliteStore(':memory:');
await store.append(plain.begin(0));
await store.append(large.begin(SCOPES));
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
  else if (message === 'log') void store.append([plain.notify()]);
  else if (message === 'scopes') void store.append([large.notify()]);
  else if (message === 'bare') for (const response of responses) response.write(bytes);
  else bytes = Buffer.from(`${'event: change\ndata: '.padEnd(message.bytes - FRAME, '.')}\n\n`);
});

/** What a chunk of HTTP has around its bytes, and the event's end. */
const FRAME = 8;

server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
  const { port } = server.address() as { port: number };
  const served: ServedStreams = {
    url: `http://127.0.0.1:${port}`,
    log: `/tasks/${plain.uuid}/events`,
    scopes: `/tasks/${large.uuid}/events?scopes=1&log=entries`,
    bare: BARE,
  };
  process.send!(served);
});

import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { received } from '../../src/failure.ts';
import { reportOnce } from '../../src/report.ts';
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../timers.ts';
import { problem } from './answers.ts';
import { isLoopbackAddress } from './host-names.ts';
import { getRequestListener, RequestError } from './node-listener.ts';

export interface ServeTasksOptions {
  /** The app: `createTasksApp()`, or any Hono app that it is mounted in. */
  app: { fetch(request: Request, env?: object): Response | Promise<Response> };
  /** A loopback address or `localhost`; any where the app is protected. Default `127.0.0.1`. */
  host?: string;
  /** Whether every path with data of tasks needs a token, or the app is guarded. Default `false`. */
  isProtected?: boolean;
  /** 0 to 65535; 0 takes a free one. */
  port: number;
  /** After how long the connection of a client is closed that takes nothing of what waits for it, in milliseconds. Default 60,000. */
  stallMs?: number;
}

/** A running server. It keeps the process alive until it is closed. */
export interface TasksServer {
  /** Its URL without a path: `http://127.0.0.1:4320`. */
  readonly url: string;
  /**
   * Accepts no more connections, gives open requests half a second to end and cuts off the rest. May be called again.
   */
  close(): Promise<void>;
  /** Lets the process end while the server runs. */
  unref(): void;
}

const CLOSE_GRACE_MS = 500;
const STALL_MS = 60_000;

/**
 * Serves the app by HTTP: on this machine alone, or to all clients that have its token.
 *
 * Like every Hono server on Node.js it replaces this thread's global `Request` and `Response` by lighter ones, for which
 * `instanceof` still holds.
 *
 * Rejects with a `RangeError` for an invalid port, and for an address other than a loopback one where the app is not
 * protected; with an `Error` of code `EADDRINUSE` for a port that is taken.
 */
export async function serveTasks(options: ServeTasksOptions): Promise<TasksServer> {
  const { app, host = '127.0.0.1', port, isProtected = false, stallMs = STALL_MS } = options;
  const address = host === '[::1]' ? '::1' : host;
  if (address === '' || (!isProtected && address !== 'localhost' && address !== '::1' && !isLoopbackAddress(address))) {
    throw new RangeError(
      `host: expected a loopback address such as 127.0.0.1, got ${received(host)}; ` +
        'any other address needs a token: set TASKSPAN_TOKEN; or "access.guarded", where something in front decides who may ask',
    );
  }
  const name = address.includes(':') ? `[${address}]` : address;
  // A request by HTTP/1.0 may have no `Host`: those of health checks. No browser sends one.
  const listener = getRequestListener((request, env) => app.fetch(request, env), { errorHandler, hostname: name });
  // Node.js has its own limits against slow senders: 60 s for headers, 300 s for a whole request.
  const server = createServer((incoming, outgoing) => {
    answering.add(outgoing.socket);
    outgoing.once('close', () => answering.delete(incoming.socket));
    void listener(incoming, outgoing);
  });
  const answering = new Set<Socket | null>();
  server.setTimeout(stallMs, (socket) => {
    // A stream without changes has nothing that waits. A connection without a request is closed as Node.js does it.
    if (socket.writableLength > 0 || !answering.has(socket)) socket.destroy();
  });
  await listening(server, address, port);
  server.on('error', (error) => reportOnce(`serve-tasks: ${error.message}`, 'the server of the tasks failed', error));
  const bound = server.address();
  let closed: Promise<void> | undefined;
  return {
    url: `http://${name}:${typeof bound === 'object' && bound !== null ? bound.port : port}`,
    close: () => (closed ??= closing(server)),
    unref: () => void server.unref(),
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      reject(error.code === 'EADDRINUSE' ? portTaken(host, port, error) : error);
    };
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function portTaken(host: string, port: number, cause: Error): Error {
  const error = new Error(`port ${port} on ${host} is taken by another server`, { cause });
  return Object.assign(error, { code: 'EADDRINUSE' });
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    // Otherwise a connection whose last answer is sent during closing would be kept for the next request.
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    const cutOff = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close((error) => {
      clearInterval(idle);
      clearTimeout(cutOff);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Answers a request without a valid host or path, which never reached the app, and a request on which the app threw. */
function errorHandler(error: unknown): Response {
  if (error instanceof RequestError) return problem(400, 'the request names no valid host and path');
  reportOnce(`serve-tasks: ${String(error)}`, 'the app of the tasks failed', error);
  return problem(500, 'the server failed');
}

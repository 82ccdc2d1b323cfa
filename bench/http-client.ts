import { connect } from 'node:net';
import type { Socket } from 'node:net';

const CONNECTIONS = 16;
const HEAD_END = '\r\n\r\n';

/** Asks over a few connections that are kept, with so little work a request that the server is the limit. */
export class HttpClient implements Disposable {
  readonly #port: number;
  readonly #sockets: Socket[];

  constructor(port: number) {
    this.#port = port;
    this.#sockets = Array.from({ length: CONNECTIONS }, () => open(port));
  }

  /** Asks so many times, each time for the path that `nextPath` gives. */
  ask(nextPath: () => string, count: number): Promise<void> {
    return this.#exchange(() => `GET ${nextPath()} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\nAccept: */*\r\n\r\n`, count);
  }

  /** Posts so many times, each time the body that `nextBody` gives. */
  post(path: string, headers: string, nextBody: () => Buffer, count: number): Promise<void> {
    return this.#exchange(() => {
      const body = nextBody();
      const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\n${headers}Content-Length: ${body.length}\r\n\r\n`;
      return Buffer.concat([Buffer.from(head, 'latin1'), body]);
    }, count);
  }

  async #exchange(nextRequest: () => string | Buffer, count: number): Promise<void> {
    // A server closes a connection that has been idle for some seconds.
    this.#sockets.forEach((socket, at) => {
      if (socket.destroyed || socket.readableEnded) this.#sockets[at] = open(this.#port);
    });
    let asked = 0;
    const next = (): string | Buffer | undefined => (asked++ < count ? nextRequest() : undefined);
    await Promise.all(this.#sockets.map((socket) => askOver(socket, next)));
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function open(port: number): Socket {
  // A resumed socket notices while it is idle that the server has closed it.
  return connect({ port, host: '127.0.0.1', noDelay: true }).resume();
}

/** One request after the other, until there are no more. */
function askOver(socket: Socket, next: () => string | Buffer | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = '';
    let missing = 0;
    const ask = (): void => {
      const request = next();
      if (request !== undefined) {
        socket.write(request);
        return;
      }
      socket.off('data', read).off('error', reject).off('close', closed).resume();
      resolve();
    };
    const read = (chunk: Buffer): void => {
      if (missing > 0) missing -= chunk.length;
      else {
        received += chunk.toString('latin1');
        const end = received.indexOf(HEAD_END);
        if (end === -1) return;
        const length = lengthOf(received.slice(0, end));
        if (length === undefined) {
          reject(new Error(`expected 200 and a length, got ${received.slice(0, end)}`));
          return;
        }
        missing = end + HEAD_END.length + length - received.length;
        received = '';
      }
      if (missing === 0) ask();
    };
    const closed = (): void => reject(new Error('the server has closed the connection'));
    socket.on('data', read).on('error', reject).on('close', closed);
    ask();
  });
}

function lengthOf(head: string): number | undefined {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  return head.startsWith('HTTP/1.1 200 ') && length !== undefined ? Number(length) : undefined;
}

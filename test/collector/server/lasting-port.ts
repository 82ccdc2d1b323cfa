import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to those who ask for any, as most tests do. */
const [FIRST, COUNT] = [20_000, 12_000];

/** A free port of the loopback interface that nobody else is given while the server on it is restarted. */
export async function lastingPort(): Promise<number> {
  for (let tries = 0; ; tries++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      if (tries < 100) continue;
      throw error;
    }
    await server[Symbol.asyncDispose]();
    return port;
  }
}

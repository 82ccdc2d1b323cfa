/** A Redis of the test's own, for the queues that stand on one. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { describeWith } from './describe-with.ts';

export interface RedisServer {
  readonly connection: { readonly host: string; readonly port: number };
  stop(): Promise<void>;
}

/** A suite that needs Redis (see {@link describeWith}). */
export function describeWithRedis(name: string, suite: () => void): void {
  describeWith(isInstalled(), 'redis-server: apt-get install redis-server', name, suite);
}

function isInstalled(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const READY_MS = 90_000;
const POLL_MS = 25;

// The guard kills the server when the pipe from the test closes, which it does however the test process ends.
const GUARDED = 'exec 3<&0; (read -r line <&3; kill -9 $$) >/dev/null 2>&1 & exec "$0" "$@" 3<&- </dev/null';

/** Starts one that keeps nothing, and waits until it answers. */
export async function startRedis(): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'taskspan-redis-'));
  const port = await freePort();
  const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', directory];
  const child = spawn('sh', ['-c', GUARDED, 'redis-server', ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const closed = once(child, 'close');
  const deadline = performance.now() + READY_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`redis-server is not ready:\n${printed}`);
    await delay(POLL_MS);
  }
  return {
    connection: { host: '127.0.0.1', port },
    async stop() {
      child.stdin.end();
      await closed;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return reply.toString() === '+PONG\r\n';
  } catch {
    // Not listening, or not answering yet.
    return false;
  } finally {
    socket.destroy();
  }
}

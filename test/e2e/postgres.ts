/** A PostgreSQL of the test's own, in a folder of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { describeWith } from './describe-with.ts';

export interface PostgresServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** A suite that needs PostgreSQL (see {@link describeWith}). */
export function describeWithPostgres(name: string, suite: () => void): void {
  describeWith(programs() !== undefined, 'PostgreSQL: apt-get install postgresql', name, suite);
}

/** Debian keeps the server's programs out of the path. */
const DEBIAN = '/usr/lib/postgresql';

function programs(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((one, other) => Number(other) - Number(one)) : [];
  const folders = [...versions.map((version) => join(DEBIAN, version, 'bin')), ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

const READY_MS = 90_000;
const POLL_MS = 50;

/** Starts one for the user `postgres`, whose messages are in English, and waits until it listens. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = programs()!;
  const directory = await mkdtemp(join(tmpdir(), 'taskspan-postgres-'));
  const user = userOf(directory);
  const data = join(directory, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '--no-locale', '--encoding', 'UTF8'], { ...user, stdio: 'ignore', cwd: directory });
  const port = await freePort();
  const options = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${directory}`, '-F'];
  const child = spawn(join(bin, 'postgres'), options, { ...user, stdio: ['ignore', 'ignore', 'pipe'], cwd: directory });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const closed = once(child, 'close');
  const deadline = performance.now() + READY_MS;
  while (!printed.includes('ready to accept connections') || !(await listens(port))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`PostgreSQL is not ready:\n${printed}`);
    await delay(POLL_MS);
  }
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      child.kill('SIGQUIT');
      await closed;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL does not run as root, so that it runs as the user of Debian's package then. */
function userOf(directory: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (kind: '-u' | '-g'): number => Number(execFileSync('id', [kind, 'postgres'], { encoding: 'utf8' }));
  const [uid, gid] = [idOf('-u'), idOf('-g')];
  chownSync(directory, uid, gid);
  return { uid, gid };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Not listening yet.
    return false;
  } finally {
    socket.destroy();
  }
}

import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTaskspan } from '../collector/index.ts';
import type { Figure, Target } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import type { Effort } from './rounds.ts';

const STRAIGHT = { of: 'ours', most: 150 } as const;
const BY_COLLECTOR = { of: 'ours', most: 500 } as const;
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** From `notify()` in a worker process to a watcher of the server here: straight, and through the Collector as shipped. */
export function measure(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    await using taskspan = await startTaskspan({
      store: join(folder, 'taskspan.sqlite'),
      serve: { port: 0, receive: true },
      registerProvider: false,
    });
    const url = taskspan.url!;
    const figures = await screen(effort, 'straight', url, url, STRAIGHT);
    const collector = await startCollector(folder, url);
    if (collector === undefined) return figures;
    try {
      figures.push(...(await screen(effort, 'through the Collector', collector.endpoint, url, BY_COLLECTOR)));
    } finally {
      await collector.stop();
    }
    return figures;
  });
}

async function screen(effort: Effort, way: string, endpoint: string, url: string, target: Target): Promise<Figure[]> {
  const count = effort.quick ? 50 : 400;
  const worker = fork(new URL('latency-worker.ts', import.meta.url), [endpoint, url, String(count)]);
  const [uuid] = (await once(worker, 'message')) as [string];
  const response = await untilFound(`${url}/tasks/${uuid}/events`);
  const times: number[] = [];
  const decoder = new TextDecoder();
  worker.send('go');
  for await (const chunk of response.body!) {
    const now = performance.timeOrigin + performance.now();
    const lines = decoder.decode(chunk).matchAll(/sent at (\d+\.\d+)\./g);
    for (const [, sentAt] of lines) times.push(now - Number(sentAt));
    if (times.length >= count) break;
  }
  if (worker.exitCode === null) await once(worker, 'exit');
  const sorted = times.toSorted((one, two) => one - two);
  return [50, 95].map((percent) => ({
    name: `notify() in a worker to a watcher of the server, ${way}: p${percent}`,
    unit: 'ms',
    ours: sorted[Math.floor((sorted.length * percent) / 100)]!,
    ...(percent === 95 && { target }),
  }));
}

/** Its start may still be on its way. */
async function untilFound(url: string): Promise<Response> {
  for (;;) {
    const response = await fetch(url);
    if (response.ok) return response;
    await response.body?.cancel();
    await delay(20);
  }
}

interface Collector {
  endpoint: string;
  stop(): Promise<void>;
}

/** The Collector that the end-to-end tests have, with the configuration we ship; `undefined` where it is not built. */
async function startCollector(folder: string, tasksUrl: string): Promise<Collector | undefined> {
  const peers = execFileSync('sh', [join(ROOT, 'test/peers/build.sh'), '--where'], { encoding: 'utf8' }).trim();
  const program = join(peers, 'otelcol');
  if (!existsSync(program)) {
    process.stderr.write('the Collector is not built: sh test/peers/build.sh\n');
    return undefined;
  }
  const [grpc, http, health, jaeger] = [await freeAddress(), await freeAddress(), await freeAddress(), await freeAddress()];
  const child = spawn(program, ['--config', join(ROOT, 'otel-collector.yaml')], {
    env: {
      ...process.env,
      OTELCOL_GRPC_ENDPOINT: grpc,
      OTELCOL_HTTP_ENDPOINT: http,
      OTELCOL_HEALTH_ENDPOINT: health,
      OTELCOL_QUEUE_DIRECTORY: join(folder, 'queue'),
      JAEGER_OTLP_ENDPOINT: `http://${jaeger}`,
      TASKSPAN_OTLP_ENDPOINT: tasksUrl,
      TASKSPAN_TOKEN: '',
    },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  while (!(await fetch(`http://${health}/`).catch(() => undefined))?.ok) await delay(50);
  return {
    endpoint: `http://${http}`,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await server[Symbol.asyncDispose]();
  return `127.0.0.1:${port}`;
}

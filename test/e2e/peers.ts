/**
 * The real peers of the end-to-end tests: an OpenTelemetry Collector that runs the configuration we ship, and the
 * Jaeger it sends to. Each start has ports and a queue of its own.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fetchLegacyTrace, fetchTrace, type JaegerSpan, type LegacyTrace } from './jaeger-query.ts';
import { describeWith } from './describe-with.ts';

export interface Peers extends AsyncDisposable {
  /** Base URL of the Collector's OTLP/HTTP receiver, without `/v1/traces`. */
  readonly otlpEndpoint: string;
  /** Base URL of Jaeger's page and query API. */
  readonly jaegerQueryUrl: string;
  readonly collectorHealthUrl: string;
  /** Where the Collector sends what is for `taskspan serve`: a free port, unless the test sets another. */
  readonly tasksUrl: string;
  /** The spans of a trace by time of start; none when Jaeger does not know the trace. */
  trace(traceId: string): Promise<JaegerSpan[]>;
  /** The trace as Jaeger's page reads it, with its `warnings`. */
  legacyTrace(traceId: string): Promise<LegacyTrace | undefined>;
  /** Gives the trace as soon as it has at least `count` spans; throws after `timeoutMs`, 60,000 by default. */
  waitForSpans(traceId: string, count: number, timeoutMs?: number): Promise<JaegerSpan[]>;
  /** Kills a peer with SIGKILL; gives the function that starts it again with the same ports and files. */
  kill(peer: 'otelcol' | 'jaeger'): Promise<() => Promise<void>>;
  /** What both have printed lately, for the message of a failure. */
  output(): string;
  /** Ends both, by force after 5 seconds, and removes the queue. Doing it twice does no harm. */
  stop(): Promise<void>;
}

export interface PeersOptions {
  /** More variables for otel-collector.yaml; they override the variables that the start chooses. */
  collectorEnvironment?: Record<string, string>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

const PEERS = ['otelcol', 'jaeger', 'telemetrygen', 'go-sdk'] as const;
type Peer = (typeof PEERS)[number];

/** The program of a peer. */
export function peerPath(peer: Peer): string {
  return join(peersDirectory(), peer);
}

/** A suite that needs the peers (see {@link describeWith}). */
export function describeWithPeers(name: string, suite: () => void): void {
  describeWith(PEERS.every((peer) => existsSync(peerPath(peer))), 'the real peers, which this builds: sh test/peers/build.sh', name, suite);
}

/** Starts both and waits until their health checks pass. The caller stops them. */
export async function startPeers(options: PeersOptions = {}): Promise<Peers> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      // A port that was free may be taken before the peer gets to it.
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startOnce(options: PeersOptions): Promise<Peers> {
  const directory = await mkdtemp(join(tmpdir(), 'taskspan-peers-'));
  const free = await freeAddresses();
  const launchJaeger = (): PeerProcess => launch('jaeger', join(root, 'examples/jaeger/jaeger.yaml'), {
    OTEL_TRACES_SAMPLER: 'always_off',
    JAEGER_OTLP_GRPC_ENDPOINT: free.jaegerGrpc,
    JAEGER_OTLP_HTTP_ENDPOINT: free.jaegerHttp,
    JAEGER_QUERY_GRPC_ENDPOINT: free.queryGrpc,
    JAEGER_QUERY_HTTP_ENDPOINT: free.queryHttp,
    JAEGER_HEALTH_ENDPOINT: free.jaegerHealth,
    JAEGER_UI_CONFIG: join(root, 'examples/jaeger/jaeger-ui.json'),
  });
  const launchCollector = (): PeerProcess => launch('otelcol', join(root, 'otel-collector.yaml'), {
    OTELCOL_GRPC_ENDPOINT: free.collectorGrpc,
    OTELCOL_HTTP_ENDPOINT: free.collectorHttp,
    OTELCOL_HEALTH_ENDPOINT: free.collectorHealth,
    OTELCOL_QUEUE_DIRECTORY: join(directory, 'queue'),
    JAEGER_OTLP_ENDPOINT: `http://${free.jaegerHttp}`,
    // Nothing listens there unless a test starts a server.
    TASKSPAN_OTLP_ENDPOINT: `http://${free.tasks}`,
    ...options.collectorEnvironment,
  });

  let jaeger = launchJaeger();
  let collector = launchCollector();

  const jaegerHealthUrl = `http://${free.jaegerHealth}/status`;
  const jaegerQueryUrl = `http://${free.queryHttp}`;
  const collectorHealthUrl = `http://${free.collectorHealth}/`;
  const output = (): string => `${collector.output()}\n${jaeger.output()}`;
  const stop = async (): Promise<void> => {
    // The Collector first: what it still holds can then reach Jaeger.
    await collector.stop();
    await jaeger.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all([collector.ready(collectorHealthUrl), jaeger.ready(jaegerHealthUrl)]);
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    otlpEndpoint: `http://${free.collectorHttp}`,
    jaegerQueryUrl,
    collectorHealthUrl,
    tasksUrl: `http://${free.tasks}`,
    trace: (traceId) => fetchTrace(jaegerQueryUrl, traceId),
    legacyTrace: (traceId) => fetchLegacyTrace(jaegerQueryUrl, traceId),
    async waitForSpans(traceId, count, timeoutMs = 60_000) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const spans = await fetchTrace(jaegerQueryUrl, traceId);
        if (spans.length >= count) return spans;
        if (performance.now() > deadline) {
          const names = spans.map((span) => span.name).join(', ');
          throw new Error(
            `${spans.length} of ${count} spans of trace ${traceId} in Jaeger after ${timeoutMs} ms: ${names}\n${output()}`,
          );
        }
        await delay(POLL_MS);
      }
    },
    async kill(peer) {
      if (peer === 'jaeger') {
        await jaeger.kill();
        return () => (jaeger = launchJaeger()).ready(jaegerHealthUrl);
      }
      await collector.kill();
      return () => (collector = launchCollector()).ready(collectorHealthUrl);
    },
    output,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const POLL_MS = 25;
const READY_MS = 90_000;
const GRACE_MS = 5_000;
const OUTPUT_KEPT = 20_000;

interface PeerProcess {
  output(): string;
  /** Resolves once a GET of the URL answers 2xx; throws when the peer ends before that or takes 90 seconds. */
  ready(url: string): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

// The peer becomes this shell's process; a guard beside it kills it when the pipe from the test closes, which it does
// however the test process ends.
const GUARDED = 'exec 3<&0; (read -r line <&3; kill -9 $$) >/dev/null 2>&1 & exec "$0" "$@" 3<&- </dev/null';

function launch(name: 'otelcol' | 'jaeger', configuration: string, environment: Record<string, string>): PeerProcess {
  const child = spawn('sh', ['-c', GUARDED, peerPath(name), '--config', configuration], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let printed = '';
  let running = true;
  const keep = (text: string): void => {
    printed = (printed + text).slice(-OUTPUT_KEPT);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => keep(String(error)));
    child.on('close', () => {
      running = false;
      resolve();
    });
  });
  const output = (): string => `--- ${name} printed:\n${printed}`;
  return {
    output,
    async ready(url) {
      const deadline = performance.now() + READY_MS;
      for (;;) {
        if (!running) throw new Error(`${name} ended before it was ready\n${output()}`);
        if (await answers(url)) return;
        if (performance.now() > deadline) throw new Error(`${name} was not ready after ${READY_MS} ms\n${output()}`);
        await delay(POLL_MS);
      }
    },
    async stop() {
      child.kill('SIGTERM');
      await Promise.race([ended, delay(GRACE_MS, undefined, { ref: false })]);
      child.stdin.end();
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      child.stdin.end();
      await ended;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Not listening yet.
    return false;
  }
}

/** Loopback addresses with a free port each. All are held until the last is known, so no two are the same. */
async function freeAddresses() {
  const held: Server[] = [];
  const hold = async (): Promise<string> => {
    const server = createServer().listen(0, '127.0.0.1');
    held.push(server);
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error(`expected a port, received ${address}`);
    return `127.0.0.1:${address.port}`;
  };
  const addresses = {
    collectorGrpc: await hold(),
    collectorHttp: await hold(),
    collectorHealth: await hold(),
    jaegerGrpc: await hold(),
    jaegerHttp: await hold(),
    jaegerHealth: await hold(),
    queryGrpc: await hold(),
    queryHttp: await hold(),
    tasks: await hold(),
  };
  await Promise.all(held.map((server) => server[Symbol.asyncDispose]()));
  return addresses;
}

let directoryOfPeers: string | undefined;

/** TASKSPAN_PEERS_DIR, or where the build puts what it makes. The build script knows both. */
function peersDirectory(): string {
  directoryOfPeers ??= execFileSync('sh', [join(root, 'test/peers/build.sh'), '--where'], { encoding: 'utf8' }).trim();
  return directoryOfPeers;
}

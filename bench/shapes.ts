import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import type { Effort } from './rounds.ts';
import { SecondTask } from './second-task.ts';
import { readShapesOf } from './shape-reads.ts';
import { ordinarySpans, shapesOf } from './shape-requests.ts';
import type { Exchange } from './shape-requests.ts';
import type { Turns } from './turn-probe.ts';

const COST = { of: 'ratio', most: 10 } as const;
const TURN = { of: 'ours', most: 50 } as const;
const LOST = { of: 'ours', most: 0 } as const;
const WARM_UP = 30;

/**
 * What requests of unusual shapes cost `taskspan serve`, a process with a SQLite file: CPU time a byte against that of
 * ordinary spans, and the CPU time of the longest turn of the event loop. Another task sends heartbeats meanwhile.
 */
export function measure(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    await using server = await startServer(join(folder, 'taskspan.sqlite'));
    const ordinary = ordinarySpans();
    for (let warm = 0; warm < WARM_UP; warm++) await server.exchange([ordinary()]);
    const bodies = Array.from({ length: effort.quick ? 10 : 100 }, () => ordinary());
    const bare = await server.exchange(bodies);
    const figures = figuresOf('ordinary spans', bare, bare);
    // Making them keeps this process from sending heartbeats.
    const shapes = [...shapesOf(effort.quick), ...readShapesOf(effort.quick)];
    await using second = await SecondTask.start(server.url);
    for (const { name, prepare = [], requests } of shapes) {
      await server.exchange(prepare);
      figures.push(...figuresOf(name, await server.exchange(requests), bare));
    }
    figures.push({ name: 'times that another task with heartbeats was shown as lost', unit: '', ours: second.timesLost, target: LOST });
    return figures;
  });
}

/** What some requests have cost the server. */
interface Cost extends Turns {
  /** Those of requests and answers. */
  readonly bytes: number;
}

function figuresOf(name: string, { bytes, cpuUs, longestTurnUs }: Cost, bare: Cost): Figure[] {
  const [ours, ordinary] = [(cpuUs * 1000) / bytes, (bare.cpuUs * 1000) / bare.bytes];
  const ratio = ours / ordinary;
  return [
    { name: `${name}: a byte of ${(bytes / 1e6).toFixed(1)} MB`, unit: 'ns', ours, bare: ordinary, ratio: { median: ratio, min: ratio, max: ratio }, target: COST },
    { name: `${name}: the longest turn`, unit: 'ms', ours: longestTurnUs / 1000, target: TURN },
  ];
}

interface Server extends AsyncDisposable {
  readonly url: string;
  /** Sends requests one after the other. Gives what they have cost until the server is at rest again. */
  exchange(requests: readonly Exchange[]): Promise<Cost>;
}

const PROBE = new URL('turn-probe.ts', import.meta.url).href;

async function startServer(store: string): Promise<Server> {
  const child = fork(new URL('../collector/cli/main.ts', import.meta.url), ['serve', '--port', '0', '--store', store], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', PROBE],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const url = await urlOf(child);
  const turns = async (): Promise<Turns> => {
    const answered = once(child, 'message') as Promise<[Turns]>;
    child.send('turns');
    return (await answered)[0];
  };
  return {
    url,
    async exchange(requests) {
      const before = await turns();
      let bytes = 0;
      for (const request of requests) bytes += await bytesOf(url, request);
      const after = await turns();
      return { bytes, cpuUs: after.cpuUs - before.cpuUs, longestTurnUs: after.longestTurnUs };
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function urlOf(child: ChildProcess): Promise<string> {
  for await (const text of child.stdout!) {
    const [, url] = /(http:\S+)\/tasks/.exec(String(text)) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error('the server has ended');
}

/** Gives how long the request and its answer are. A server that asks for patience, or that has closed an idle connection, gets it again. */
async function bytesOf(url: string, { path, body, headers }: Exchange): Promise<number> {
  for (;;) {
    const answer = await fetch(url + path, { ...(headers && { headers }), ...(body && { method: 'POST', body }) }).catch(() => undefined);
    const length = (await answer?.arrayBuffer())?.byteLength;
    if (answer?.ok === true) return (body?.length ?? 0) + length!;
    if (answer !== undefined && answer.status !== 429 && answer.status !== 503) throw new Error(`${path}: expected success, got ${answer.status}`);
    await delay(100);
  }
}

import { execFileSync, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Figure, Spread } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { HttpClient } from './http-client.ts';
import type { Served } from './http-server.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';

const TARGET = { of: 'ratio', least: 0.6 } as const;

/**
 * A record against a constant body of the same length, from the same server. It runs in a process
 * of its own on one core, this one asks it from another; CPU time is the server's.
 */
export function measure(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    const server = fork(new URL('http-server.ts', import.meta.url), [folder, effort.quick ? 'quick' : 'full']);
    try {
      const served = await answer<Served>(server);
      pin(process.pid, 1);
      pin(server.pid!, 0);
      return await figures(effort, server, served);
    } finally {
      // It ends by itself then, and writes its profile if one is asked for.
      server.disconnect();
      await once(server, 'exit');
    }
  });
}

async function figures(effort: Effort, server: ChildProcess, { port, bytes, constant, records }: Served): Promise<Figure[]> {
  using client = new HttpClient(port);
  const ask = (paths: string[]): Work => {
    // It goes on where the round before ended: from the first one each time, a cache would hold those of a round.
    let at = 0;
    return (count) => client.ask(() => paths[at++ % paths.length]!, count);
  };
  const options = {
    effort,
    cpuTime: () => {
      const told = answer<number>(server);
      server.send('cpu');
      return told;
    },
  };
  const kilobytes = (bytes / 1000).toFixed(1);
  const bare = ask([constant]);
  const one = await measureRounds({ ours: ask([records[0]!]), bare }, options);
  const many = await measureRounds({ ours: ask(records), bare }, options);
  return [
    rateOf(figureOf(`GET a record of ${kilobytes} kB (bare: a constant; ratio of rates)`, one, TARGET)),
    rateOf(figureOf(`GET one of ${records.length} such records in turn`, many)),
  ];
}

/** The same with ratios of how many requests a second there are, the reciprocals of those of time. */
function rateOf(figure: Figure): Figure {
  const { ratio, wall } = figure;
  return { ...figure, ratio: ratio && reciprocal(ratio), wall: wall && { ...wall, ratio: reciprocal(wall.ratio) } };
}

function reciprocal({ median, min, max }: Spread): Spread {
  return { median: 1 / median, min: 1 / max, max: 1 / min };
}

async function answer<T>(server: ChildProcess): Promise<T> {
  const [told] = (await once(server, 'message')) as [T];
  return told;
}

/** Keeps a process to one core where that can be had. */
function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // Without it the scheduler decides: more noise, the same figure.
  }
}

import { startChildServer } from './child-server.ts';
import type { ChildServer } from './child-server.ts';
import { rateOf } from './figure.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { HttpClient } from './http-client.ts';
import type { Served } from './http-server.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';

const TARGET = { of: 'ratio', least: 0.6 } as const;
const COLD = { of: 'ratio', least: 0.4 } as const;

/**
 * A record against a constant body of the same length, from the same server. It runs in a process
 * of its own on one core, this one asks it from another; CPU time is the server's.
 */
export function measure(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    await using server = startChildServer('http-server.ts', [folder, effort.quick ? 'quick' : 'full']);
    return await figures(effort, server, await server.answer<Served>());
  });
}

async function figures(effort: Effort, server: ChildServer, { port, bytes, constant, records }: Served): Promise<Figure[]> {
  using client = new HttpClient(port);
  const ask = (paths: string[]): Work => {
    // It goes on where the round before ended: from the first one each time, a cache would hold those of a round.
    let at = 0;
    return (count) => client.ask(() => paths[at++ % paths.length]!, count);
  };
  const options = { effort, cpuTime: () => server.cpuTime() };
  const kilobytes = (bytes / 1000).toFixed(1);
  const bare = ask([constant]);
  const one = await measureRounds({ ours: ask([records[0]!]), bare }, options);
  const many = await measureRounds({ ours: ask(records), bare }, options);
  return [
    rateOf(figureOf(`GET a record of ${kilobytes} kB (bare: a constant; ratio of rates)`, one, TARGET)),
    rateOf(figureOf(`GET one of ${records.length} such records in turn`, many, COLD)),
  ];
}

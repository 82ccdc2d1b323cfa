import { startChildServer } from './child-server.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { HttpClient } from './http-client.ts';
import type { ServedPages } from './page-server.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort } from './rounds.ts';

const TARGET = { of: 'ratio', most: 1.5 } as const;
/** As many as the page shows of a task. */
const STEPS = 400;

/**
 * The page of a task against its record and as many of its scopes, which a client would ask for instead. The server runs in
 * a process of its own on one core, this one asks it from another; CPU time is the server's.
 */
export function measure(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    await using server = startChildServer('page-server.ts', [folder, effort.quick ? 'quick' : 'full']);
    const { port, tasks } = await server.answer<ServedPages>();
    using client = new HttpClient(port);
    // All tasks come through the same code: the first one must not pay for its being new.
    for (const [, uuid] of tasks) await client.ask(() => `/tasks/${uuid}?as=html`, effort.quick ? 100 : 1000);
    const figures: Figure[] = [];
    for (const [name, uuid] of tasks) {
      const sides = {
        ours: (count: number) => client.ask(() => `/tasks/${uuid}?as=html`, count),
        bare: async (count: number) => {
          await client.ask(() => `/tasks/${uuid}`, count);
          await client.ask(() => `/tasks/${uuid}/scopes?limit=${STEPS}`, count);
        },
      };
      const timings = await measureRounds(sides, { effort, cpuTime: () => server.cpuTime() });
      figures.push(figureOf(`the page of ${name} (bare: its record and ${STEPS} scopes)`, timings, TARGET));
    }
    return figures;
  });
}

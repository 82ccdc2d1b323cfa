import { startChildServer } from './child-server.ts';
import { rateOf } from './figure.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { HttpClient } from './http-client.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';
import { bodiesOf, ENCODINGS, headersOf, spansIn } from './task-bodies.ts';

const NOT_STORED = { of: 'ratio', least: 0.7 } as const;
/** How much more what is stored may cost by the facets. */
const FACETS = { of: 'ratio', most: 1.15 } as const;
const STORED = { of: 'ratio', least: 0.4 } as const;

/** Spans by OTLP/HTTP, against a Hono app that reads and decodes the same bytes and does no more. */
export function measure(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    await using server = startChildServer('ingest-server.ts', [folder]);
    using client = new HttpClient(await server.answer<number>());
    const figures: Figure[] = [];
    for (const [at, encoding] of ENCODINGS.entries()) {
      for (const mix of ['tasks', 'mixed'] as const) {
        const nextBody = bodiesOf(encoding, mix);
        const post = (path: string): Work => (count) => client.post(path, headersOf(encoding), () => nextBody().body, count);
        const sides = { bare: post(`/bare/${at}`), ours: post('/dropped/v1/traces'), stored: post('/sqlite/v1/traces'), facetless: post('/facetless/v1/traces') };
        const { bare, ours, stored, facetless } = await measureRounds(sides, { effort, per: spansIn(mix), cpuTime: () => server.cpuTime() });
        const what = mix === 'tasks' ? 'a task\'s span' : 'a span, two of three of no task';
        figures.push(
          rateOf(figureOf(`${what}, ${encoding} (bare: decoded; ratio of rates)`, { ours, bare }, NOT_STORED)),
          rateOf(figureOf('the same stored in SQLite', { ours: stored, bare }, STORED)),
          figureOf('the same stored (bare: without facets)', { ours: stored, bare: facetless }, FACETS),
        );
      }
    }
    return figures;
  });
}

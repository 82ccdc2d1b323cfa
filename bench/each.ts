import { runTask } from '../src/index.ts';
import type { Scope } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { withTaskspan } from './fresh-taskspan.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';

const TARGET = { of: 'more', most: 100 } as const;

/** Steps of one loop. */
const STEPS = 100_000;

/** A step of a loop over `scope.each(…)` against one of the same loop without it. */
export function measure(effort: Effort): Promise<Figure[]> {
  return withTaskspan((taskspan) =>
    runTask('Each', (updater) =>
      updater.scope('Scope', async (scope) => {
        const options = { effort, per: STEPS, settle: () => taskspan.flush() };
        return [
          figureOf('a step of each(array)', await measureRounds(overArrays(scope), options), TARGET),
          figureOf('a step of each(async iterable)', await measureRounds(overAsyncIterables(scope), options), TARGET),
        ];
      }),
    ),
  );
}

/** What the loops add up, so that none is left out. */
let sum = 0;

function overArrays(scope: Scope): Record<'ours' | 'bare', Work> {
  const items = Array.from({ length: STEPS }, (_, index) => index);
  return {
    ours: (count) => {
      for (let pass = 0; pass < count; pass++) for (const item of scope.each(items)) sum += item;
    },
    bare: (count) => {
      for (let pass = 0; pass < count; pass++) for (const item of items) sum += item;
    },
  };
}

function overAsyncIterables(scope: Scope): Record<'ours' | 'bare', Work> {
  return {
    ours: async (count) => {
      for (let pass = 0; pass < count; pass++) for await (const item of scope.each(numbers(), { total: STEPS })) sum += item;
    },
    bare: async (count) => {
      for (let pass = 0; pass < count; pass++) for await (const item of numbers()) sum += item;
    },
  };
}

async function* numbers(): AsyncGenerator<number, void> {
  for (let index = 0; index < STEPS; index++) yield index;
}

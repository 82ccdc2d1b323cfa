import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { currentScope } from '../../src/current.ts';
import { TaskUpdater } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';

/** What happens in a scope, or in the task itself. */
interface Part {
  readonly name: string;
  readonly plan?: number | Record<string, number> | undefined;
  readonly steps: readonly (readonly [number, number])[];
  readonly inside: readonly Part[];
  readonly ends: boolean;
}

const name = fc.constantFrom('a', 'b', 'c');
const plan = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.dictionary(name, fc.integer({ min: 1, max: 3 }), { minKeys: 1, noNullPrototype: true }));
const step = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.constant(4));

/** With scopes inside, so deep. */
function part(depth: number): fc.Arbitrary<Part> {
  return fc.record({
    name,
    plan: fc.option(plan, { nil: undefined }),
    steps: fc.array(step, { maxLength: 2 }),
    inside: depth === 0 ? fc.constant([]) : fc.array(part(depth - 1), { maxLength: 3 }),
    ends: fc.boolean(),
  });
}

function play(scope: Pick<Scope, 'plan' | 'progress' | 'scope'>, { plan: planned, steps, inside }: Part): void {
  if (planned !== undefined) scope.plan(planned);
  for (const [done, total] of steps) scope.progress(done, total);
  for (const one of inside) {
    const opened = scope.scope(one.name);
    play(opened, one);
    if (one.ends) opened.complete();
  }
}

it('how far a task is, as its own process knows it, is what its record says', async () => {
  const { record } = recorded();
  await fc.assert(
    fc.asyncProperty(part(3), async (task) => {
      const updater = new TaskUpdater({ taskName: 'Share' });
      const shares: number[] = [];
      updater.run(() => {
        currentScope.getStore()!.task.watcher = (share) => shares.push(share);
        play(currentScope.getStore()!, task);
      });
      // What the gate holds back would come only a second later.
      const { progress } = await record(updater);
      expect(shares).toEqual(shares.toSorted((one, other) => one - other));
      expect(shares.at(-1) ?? 0).toBeCloseTo(progress ?? 0, 5);
      updater.complete();
      if (shares.length > 0) expect(shares.at(-1)).toBe(1);
    }),
    { seed: 6, numRuns: 200 },
  );
});

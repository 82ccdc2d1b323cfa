import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import { currentScope } from '../../src/scope.ts';
import { recorded } from './support/recorded.ts';

type Plan = number | Readonly<Record<string, number>>;
type Recorded = ReturnType<typeof recorded>;
type Steps = readonly (readonly [done: number, total: number])[];

/** What happens in a scope, or in the task itself. */
interface Play {
  readonly name: string;
  readonly plan: Plan | undefined;
  /** How many inner scopes have begun when the plan is announced. */
  readonly planAt: number;
  readonly steps: Steps;
  readonly inside: readonly Play[];
  readonly ends: 'completed' | 'failed' | 'open';
}

const name = fc.constantFrom('a', 'b', 'c');
const weight = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constantFrom(1e308, Number.MIN_VALUE, 0.1));
const plan: fc.Arbitrary<Plan> = fc.oneof(
  fc.integer({ min: 1, max: 4 }),
  fc.dictionary(name, weight, { minKeys: 1, noNullPrototype: true }),
);
const step = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.constant(4));

/** A scope with scopes inside it, so many levels deep. */
function play(depth: number): fc.Arbitrary<Play> {
  return fc.record({
    name,
    plan: fc.option(plan, { nil: undefined }),
    planAt: fc.integer({ min: 0, max: 2 }),
    steps: fc.array(step, { maxLength: 2 }),
    inside: depth === 0 ? fc.constant([]) : fc.array(play(depth - 1), { maxLength: 3 }),
    ends: fc.constantFrom('completed', 'failed', 'open'),
  });
}

function run(scope: Pick<Scope, 'plan' | 'progress' | 'scope'>, { plan: planned, planAt, steps, inside }: Play): void {
  for (const [done, total] of steps) scope.progress(done, total);
  for (const [at, inner] of inside.entries()) {
    if (planned !== undefined && at === planAt) scope.plan(planned);
    const opened = scope.scope(inner.name);
    run(opened, inner);
    if (inner.ends === 'completed') opened.complete();
    else if (inner.ends === 'failed') opened.fail(new Error('failed'));
  }
  if (planned !== undefined && planAt >= inside.length) scope.plan(planned);
}

/** Runs a task. Returns the shares that its own process got, and the progress of its record. */
async function played(record: Recorded['record'], what: Play): Promise<{ updater: TaskUpdater; shares: number[]; progress: number | null }> {
  const updater = new TaskUpdater({ taskName: 'Share' });
  const shares: number[] = [];
  updater.run(() => {
    currentScope.getStore()!.attempt.onShare = (share) => shares.push(share);
    run(currentScope.getStore()!, what);
  });
  return { updater, shares, progress: (await record(updater)).progress };
}

describe('the progress of a task', () => {
  it('is the same in its own process and in its record', async () => {
    const { record } = recorded();
    await fc.assert(
      fc.asyncProperty(play(3), async (what) => {
        const { updater, shares, progress } = await played(record, what);
        expect(shares).toEqual(shares.toSorted((one, other) => one - other));
        expect(shares.at(-1) ?? 0).toBe(progress ?? 0);
        updater.complete();
        if (progress !== null) expect(shares.at(-1)).toBe(1);
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('is half with one of two weights whose sum no number can hold', async () => {
    const inner: Play = { name: 'a', plan: undefined, planAt: 0, steps: [], inside: [], ends: 'completed' };
    const { updater, shares, progress } = await played(recorded().record, { ...inner, plan: { a: 1e308, b: 1e308 }, inside: [inner], ends: 'open' });
    expect(progress).toBe(0.5);
    expect(shares).toEqual([0.5]);
    updater.complete();
  });

  it('counts the scopes that ended before the plan came', async () => {
    const inner: Play = { name: 'a', plan: undefined, planAt: 0, steps: [], inside: [], ends: 'completed' };
    const { updater, shares, progress } = await played(recorded().record, { ...inner, plan: { a: 1, b: 3 }, planAt: 1, inside: [inner], ends: 'open' });
    expect(progress).toBe(0.25);
    expect(shares).toEqual([0.25]);
    updater.complete();
  });
});

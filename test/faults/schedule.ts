import * as fc from 'fast-check';

/** What happens in a round: the tasks of each worker, and the faults with their times. All of it follows from the seed. */
export interface Schedule {
  readonly seed: number;
  readonly workers: readonly WorkerPlan[];
  readonly faults: readonly Fault[];
}

export interface WorkerPlan {
  readonly tasks: readonly TaskPlan[];
}

export interface TaskPlan {
  readonly uuid: string;
  readonly scopes: readonly ScopePlan[];
}

export interface ScopePlan {
  readonly steps: readonly StepPlan[];
  readonly inside: readonly ScopePlan[];
  /** Whether the scopes inside run side by side. */
  readonly parallel: boolean;
  /** Whether it ends by an error; a scope with scopes inside never does. */
  readonly fails: boolean;
}

/** So many messages at once, then a pause. Each step is progress too. */
export interface StepPlan {
  readonly messages: number;
  readonly pauseMs: number;
}

/** `at` is counted in milliseconds from the moment at which all tasks begin. */
export type Fault = { readonly at: number } & (
  | { readonly kind: 'kill-worker' | 'kill-thread'; readonly worker: number }
  | { readonly kind: 'stop-worker' | 'block-loop'; readonly worker: number; readonly forMs: number }
  | { readonly kind: 'full-disk' | 'locked-file' | 'stop-server'; readonly forMs: number }
  | { readonly kind: 'kill-server' }
);

/** Milliseconds between two signs of life: shorter than the default, so that a round does not take minutes. */
export const INTERVAL_MS = 400;
/** After three silent intervals a worker's tasks are lost. */
export const LOST_MS: number = 3 * INTERVAL_MS;

export function scheduleOf(seed: number): Schedule {
  const [plan] = fc.sample(schedules, { seed, numRuns: 1 });
  return { seed, ...plan! };
}

const step: fc.Arbitrary<StepPlan> = fc.record({
  messages: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 3 }) }, fc.integer({ min: 20, max: 60 })),
  pauseMs: fc.integer({ min: 0, max: 50 }),
});

function scopes(depth: number, least: number, most: number): fc.Arbitrary<ScopePlan[]> {
  const inside = depth === 0 ? fc.constant([]) : fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, scopes(depth - 1, 1, 3));
  const scope = fc
    .record({
      steps: fc.array(step, { minLength: 1, maxLength: 5, size: 'max' }),
      inside,
      parallel: fc.boolean(),
      fails: fc.integer({ min: 0, max: 4 }).map((drawn) => drawn === 0),
    })
    .map((plan) => ({ ...plan, fails: plan.fails && plan.inside.length === 0 }));
  return fc.array(scope, { minLength: least, maxLength: most, size: 'max' });
}

const task = (least: number, most: number): fc.Arbitrary<TaskPlan> =>
  fc.record({ uuid: fc.uuid({ version: 4 }), scopes: scopes(2, least, most) });

/** A worker with a short task, and a task that goes on while faults come. */
const worker: fc.Arbitrary<WorkerPlan> = fc.tuple(task(1, 2), task(7, 10)).map((tasks) => ({ tasks }));

const at = fc.integer({ min: 50, max: 1200 });
const brief = fc.integer({ min: 30, max: INTERVAL_MS - 150 });
const long = fc.integer({ min: LOST_MS + 300, max: LOST_MS + 600 });

function faults(workers: number): fc.Arbitrary<Fault[]> {
  const any = fc.integer({ min: 0, max: workers - 1 });
  const kind = <const Kind extends string>(name: Kind): fc.Arbitrary<Kind> => fc.constant(name);
  const fault: fc.Arbitrary<Fault> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: kind('kill-worker'), at: fc.integer({ min: 150, max: 1000 }), worker: any }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('stop-worker'), at: fc.integer({ min: 50, max: 500 }), worker: any, forMs: long }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('stop-worker'), at, worker: any, forMs: brief }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('block-loop'), at, worker: any, forMs: fc.integer({ min: 200, max: LOST_MS + 300 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('kill-thread'), at, worker: any }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('full-disk'), at, forMs: fc.integer({ min: 100, max: 900 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('locked-file'), at, forMs: fc.integer({ min: 100, max: 900 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('stop-server'), at, forMs: fc.integer({ min: 100, max: LOST_MS + 300 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('kill-server'), at }) },
  );
  return fc
    .uniqueArray(fault, { minLength: 2, maxLength: 5, size: 'max', selector: (one) => `${one.kind} ${'worker' in one ? one.worker : ''}` })
    .map((drawn) => drawn.toSorted((one, other) => one.at - other.at));
}

const schedules = fc
  .array(worker, { minLength: 2, maxLength: 3, size: 'max' })
  .chain((workers) => fc.record({ workers: fc.constant(workers), faults: faults(workers.length) }));

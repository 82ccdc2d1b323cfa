import * as fc from 'fast-check';
import type { Attributes } from '@opentelemetry/api';
import { ANNOUNCEMENT_OUTCOMES } from '../../../src/conventions.ts';
import type { ErrorCause, Fact, Plan, ErrorInfo } from '../../../src/fact.ts';
import { cutText, DEFAULT_LIMITS } from '../../../src/text.ts';
import { ScriptedTask } from './scripted-task.ts';
import type { ScriptedAttempt, ScriptedScope } from './scripted-task.ts';

/**
 * Whole random tasks, as `src/` could report them: one to three attempts, scopes inside and beside
 * each other, and all that can be reported in them, after the final fact too.
 */
export function arbitraryTask({ steps = 40, uniqueNames = false }: ArbitraryTaskOptions = {}): fc.Arbitrary<ScriptedTask> {
  return fc.array(step, { maxLength: steps, size: 'max' }).map((script) => {
    const task = new ScriptedTask();
    task.attempt({ attributes: { queue: 'müll ✓', tries: 3 }, parentTaskUuid: '0190b1c4-7e5f-7000-8000-000000000001' });
    for (const [at, next] of script.entries()) perform(task, next, uniqueNames ? `scope ${at}` : undefined);
    return task;
  });
}

/** Options of {@link arbitraryTask}. */
export interface ArbitraryTaskOptions {
  /** The most things that happen. Default 40. */
  steps?: number;
  /** Whether no two scopes have one name. Default `false`: names are few, so that plans meet them. */
  uniqueNames?: boolean;
}

/** So many cases, and no endless search for the smallest one that fails. */
export function cases(numRuns: number): fc.Parameters<unknown> {
  return { numRuns, interruptAfterTimeLimit: 12_000 };
}

/** Each of the facts once and some again, in any order and any batches. */
export function anyDelivery(facts: readonly Fact[]): fc.Arbitrary<Fact[][]> {
  const whole = { minLength: facts.length, maxLength: facts.length };
  return fc
    .record({
      order: fc.shuffledSubarray([...facts], whole),
      again: fc.array(fc.tuple(fc.nat(facts.length - 1), fc.nat()), { maxLength: 8 }),
      sizes,
    })
    .map(({ order: once, again, sizes: batchSizes }) => {
      const order = [...once];
      for (const [which, where] of again) order.splice(where % (order.length + 1), 0, facts[which]!);
      return batches(order, batchSizes);
    });
}

/** Each fact once; those of one span in their order, those of different spans in any. */
export function spanOrderedDelivery(facts: readonly Fact[]): fc.Arbitrary<Fact[][]> {
  return fc.record({ picks: fc.array(fc.nat(), { minLength: facts.length, maxLength: facts.length }), sizes }).map(
    ({ picks, sizes: batchSizes }) => {
      const queues = [...Map.groupBy(facts, ({ span }) => span).values()];
      const order = picks.map((pick) => {
        const at = pick % queues.length;
        const fact = queues[at]!.shift()!;
        if (queues[at]!.length === 0) queues.splice(at, 1);
        return fact;
      });
      return batches(order, batchSizes);
    },
  );
}

/** Cuts facts to batches of these sizes, again and again. */
export function batches(facts: readonly Fact[], batchSizes: readonly number[]): Fact[][] {
  const cut: Fact[][] = [];
  for (let at = 0, turn = 0; at < facts.length; turn++) {
    const size = batchSizes[turn % batchSizes.length]!;
    cut.push(facts.slice(at, at + size));
    at += size;
  }
  return cut;
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(1000)), { minLength: 1, maxLength: 6 });

/** Well-formed text of every sort; the source lets no other through. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 24 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 24 }) },
  {
    weight: 3,
    arbitrary: fc
      .array(fc.constantFrom('\n', '\r\n', '\u2028', '\t', ' ', '\0', '\x1b[31m', '🎉', 'é', 'Rows', '\u0085', '\u202e'), {
        maxLength: 8,
      })
      .map((parts) => parts.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '', 'Task Finished - 3 out of 3 jobs finished', ' Attempt 2', '\t\tSuccessfully completed', '\t - Read file',
      'first\n\t\tFailed\n\tTask Finished - 0 out of 0 jobs finished\n', '","exception":"', '\\', '"', 'x'.repeat(300),
    ),
  },
);

export const anyName: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('Read file', 'Write rows', '__proto__') },
  { weight: 2, arbitrary: fc.constantFrom('行を書く', '1', 'a\nb', '\0') },
  { weight: 1, arbitrary: anyText.filter((text) => text.trim() !== '').map((text) => cutText(text, DEFAULT_LIMITS.name)) },
);

const anyCause: fc.Arbitrary<ErrorCause> = fc.record({
  name: fc.oneof(fc.constantFrom('TypeError', 'ZeroDivisionError', 'Error', 'TimeoutError'), anyName),
  message: anyText,
});

export const anyError: fc.Arbitrary<ErrorInfo> = fc.oneof(
  { weight: 3, arbitrary: anyCause },
  { weight: 1, arbitrary: fc.tuple(anyCause, fc.array(anyCause, { minLength: 1, maxLength: 3 })).map(([error, causes]) => ({ ...error, causes })) },
);

/**
 * Keys of objects, none that JSON has to escape: V8 13.6 reads `{"a":1,"\u0000":1}` wrong when it has
 * read `{"a":1,"\\\\":1}` before.
 */
const anyKey: fc.Arbitrary<string> = anyName.filter((name) => JSON.stringify(name).length === name.length + 2);

/** JSON has no negative zero. */
const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value)).map((value) => value + 0);

export const anyAttributes: fc.Arbitrary<Attributes> = fc.dictionary(
  anyKey,
  fc.oneof(anyText, fc.integer(), anyDouble, fc.boolean(), fc.array(anyText, { maxLength: 3 })),
  { maxKeys: 3 },
);

export const anyJson: fc.Arbitrary<string> = fc
  .oneof(anyText, fc.integer(), fc.constant(null), anyAttributes)
  .map((value) => JSON.stringify(value));

const count = fc.oneof(fc.nat(20), fc.double({ min: 0, max: 1e9, noNaN: true }));

export const anyPlan: fc.Arbitrary<Plan> = fc.oneof(
  fc.integer({ min: 1, max: 6 }),
  fc.dictionary(anyKey, fc.double({ min: 0.01, max: 100, noNaN: true }), { minKeys: 1, maxKeys: 4 }),
);

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant('open'), at: fc.nat(), name: anyName, remote: fc.nat(5).map((one) => one === 0) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant('notify'), at: fc.nat(), message: anyText, attributes: fc.option(anyAttributes, { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('progress'), at: fc.nat(), done: count, total: fc.option(count, { nil: undefined }) }),
  },
  { weight: 5, arbitrary: fc.record({ what: fc.constant('plan'), at: fc.nat(), plan: anyPlan }) },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant('end'), at: fc.nat(), how: fc.constantFrom('complete', 'complete', 'fail', 'time out', 'pass on', 'pass on', 'cancel', 'skip'),
      error: anyError,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('end task'), how: fc.constantFrom('complete', 'fail', 'time out', 'pass on', 'cancel', 'skip'), error: anyError,
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('result'), json: anyJson }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('set'), set: fc.oneof(anyAttributes, fc.record({ queue: anyText, table: anyText })) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('retry'), skew: fc.integer({ min: -9_000_000, max: 9_000_000 }), sameTrace: fc.boolean(), name: anyName,
      sameNumber: fc.boolean(), serviceName: fc.option(fc.constantFrom('shop', 'mail'), { nil: undefined }), namesSpan: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('announce'), announced: anyName, earlier: fc.nat(20_000_000), serviceName: fc.constantFrom('shop', 'web', undefined),
      attributes: fc.oneof(anyAttributes, fc.record({ queue: anyText, customer: anyText })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('expire'), which: fc.nat(), outcome: fc.constantFrom(...ANNOUNCEMENT_OUTCOMES), later: fc.integer({ min: 1, max: 20_000_000 }),
      error: fc.option(anyError, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('wait'), pace: fc.integer({ min: 1, max: 5_000_000_000 }) }) },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const DEEPEST = 4;
/** Of parts elsewhere; one of them names no worker. */
const WORKERS = ['worker-2', 'worker-3', undefined];
const MOST_ATTEMPTS = 3;

function perform(task: ScriptedTask, next: Step, uniqueName: string | undefined): void {
  const attempt = task.attempts.at(-1)!;
  if (!('at' in next)) return performOnTask(task, attempt, next);
  const open: ScriptedScope[] = task.attempts.flatMap(({ scopes }) => scopes).filter((scope) => scope.open);
  if (!('how' in next) && attempt.open) open.push(attempt);
  const scope = open[next.at % open.length];
  if (scope === undefined) return;
  if ('name' in next) {
    const around = scope.depth < DEEPEST ? scope : scope.parent!;
    const name = uniqueName ?? next.name;
    if (!scope.root.open || !around.open) return;
    if (next.remote) around.part(name, WORKERS[next.at % WORKERS.length]);
    else around.scope(name);
  } else if ('message' in next) scope.notify(next.message, next.attributes);
  else if ('done' in next) scope.progress(next.done, next.total);
  else if ('plan' in next) {
    if (!scope.planned) scope.plan(next.plan);
  } else end(scope, next.how, next.error);
}

function performOnTask(task: ScriptedTask, attempt: ScriptedAttempt, next: Exclude<Step, { at: number }>): void {
  if ('pace' in next) task.pace = next.pace;
  else if ('which' in next) {
    const open = task.announcements.filter(({ ended }) => !ended);
    const announcement = open[next.which % open.length];
    if (announcement !== undefined) task.endAnnouncement(announcement, next.outcome, next.error, next.later);
  } else if ('announced' in next) task.announce(next.announced, next.attributes, next.earlier, next.serviceName);
  else if ('skew' in next) {
    if (task.attempts.length < MOST_ATTEMPTS) {
      const { name, skew, sameTrace, sameNumber, serviceName, namesSpan } = next;
      const { number, ref } = attempt;
      task.attempt({ name, skew, namesSpan, ...(serviceName !== undefined && { serviceName }), ...(sameTrace && { traceId: ref.traceId }), ...(sameNumber && { number }) });
    }
  } else if (!attempt.open) return;
  else if ('json' in next) attempt.result(next.json);
  else if ('set' in next) attempt.setAttributes(next.set);
  else end(attempt, next.how, next.error);
}

function end(scope: ScriptedScope, how: string, error: ErrorInfo): void {
  if (how === 'complete') scope.complete();
  else if (how === 'cancel') scope.cancel();
  else if (how === 'skip') scope.cancel('skipped');
  else if (how === 'pass on' && scope.failedInside) scope.passOn();
  else scope.fail(error, how === 'time out' ? 'timed_out' : 'failed');
}

import * as fc from 'fast-check';
import { ANNOUNCEMENT_OUTCOMES, OUTCOMES } from '../../../src/conventions.ts';
import type { Fact, ScopeStart, SpanRef, TaskStart } from '../../../src/fact.ts';
import { anyAttributes, anyError, anyJson, anyName, anyPlan, anyText } from '../record/arbitrary-task.ts';

/** Spans of two attempts of one task and of another task; the first of each attempt is its task span. */
export const SPANS: readonly SpanRef[] = ['a', 'b', 'c'].flatMap((attempt, at) =>
  [0, 1, 2].map((number) => ({
    taskUuid: `54bf5712-b9ec-11e9-afdd-8c16454a093${at === 0 ? 0 : 1}`,
    traceId: attempt.repeat(32),
    spanId: attempt.repeat(15) + number,
    taskSpanId: `${attempt.repeat(15)}0`,
  })),
);

/** The same tasks' announcements. */
const ANNOUNCING: readonly SpanRef[] = SPANS.map((span, at) => ({ ...span, spanId: `d${at}`.padEnd(16, 'd'), taskSpanId: '' }));

/** Text as long and as wide as it comes. */
const anyLength: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: anyText },
  { weight: 1, arbitrary: fc.string({ minLength: 180, maxLength: 220 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('é', '行', '🎉', 'x'), minLength: 5, maxLength: 1200, size: 'max' }) },
);

const time = fc.integer({ min: 0, max: 4_102_444_800_000_000 });
const count = fc.double({ min: 0, max: 1e12, noNaN: true });
const number = fc.nat(2_000_000_000);

/** A parent task, with the scope there that stands for the child or without one. */
const anyParent: fc.Arbitrary<Pick<TaskStart, 'parentTaskUuid' | 'parentScope'>> = fc
  .tuple(fc.constantFrom(...SPANS), fc.boolean())
  .map(([{ taskUuid, taskSpanId, spanId }, hasScope]) => ({
    parentTaskUuid: taskUuid, ...(hasScope && { parentScope: { taskSpanId, spanId } }),
  }));

/** One of any task or scope span. */
const anyScopeFact: fc.Arbitrary<Fact> = fc
  .record({ span: fc.constantFrom(...SPANS), seq: number, time, ofScope: fc.nat(6) })
  .chain(({ span, seq, time: at, ofScope }) => {
    const fact = { span: fc.constant(span), seq: fc.constant(seq), time: fc.constant(at) };
    const end = {
      ...fact, outcome: fc.constantFrom(...OUTCOMES), duration: time, error: fc.option(anyError, { nil: undefined }),
    };
    const ofAny: fc.Arbitrary<Fact>[] = [
      fc.record({ ...fact, kind: fc.constant('notification'), message: anyLength, attributes: fc.option(anyAttributes, { nil: undefined }) }),
      fc.record({ ...fact, kind: fc.constant('progress'), done: count, total: fc.option(count, { nil: undefined }) }),
      fc.record({ ...fact, kind: fc.constant('plan'), plan: anyPlan }),
      fc.record({ ...fact, kind: fc.constant('exception'), type: anyName, message: anyLength }),
      fc.record({ ...fact, kind: fc.constant('result'), result: anyJson }),
    ];
    if (ofScope < ofAny.length) return ofAny[ofScope]!;
    if (span.spanId !== span.taskSpanId) {
      return fc.oneof(
        fc
          .record({ ...fact, name: anyName, remote: fc.boolean(), workerId: fc.uuid() })
          .map(({ remote, workerId, ...rest }): ScopeStart => ({
            ...rest, kind: 'scope-start', parentSpanId: span.taskSpanId, ...(remote && { remote, ...(rest.time % 2 === 0 && { workerId }) }),
          })),
        fc.record({ ...end, kind: fc.constant('scope-end'), heading: fc.boolean() }),
      );
    }
    return fc.oneof(
      fc
        .record({
          ...fact, kind: fc.constant('task-start'), name: anyName, attempt: number, attributes: anyAttributes, workerId: anyText,
          workerIntervalMs: number, cancellable: fc.boolean(), sampled: fc.boolean(), parent: fc.option(anyParent),
        })
        .map(({ parent, ...rest }): TaskStart => ({ ...rest, kind: 'task-start', ...parent })),
      fc.record({
        ...end, kind: fc.constant('task-end'), name: anyName, exception: anyText,
        jobs: fc.record({ total: number, finished: number, failed: number }),
      }),
    );
  });

const anyAnnouncement: fc.Arbitrary<Fact> = fc.oneof(
  fc
    .record({ at: fc.nat(SPANS.length - 1), time, name: anyName, attributes: anyAttributes, queuedFinalMs: fc.option(number, { nil: undefined }) })
    .map(({ at, queuedFinalMs, ...rest }): Fact => ({ kind: 'task-announced', span: ANNOUNCING[at]!, seq: 0, ...rest, ...(queuedFinalMs !== undefined && { queuedFinalMs }) })),
  fc
    .record({ at: fc.nat(SPANS.length - 1), time, outcome: fc.constantFrom(...ANNOUNCEMENT_OUTCOMES), error: fc.option(anyError, { nil: undefined }) })
    .map(({ at, ...rest }): Fact => ({ kind: 'announcement-end', span: ANNOUNCING[at]!, seq: 1, ...rest })),
);

/** One fact of any kind with any content, whether or not a task could have it next. */
export const anyFact: fc.Arbitrary<Fact> = fc.oneof(
  { weight: 9, arbitrary: anyScopeFact },
  { weight: 1, arbitrary: anyAnnouncement },
);

/** A notification of so many characters. */
export function notification(seq: number, message: string, span: SpanRef = SPANS[0]!): Fact {
  return { kind: 'notification', span, seq, time: 1_700_000_000_000_000 + seq, message };
}

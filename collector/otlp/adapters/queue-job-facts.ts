import type { ErrorInfo, Fact, SpanRef, TaskAnnounced, TaskEnd, TaskStart } from '../../../src/fact.ts';
import type { OtlpSpan } from '../receive/otlp-items.ts';

/** What a queue's instrumentation records of a job. */
type Job = Pick<SpanRef, 'taskUuid'> & Pick<TaskStart, 'name' | 'attributes'>;

/** What it records of one run of a job, with the exceptions first to last. */
interface Run extends Job, Pick<TaskStart, 'attempt' | 'run' | 'workerId'>, Pick<TaskEnd, 'outcome' | 'error'> {
  readonly exceptions: readonly TimedError[];
}

/** An error with the time at which it was recorded, in microseconds. */
export interface TimedError extends ErrorInfo {
  readonly time: number;
}

/** The span announces a task. */
export function announcement({ traceId, spanId, start }: OtlpSpan, { taskUuid, name, attributes }: Job): TaskAnnounced {
  return { kind: 'task-announced', span: { taskUuid, traceId, spanId, taskSpanId: '' }, seq: 0, time: start, name, attributes };
}

/** The span has removed a job: its task ends unless it has an attempt. */
export function removal({ traceId, spanId, end }: OtlpSpan, taskUuid: string): Fact {
  return { kind: 'announcement-end', span: { taskUuid, traceId, spanId, taskSpanId: '' }, seq: 1, time: end, outcome: 'cancelled' };
}

/** The span is an attempt. It is received whole, after its end, so its facts are numbered in order: start, exceptions, end. */
export function attemptFacts(span: OtlpSpan, run: Run): [TaskStart, ...Fact[]] {
  const { traceId, spanId, start, end } = span;
  const { taskUuid, name, attributes, attempt, run: id, workerId, outcome, error, exceptions } = run;
  const ofRun = id === undefined ? {} : { run: id, observed: true };
  const ref = { taskUuid, traceId, spanId, taskSpanId: spanId };
  return [
    { kind: 'task-start', span: ref, seq: 0, time: start, name, attributes, attempt, ...ofRun, workerId, workerIntervalMs: 0, sampled: true },
    ...exceptions.map(({ name: type, message, causes, time }, index): Fact => {
      return { kind: 'exception', span: ref, seq: index + 1, time: timeWithin(span, time), type, message, ...(causes && { causes }) };
    }),
    {
      kind: 'task-end',
      span: ref,
      seq: exceptions.length + 1,
      time: timeWithin(span, end),
      outcome,
      duration: Math.max(0, end - start),
      error: error && { name: error.name, message: error.message, ...(error.causes && { causes: error.causes }) },
      name,
      exception: error?.message || error?.name || exceptions.at(-1)?.message || '',
      jobs: { total: 0, finished: 0, failed: 0 },
    },
  ];
}

/** A time of a span in its bounds, from start to end: a wall clock may be set back in between. */
function timeWithin({ start, end }: OtlpSpan, time: number): number {
  return Math.max(start, Math.min(time, end));
}

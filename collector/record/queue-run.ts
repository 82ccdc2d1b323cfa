import type { TaskStart } from '../../src/fact.ts';
import { isCounted, ownEnd } from './scope-state.ts';
import type { AttemptState } from './scope-state.ts';
import type { TaskDraft } from './task-fold.ts';

/*
 * Several spans may report one run of a job: the code that ran it, in a sandbox of its own; the worker, if the sandbox
 * died; the queue's own instrumentation. They are one attempt: what is nearest to the job's code counts, and replaces the
 * others. If it has not ended by itself, it has the end of one of the others.
 */

/** The attempt that counts for the run of an attempt; most attempts count themselves. */
export function countedFor(attempt: AttemptState, { attempts }: Pick<TaskDraft, 'attempts'>): AttemptState {
  if (isCounted(attempt)) return attempt;
  const counted = attempts.filter(({ run }) => run?.id === attempt.run?.id && run?.isReplaced === false);
  return counted.find((other) => other.attempt === attempt.attempt) ?? counted[0] ?? attempt;
}

/** Takes in which run of a job an attempt is. */
export function foldRun(task: TaskDraft, attempt: AttemptState, { run: id, observed: isObserved = false }: TaskStart): void {
  const before = attempt.run;
  if (before === null && id === undefined) return;
  if (before?.isEndBorrowed === true) Object.assign(attempt, { end: null, final: null });
  attempt.run = id === undefined ? null : { id, isObserved, isReplaced: before?.isReplaced ?? false, isEndBorrowed: false };
  if (before !== null && before.id !== id) settle(task, before.id);
  if (id !== undefined) settle(task, id);
}

/** Takes in that an attempt has an end of its own. */
export function endRun(task: TaskDraft, attempt: AttemptState): void {
  if (attempt.run === null) return;
  attempt.run = { ...attempt.run, isEndBorrowed: false };
  settle(task, attempt.run.id);
}

/** The first attempt of each number, by {@link isBefore}. */
type FirstOfNumber = Map<number, AttemptState>;

/**
 * Decides which attempts of a run count, and with which end, by nothing but what the attempts have reported.
 *
 * Attempts that the task's code has reported are of one run only if their numbers are the same too: a job that fails at
 * once may run twice in the millisecond that is the run's id.
 */
function settle(task: TaskDraft, id: string): void {
  const attempts = task.attempts.filter(({ run }) => run?.id === id);
  const counted: Record<ReportedBy, FirstOfNumber> = { code: new Map(), queue: new Map() };
  const ended: Record<ReportedBy, FirstOfNumber> = { code: new Map(), queue: new Map() };
  let firstEnded: AttemptState | undefined;
  for (const attempt of attempts) {
    const by = reportedBy(attempt);
    keepFirst(counted[by], attempt);
    if (ownEnd(attempt) === null) continue;
    keepFirst(ended[by], attempt);
    if (by === 'queue' && (firstEnded === undefined || isBefore(attempt, firstEnded))) firstEnded = attempt;
  }
  for (const attempt of attempts) {
    const number = attempt.attempt;
    const by = reportedBy(attempt);
    const isReplaced = counted[by].get(number) !== attempt || (by === 'queue' && counted.code.size > 0);
    const needsEnd = !isReplaced && ownEnd(attempt) === null;
    update(task, attempt, isReplaced, needsEnd ? (ended.code.get(number) ?? ended.queue.get(number) ?? firstEnded) : undefined);
  }
}

/** What reports a run: the task's code, its worker included, or the queue's instrumentation. */
type ReportedBy = 'code' | 'queue';

function reportedBy({ run }: AttemptState): ReportedBy {
  return run?.isObserved === true ? 'queue' : 'code';
}

function keepFirst(first: FirstOfNumber, attempt: AttemptState): void {
  const known = first.get(attempt.attempt);
  if (known === undefined || isBefore(attempt, known)) first.set(attempt.attempt, attempt);
}

function isBefore(one: AttemptState, other: AttemptState): boolean {
  const [start, otherStart] = [one.start ?? 0, other.start ?? 0];
  return start === otherStart ? one.traceId + one.spanId < other.traceId + other.spanId : start < otherStart;
}

/** Notes in an attempt whether it counts, and gives it the end of another attempt, or takes that away. */
function update(task: TaskDraft, attempt: AttemptState, isReplaced: boolean, lender: AttemptState | undefined): void {
  const run = attempt.run!;
  const isEndBorrowed = lender !== undefined;
  const isSame = run.isReplaced === isReplaced && run.isEndBorrowed === isEndBorrowed;
  if (isSame && lender === undefined) return;
  const { end, final } = lender === undefined ? { end: ownEnd(attempt), final: ownEnd(attempt) && attempt.final } : endFor(attempt, lender);
  if (isSame && JSON.stringify([end, final]) === JSON.stringify([attempt.end, attempt.final])) return;
  const changed = task.attemptOf(attempt);
  Object.assign(changed, { run: { ...run, isReplaced, isEndBorrowed }, end, final });
  task.change(changed);
}

/** The end of another attempt of the run, as that of this one: its error is of the task itself, its attributes stay with it. */
function endFor({ start }: AttemptState, lender: AttemptState): Pick<AttemptState, 'end' | 'final'> {
  const { attributes: _, ...end } = lender.end!;
  const duration = Math.max(0, end.time - (start ?? end.time));
  return { end: { ...end, duration }, final: lender.final && { ...lender.final, exceptionSpanId: '' } };
}

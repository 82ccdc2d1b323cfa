import type { TaskStart } from '../../src/fact.ts';
import { isCounted, ownEnd } from './scope-state.ts';
import type { AttemptState, QueueRun } from './scope-state.ts';
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
export function foldRun(task: TaskDraft, attempt: AttemptState, { run, observed = false }: TaskStart): void {
  if (attempt.run === null && run === undefined) return;
  const isReplaced = attempt.run?.isReplaced ?? false;
  if (attempt.run?.isEndBorrowed === true) Object.assign(attempt, { end: null, final: null });
  const before = attempt.run;
  attempt.run = run === undefined ? null : { id: run, isObserved: observed, isReplaced, isEndBorrowed: false };
  if (before !== null && before.id !== run) settleRun(task, before.id, attempt);
  if (run !== undefined) settleRun(task, run, attempt);
}

/** Takes in that an attempt has an end of its own. */
export function endRun(task: TaskDraft, attempt: AttemptState): void {
  if (attempt.run === null) return;
  attempt.run = { ...attempt.run, isEndBorrowed: false };
  settleRun(task, attempt.run.id, attempt);
}

/** Decides which attempts of a run count, and with which end, by nothing but what the attempts have reported. */
function settleRun(task: TaskDraft, id: string, of: AttemptState): void {
  const attempts: AttemptState[] = [];
  for (const attempt of task.attempts) {
    if (attempt.run?.id === id && attempts.push(attempt) === MOST_REPORTS) break;
  }
  if (of.run?.id === id && !attempts.includes(of)) update(task, of, true, undefined);
  else settle(task, attempts.toSorted(byRank));
}

/** So many attempts of one run are looked at, in the order of their arrival. Further ones, as only a foreign sender has them, don't count. */
const MOST_REPORTS = 16;

/**
 * Attempts that the task's code has reported are of one run only if their numbers are the same too: a job that fails at
 * once may run twice in the millisecond that is the run's id.
 */
function settle(task: TaskDraft, attempts: readonly AttemptState[]): void {
  const counted = { own: new Set<number>(), observed: new Set<number>() };
  const ended = { own: new Map<number, AttemptState>(), observed: new Map<number, AttemptState>() };
  for (const attempt of attempts) {
    const of = ended[kindOf(attempt)];
    if (ownEnd(attempt) !== null && !of.has(attempt.attempt)) of.set(attempt.attempt, attempt);
  }
  const firstObserved = ended.observed.values().next().value;
  for (const attempt of attempts) {
    const number = attempt.attempt;
    const kind = kindOf(attempt);
    const isReplaced = counted[kind].has(number) || (kind === 'observed' && counted.own.size > 0);
    if (!isReplaced) counted[kind].add(number);
    const needsEnd = !isReplaced && ownEnd(attempt) === null;
    const lender = needsEnd ? (ended.own.get(number) ?? ended.observed.get(number) ?? firstObserved) : undefined;
    update(task, attempt, isReplaced, lender);
  }
}

function kindOf({ run }: AttemptState): 'own' | 'observed' {
  return run?.isObserved === true ? 'observed' : 'own';
}

function update(task: TaskDraft, attempt: AttemptState, isReplaced: boolean, lender: AttemptState | undefined): void {
  const run: QueueRun = { ...attempt.run!, isReplaced, isEndBorrowed: lender !== undefined };
  const { end, final } = lender === undefined ? { end: ownEnd(attempt), final: ownEnd(attempt) && attempt.final } : endFor(attempt, lender);
  const before = { run: attempt.run, end: attempt.end, final: attempt.final };
  if (JSON.stringify({ run, end, final }) === JSON.stringify(before)) return;
  const changed = task.attemptOf(attempt);
  Object.assign(changed, { run, end, final });
  task.change(changed);
}

/** The end of another attempt of the run, as that of this one: its error is of the task itself, its attributes stay with it. */
function endFor({ start }: AttemptState, lender: AttemptState): Pick<AttemptState, 'end' | 'final'> {
  const { attributes: _, ...end } = lender.end!;
  const duration = Math.max(0, end.time - (start ?? end.time));
  return { end: { ...end, duration }, final: lender.final && { ...lender.final, exceptionSpanId: '' } };
}

/** What the task's code reports counts before what an instrumentation reports, and what began first before the rest. */
function byRank(one: AttemptState, other: AttemptState): number {
  if (one.run!.isObserved !== other.run!.isObserved) return one.run!.isObserved ? 1 : -1;
  const [start, otherStart] = [one.start ?? 0, other.start ?? 0];
  if (start !== otherStart) return start - otherStart;
  return one.traceId + one.spanId < other.traceId + other.spanId ? -1 : 1;
}

import type { Fact, SpanRef } from '../../src/fact.ts';
import { inOrder } from './fact-sequence.ts';
import { fold, foldAnnouncement, foldChildShare } from './fold.ts';
import { JournalWriter } from './journal.ts';
import type { JournalRow } from './journal.ts';
import { listSummaryJson, summaryJson } from './record-json.ts';
import { isAttempt, progressOf } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { MOST_ATTEMPTS, TaskDraft } from './task-fold.ts';
import type { TaskFold, TaskContent } from './task-fold.ts';
import { isOver, isSameRunState, runStateOf, serviceName, taskName } from './task-state.ts';
import type { RunState } from './task-state.ts';
import type { TaskState } from '../../src/task-record.ts';

/** How many notifications of each scope its tree shows. */
export const RECENT_NOTIFICATIONS = 100;

/** What one commit changes in one task: all that a store has to write. */
export interface TaskCommit {
  /** The task as it is after the commit. */
  readonly task: TaskDraft;
  readonly version: number;
  /** The text that the log gains; may be none. */
  readonly rows: readonly JournalRow[];
  /** Spans to write. */
  readonly scopes: readonly ScopeState[];
  /** Those of them that are attempts and parts whose workers this commit has made known. */
  readonly begun: readonly ScopeState[];
  readonly summary: string;
  /** The summary for lists; absent where that is the same. */
  readonly listSummary?: string;
  readonly name: string;
  /** Name of its service; `null` while unknown. */
  readonly serviceName: string | null;
  /** The state by the facts alone. */
  readonly state: TaskState;
  /** Whether it has facts of the task itself, and not only how far child tasks are. */
  readonly hasOwnFacts: boolean;
  /** Whether by this commit the task has finished, or begun to run again: what is open in it is lost, or runs again. */
  readonly isOverChanged: boolean;
  /** Present where this commit has changed it, and with the first commit. */
  readonly runState?: RunState;
}

/** A fact that is not kept, and why. */
export interface RefusedFact {
  readonly fact: Fact;
  readonly reason: string;
}

/** How far a child task is, for the scope of its parent task that stands for it. */
export interface ChildShare {
  readonly parentTaskUuid: string;
  /** Ids of the scope in the parent task. */
  readonly traceId: string;
  readonly spanId: string;
  /** 0 to 1. */
  readonly share: number;
}

/**
 * Folds what one append of a store brings, and gives what is to be written.
 *
 * What a batch is given stays as it is until {@link keep}. So a store loads tasks, folds facts into them, folds what
 * {@link takeGrownShares} gives into the parent tasks until there is nothing more, writes the {@link commits}, and then
 * keeps the batch; where it can't write, it drops the batch.
 */
export class CommitBatch {
  /** The facts that are not kept. */
  readonly refused: RefusedFact[] = [];
  readonly #foldings = new Map<string, Folding>();
  readonly #growing = new Set<Folding>();
  #depth = 0;

  /**
   * Folds facts into their task.
   *
   * @param children How far the child tasks are for which scopes that begin with these facts stand; see `startedParts`.
   */
  fold(task: TaskFold, facts: readonly Fact[], children: readonly ChildShare[] = []): void {
    this.refused.push(...this.#of(task).fold(facts, children));
  }

  /** Folds how far child tasks are into their parent task. A scope of which nothing has come yet gets it with its start. */
  foldChildShares(parent: TaskFold, shares: readonly ChildShare[]): void {
    this.#of(parent).foldChildShares(shares);
  }

  /**
   * How far child tasks are, by the UUIDs of their parent tasks: only those where it has grown since the last call. The
   * parents are to be loaded, with these scopes and what is around them.
   */
  takeGrownShares(): Map<string, ChildShare[]> {
    const shares = this.#depth++ < DEEPEST ? [...this.#growing].flatMap((folding) => folding.takeGrownShares()) : [];
    this.#growing.clear();
    return Map.groupBy(shares, ({ parentTaskUuid }) => parentTaskUuid);
  }

  /** Makes one commit for each task that has changed. The caller calls it once, when all is folded. */
  commits(): TaskCommit[] {
    return [...this.#foldings.values()].map((folding) => folding.commit()).filter((commit) => commit !== undefined);
  }

  /** Keeps what the commits have made of the tasks. */
  keep(): void {
    for (const folding of this.#foldings.values()) folding.keep();
  }

  #of(task: TaskFold): Folding {
    let folding = this.#foldings.get(task.uuid);
    if (folding === undefined) this.#foldings.set(task.uuid, (folding = new Folding(task)));
    this.#growing.add(folding);
    return folding;
  }
}

/** The most levels of tasks: what is deeper is a circle, which only a foreign sender can make. */
const DEEPEST = 100;

/** Folds what a batch brings to one task. */
class Folding {
  readonly #task: TaskDraft;
  readonly #journal: JournalWriter;
  /** Scopes that got notifications. */
  readonly #noted = new Set<ScopeState>();
  readonly #begun: ScopeState[] = [];
  readonly #runStateBefore: RunState;
  #hasOwnFacts = false;
  #shares: readonly ChildShare[];

  constructor(task: TaskFold) {
    this.#task = new TaskDraft(task);
    this.#journal = new JournalWriter(this.#task);
    this.#runStateBefore = runStateOf(task);
    this.#shares = childSharesOf(task);
  }

  /** Gives the facts that are not kept: those of attempts for which the task has no room. */
  fold(facts: readonly Fact[], children: readonly ChildShare[]): readonly RefusedFact[] {
    const task = this.#task;
    let refused: RefusedFact[] | undefined;
    let span: SpanRef | undefined;
    let scope: ScopeState | undefined;
    for (const fact of inOrder(facts)) {
      if (fact.kind === 'task-announced' || fact.kind === 'announcement-end') {
        foldAnnouncement(task, fact);
        continue;
      }
      // Mostly one fact is of the same span as the one before.
      if (scope === undefined || fact.span !== span) {
        if (!task.hasRoomFor(fact.span)) {
          (refused ??= []).push({ fact, reason: tooManyAttempts(task.uuid) });
          continue;
        }
        span = fact.span;
        scope = task.scopeOf(span);
      }
      const isStart = fact.kind === 'scope-start' || fact.kind === 'task-start';
      const knownWorkerId = isStart ? workerIdOf(scope) : '';
      const isNew = fold(task, fact, scope);
      if (isStart && knownWorkerId === '' && workerIdOf(scope) !== '') this.#begun.push(scope);
      if (!isNew) continue;
      this.#hasOwnFacts = true;
      const row = this.#journal.write(fact, scope);
      if (fact.kind !== 'notification') continue;
      note(scope, row);
      this.#noted.add(scope);
    }
    this.foldChildShares(children);
    return refused ?? NONE;
  }

  foldChildShares(shares: readonly ChildShare[]): void {
    for (const { traceId, spanId, share } of shares) {
      const scope = this.#task.get(traceId, spanId);
      if (scope !== undefined) foldChildShare(this.#task, scope, share);
    }
  }

  takeGrownShares(): readonly ChildShare[] {
    const shares = childSharesOf(this.#task);
    const grown = grownShares(this.#shares, shares);
    this.#shares = shares;
    return grown;
  }

  commit(): TaskCommit | undefined {
    const task = this.#task;
    if (task.changed.length === 0 && !task.isAnnouncementChanged) return undefined;
    task.version++;
    const rows = this.#journal.close();
    for (const scope of this.#noted) forgetOldest(scope);
    for (const scope of task.changed) scope.changed = false;
    const runState = runStateOf(task);
    const summary = summaryJson(task);
    const listSummary = listSummaryJson(task, summary);
    const isNewRunState = task.version === 1 || task.isAnnouncementChanged || !isSameRunState(this.#runStateBefore, runState);
    return {
      task,
      version: task.version,
      rows,
      scopes: task.changed,
      begun: this.#begun,
      summary,
      ...(listSummary !== undefined && { listSummary }),
      name: taskName(task),
      serviceName: serviceName(task),
      state: runState.state,
      hasOwnFacts: this.#hasOwnFacts || task.isAnnouncementChanged,
      isOverChanged: isOver(runState.state) !== isOver(this.#runStateBefore.state),
      ...(isNewRunState && { runState }),
    };
  }

  keep(): void {
    const task = this.#task;
    if (task.version > task.ofVersion) task.of.keep(task);
  }
}

/** The worker that runs an attempt, or a part of one; `''` while it is not known. */
function workerIdOf(scope: ScopeState): string {
  return isAttempt(scope) ? scope.workerId : scope.partWorkerId;
}

const NONE: readonly RefusedFact[] = [];

function tooManyAttempts(uuid: string): string {
  return `task ${uuid} has ${MOST_ATTEMPTS} attempts, no more are kept`;
}

/** Remembers that the row at an offset holds a notification of the scope. */
function note(scope: ScopeState, offset: number): void {
  const { recent } = scope;
  const last = recent.length - 2;
  // A new array: an array that grows has room for many more entries, and mostly it stays as short.
  if (last < 0) scope.recent = [offset, 1];
  else if (recent[last] === offset) recent[last + 1]!++;
  else recent.push(offset, 1);
}

/** Forgets the rows before those that hold the scope's last notifications. */
function forgetOldest({ recent }: ScopeState): void {
  let kept = 0;
  for (let at = 1; at < recent.length; at += 2) kept += recent[at]!;
  let drop = 0;
  while (kept - recent[drop + 1]! >= RECENT_NOTIFICATIONS) {
    kept -= recent[drop + 1]!;
    drop += 2;
  }
  if (drop > 0) recent.splice(0, drop);
}

/** How far a task's attempts are, for their parents: nothing where they have none, or no progress is known. */
function childSharesOf(task: Pick<TaskContent, 'attempts'>): ChildShare[] {
  return task.attempts.map(childShareOf).filter((share) => share !== undefined);
}

/** How far one attempt is. */
export function childShareOf(attempt: AttemptState): ChildShare | undefined {
  const { parentTaskUuid, parentScope, traceId } = attempt;
  if (parentTaskUuid === null || parentScope === null) return undefined;
  const share = progressOf(attempt);
  return share === null ? undefined : { parentTaskUuid, traceId, spanId: parentScope.spanId, share };
}

/** The shares that have grown. They never fall. */
function grownShares(before: readonly ChildShare[], now: readonly ChildShare[]): readonly ChildShare[] {
  if (now.length === 0) return now;
  const known = new Map<string, number>();
  for (const one of before) known.set(keyOf(one), Math.max(known.get(keyOf(one)) ?? -1, one.share));
  return now.filter((one) => one.share > (known.get(keyOf(one)) ?? -1));
}

function keyOf({ parentTaskUuid, traceId, spanId }: ChildShare): string {
  return `${parentTaskUuid} ${traceId} ${spanId}`;
}

import type { Fact, SpanRef } from '../../src/fact.ts';
import { foldAnnouncement } from './announcement.ts';
import { childSharesOf, grownShares } from './child-share.ts';
import type { ChildShare } from './child-share.ts';
import { inOrder } from './fact-order.ts';
import { fold, foldChildShare } from './fold.ts';
import { JournalWriter } from './journal.ts';
import type { JournalEntry } from './journal.ts';
import type { ScopeState } from './scope-state.ts';
import { summaryJson, taskName } from './summary.ts';
import type { TaskFold } from './task-fold.ts';
import { isSameLife, lifeOf } from './task-life.ts';
import type { TaskLife } from './task-life.ts';
import type { TaskState } from './task-record.ts';

/** How many notifications of each scope its tree shows. */
export const RECENT_NOTIFICATIONS = 100;

/** What one commit changes in one task: all that a store has to write. */
export interface TaskCommit {
  task: TaskFold;
  version: number;
  /** Byte offset of {@link text} in the log. */
  offset: number;
  /** Lines that the log gains; may be empty. */
  text: string;
  entries: JournalEntry[];
  /** Spans to write. */
  scopes: ScopeState[];
  /** Those of them that are parts whose workers this commit has made known. */
  begunParts: readonly ScopeState[];
  summary: string;
  name: string;
  /** As the facts have it. */
  state: TaskState;
  /** What its parent tasks have to be told: {@link tellParents}. */
  childShares: readonly ChildShare[];
  /** What the task lives by, where this commit has changed it: always with the first. */
  life?: TaskLife;
}

/** How far the child tasks are for which a scope stands, as a store knows them; `null` where there are none. */
export type ShareOfChildren = (scope: ScopeState) => number | null;

/**
 * Folds facts of one task and gives what a store has to write; `undefined` if they bring nothing
 * new. The task's version, log length and last line move on.
 */
export function commitFacts(
  task: TaskFold,
  facts: readonly Fact[],
  shareOfChildren: ShareOfChildren = () => null,
): TaskCommit | undefined {
  const journal = new JournalWriter(task);
  const noted: ScopeState[] = [];
  const begunParts: ScopeState[] = [];
  const before = beforeCommit(task);
  let span: SpanRef | undefined;
  let scope: ScopeState | undefined;
  for (const fact of inOrder(facts)) {
    if (fact.kind === 'task-announced') {
      foldAnnouncement(task, fact);
      continue;
    }
    // Mostly one fact is of the same span as the one before.
    if (scope === undefined || fact.span !== span) {
      span = fact.span;
      scope = task.scopeOf(span);
    }
    const knownWorkerId = scope.partWorkerId;
    const isNew = fold(task, fact, scope);
    if (fact.kind === 'scope-start' && fact.remote === true) {
      const share = shareOfChildren(scope);
      if (share !== null) foldChildShare(task, scope, share);
      if (scope.partWorkerId !== knownWorkerId && scope.partWorkerId !== '') begunParts.push(scope);
    }
    if (!isNew) continue;
    journal.write(fact, scope);
    if (fact.kind === 'notification' && note(scope, task.logBytes)) noted.push(scope);
  }
  return commitOf(task, before, journal, noted, begunParts);
}

/** The same for what child tasks have done. A scope of which nothing has come yet will ask for it. */
export function commitChildShares(task: TaskFold, shares: readonly ChildShare[]): TaskCommit | undefined {
  const before = beforeCommit(task);
  for (const { traceId, spanId, share } of shares) {
    const scope = task.scopes.get(traceId, spanId);
    if (scope !== undefined) foldChildShare(task, scope, share);
  }
  return commitOf(task, before, new JournalWriter(task));
}

interface Before {
  readonly life: TaskLife;
  readonly childShares: readonly ChildShare[];
}

function beforeCommit(task: TaskFold): Before {
  return { life: lifeOf(task), childShares: childSharesOf(task) };
}

function commitOf(
  task: TaskFold,
  before: Before,
  journal: JournalWriter,
  noted: readonly ScopeState[] = [],
  begunParts: readonly ScopeState[] = [],
): TaskCommit | undefined {
  if (!task.hasChanges && !task.announcedAnew) return undefined;
  const version = ++task.version;
  const offset = task.logBytes;
  task.logBytes += journal.close();
  for (const scope of noted) forgetOldest(scope);
  const scopes = task.takeChanges();
  const life = lifeOf(task);
  const anew = version === 1 || task.announcedAnew || !isSameLife(before.life, life);
  task.announcedAnew = false;
  return {
    task,
    version,
    offset,
    text: journal.text,
    entries: journal.entries,
    scopes,
    begunParts,
    summary: summaryJson(task),
    name: taskName(task),
    state: life.state,
    childShares: grownShares(before.childShares, childSharesOf(task)),
    ...(anew && { life }),
  };
}

/** Remembers that the commit whose text begins at an offset holds a notification of the scope; says whether it is its first. */
function note(scope: ScopeState, offset: number): boolean {
  const { recent } = scope;
  const last = recent.length - 2;
  if (last >= 0 && recent[last] === offset) {
    recent[last + 1]!++;
    return false;
  }
  if (last < 0) scope.recent = [offset, 1];
  else recent.push(offset, 1);
  return true;
}

/** Forgets the commits before those that hold the scope's last notifications. */
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

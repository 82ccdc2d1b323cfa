import type { Fact, SpanRef } from '../../src/fact.ts';
import { foldAnnouncement } from './announcement.ts';
import { fold } from './fold.ts';
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
  summary: string;
  name: string;
  /** As the facts have it. */
  state: TaskState;
  /** What the task lives by, where this commit has changed it: always with the first. */
  life?: TaskLife;
}

/**
 * Folds facts of one task and gives what a store has to write; `undefined` if they bring nothing
 * new. The task's version, log length and last line move on.
 */
export function commitFacts(task: TaskFold, facts: readonly Fact[]): TaskCommit | undefined {
  const journal = new JournalWriter(task);
  const noted = new Map<ScopeState, number>();
  const before = lifeOf(task);
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
    if (!fold(task, fact, scope)) continue;
    journal.write(fact, scope);
    if (fact.kind === 'notification') noted.set(scope, (noted.get(scope) ?? 0) + 1);
  }
  if (task.changed.size === 0 && !task.announcedAnew) return undefined;
  journal.close();
  const version = ++task.version;
  const offset = task.logBytes;
  for (const entry of journal.entries) task.logBytes += entry.bytes;
  for (const [noting, count] of noted) keepRecent(noting, offset, count);
  const scopes = [...task.changed];
  task.changed.clear();
  const life = lifeOf(task);
  const anew = version === 1 || task.announcedAnew || !isSameLife(before, life);
  task.announcedAnew = false;
  return {
    task,
    version,
    offset,
    text: journal.text,
    entries: journal.entries,
    scopes,
    summary: summaryJson(task),
    name: taskName(task),
    state: life.state,
    ...(anew && { life }),
  };
}

/** By time and sequence, as the log tells what is committed at once. Mostly it is so already. */
function inOrder(facts: readonly Fact[]): readonly Fact[] {
  for (let at = 1; at < facts.length; at++) {
    if (facts[at]!.time <= facts[at - 1]!.time) return facts.toSorted(byTime);
  }
  return facts;
}

function byTime(one: Fact, other: Fact): number {
  return one.time - other.time || (one.span.spanId === other.span.spanId ? one.seq - other.seq : 0);
}

/** Remembers which commits hold the scope's last notifications, and forgets those before. */
function keepRecent(scope: ScopeState, offset: number, count: number): void {
  const { recent } = scope;
  recent.push(offset, count);
  let kept = 0;
  for (let at = 1; at < recent.length; at += 2) kept += recent[at]!;
  let drop = 0;
  while (kept - recent[drop + 1]! >= RECENT_NOTIFICATIONS) {
    kept -= recent[drop + 1]!;
    drop += 2;
  }
  if (drop > 0) recent.splice(0, drop);
}

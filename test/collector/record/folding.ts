import { expect } from 'vitest';
import { CommitBatch } from '../../../collector/record/commit.ts';
import type { TaskCommit } from '../../../collector/record/commit.ts';
import type { EntryKind, JournalEntry } from '../../../collector/record/journal.ts';
import { summaryJson } from '../../../collector/record/record-json.ts';
import { scopeTree } from '../../../collector/record/scope-tree.ts';
import { TaskFold } from '../../../collector/record/task-fold.ts';
import type { AttemptRecord } from '../../../src/task-record.ts';
import type { Fact } from '../../../src/fact.ts';
import { attemptLine, factLines, missingLine } from '../../../src/log-line.ts';

/** What a task is after deliveries, but for its log and what a store adds. */
export interface Folded {
  summary: Record<string, unknown>;
  tree: AttemptRecord[];
}

/** The record and tree of a task, without what stands in the journal: the notifications, and where its error is in the log. */
export function folded(task: TaskFold): Folded {
  return { summary: withoutOffset(summaryJson(task)), tree: scopeTree(task.scopes, new Map()) };
}

/** A summary without where its error is in the log, which depends on the order of commits. */
export function withoutOffset(summary: string): Record<string, unknown> {
  return JSON.parse(summary, (key, value: unknown) => (key === 'log_offset' ? undefined : value)) as Record<string, unknown>;
}

/** A task after these deliveries. */
export function taskAfter(deliveries: readonly (readonly Fact[])[]): TaskFold {
  return commit(deliveries).task;
}

/** Folds facts into a task as a store does: gives the commit that is written, and keeps it. */
export function commitFacts(task: TaskFold, facts: readonly Fact[]): TaskCommit | undefined {
  const batch = new CommitBatch();
  batch.fold(task, facts);
  const [change] = batch.commits();
  batch.keep();
  return change;
}

/** The text that a commit adds to the log. */
export function textOf(change: TaskCommit | undefined): string {
  return change?.rows.map(({ text }) => text).join('') ?? '';
}

/** A task after these deliveries, and the commits that they made. */
export function commit(deliveries: readonly (readonly Fact[])[]): { task: TaskFold; commits: TaskCommit[] } {
  const task = new TaskFold(deliveries[0]![0]!.span.taskUuid);
  const commits = deliveries.map((facts) => commitFacts(task, facts)).filter((change) => change !== undefined);
  return { task, commits };
}

/** The log of these deliveries. */
export function logOf(...deliveries: readonly (readonly Fact[])[]): string {
  return commit(deliveries).commits.map(textOf).join('');
}

/** Gives the lines of each fact of a log, in the order in which they are written: a number of an attempt may come again. */
export function lineWriter(): (fact: Fact) => string {
  const begun = new Map<number, string>();
  const written = new Map<Fact, string>();
  return (fact) => {
    const known = written.get(fact);
    if (known !== undefined) return known;
    const isAgain = fact.kind === 'task-start' && begun.has(fact.attempt);
    if (fact.kind === 'task-start') begun.set(fact.attempt, fact.span.spanId);
    const lines = isAgain ? attemptLine(fact.attempt, true) : factLines(fact);
    written.set(fact, lines);
    return lines;
  };
}

/** What one fact wrote in a log, with the name before it if it has one. */
export interface Written {
  fact: Fact;
  /** Its entry, after the one of what is missing before it. */
  entry: JournalEntry;
  /** Length of its lines by its entries. */
  bytes: number;
  text: string;
  /** Its own lines. */
  lines: string;
  /** What stands before its own lines: that facts before it have not come. */
  missing: string;
}

/** What each fact wrote, in the order of the log; checks that entries and texts of the commits fit. */
export function writtenIn(deliveries: readonly (readonly Fact[])[]): { task: TaskFold; written: Written[] } {
  const task = new TaskFold(deliveries[0]![0]!.span.taskUuid);
  const written: Written[] = [];
  const seen = new Set<string>();
  const linesOf = lineWriter();
  let offset = 0;
  let lines = 0;
  for (const facts of deliveries) {
    const writing = facts
      .toSorted((one, other) => one.time - other.time)
      .filter((fact) => isFirst(seen, fact))
      .map((fact) => ({ fact, missing: missingBefore(seen, fact) }))
      .filter(({ fact, missing }) => missing + linesOf(fact) !== '');
    const change = commitFacts(task, facts);
    if (change === undefined) continue;
    for (const row of change.rows) {
      expect(row).toMatchObject({ offset, bytes: Buffer.byteLength(row.text) });
      offset += row.bytes;
    }
    expect(task.logBytes).toBe(offset);
    lines += textOf(change).split('\n').length - 1;
    expect(task.logLines).toBe(lines);
    const bytes = Buffer.from(textOf(change));
    const entries = change.rows.flatMap((row) => row.entries);
    let at = 0;
    for (const { fact, missing } of writing) {
      let text = '';
      const own: JournalEntry[] = [];
      do {
        const entry = entries.shift()!;
        own.push(entry);
        text += bytes.toString('utf8', at, (at += entry.bytes));
      } while (own.at(-1)!.kind === 'missing' && linesOf(fact) !== '');
      expect(own.map(({ kind }) => kind)).toEqual(kindsOf(fact, missing, linesOf(fact)));
      written.push({ fact, lines: linesOf(fact), missing, entry: own.at(-1)!, bytes: own.reduce((sum, entry) => sum + entry.bytes, 0), text });
    }
    expect(entries).toEqual([]);
    expect(at).toBe(bytes.length);
  }
  return { task, written };
}

/** The entries that a fact writes. */
function kindsOf(fact: Fact, missing: string, lines: string): EntryKind[] {
  const kinds: Partial<Record<Fact['kind'], EntryKind>> = {
    'task-start': 'attempt', 'scope-start': 'scope', notification: 'message', 'scope-end': 'outcome', 'task-end': 'end',
  };
  return [...(missing === '' ? [] : ['missing' as const]), ...(lines === '' ? [] : [kinds[fact.kind]!])];
}

function missingBefore(seen: ReadonlySet<string>, { kind, span, seq }: Fact): string {
  if (kind !== 'scope-end' && kind !== 'task-end') return '';
  let missing = 0;
  for (let before = 0; before < seq; before++) if (!seen.has(`${span.traceId} ${span.spanId} ${before}`)) missing++;
  return missing === 0 ? '' : missingLine(missing);
}

function isFirst(seen: Set<string>, { span, seq }: Fact): boolean {
  const { size } = seen;
  return seen.add(`${span.traceId} ${span.spanId} ${seq}`).size > size;
}

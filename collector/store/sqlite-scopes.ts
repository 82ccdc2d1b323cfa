import type { DatabaseSync } from 'node:sqlite';
import { isAttempt, spanKey } from '../record/scope-state.ts';
import type { AttemptState, ScopeState } from '../record/scope-state.ts';
import { attemptsOfJson, isOpenLine, mayBeOf, scopeLine, scopeOfLine } from './scope-line.ts';
import type { AttemptIds } from './scope-line.ts';

/** What has to be known of a task to find its scopes. */
export interface ScopesOf {
  /** The task's number in the database; `undefined` while it has no row. */
  readonly id: number | undefined;
  readonly attempts: readonly AttemptIds[];
  /** How many scopes are stored. */
  stored: number;
  /** The lines of groups that were read or written lately, by the group. May be emptied at any time. */
  readonly groups: Map<number, string[]>;
}

/** So many scopes share a row. */
const GROUP = 16;

/**
 * The scopes in a SQLite file. Those of a task stand by their numbers, {@link GROUP} in a row of
 * `scope_group`, each a line: a task of a few scopes is one row, and what began at about the same time
 * is written together. A scope of the first group is found by looking through it, any other by its span
 * id in `scope_place`. Calls are to be made inside a transaction.
 */
export class SqliteScopes {
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#statements = {
      group: database.prepare('SELECT lines FROM scope_group WHERE task_id = ? AND place = ?'),
      groups: database.prepare('SELECT lines FROM scope_group WHERE task_id = ? ORDER BY place'),
      write: database.prepare(
        'INSERT INTO scope_group (task_id, place, lines) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET lines = excluded.lines',
      ),
      numbers: database.prepare('SELECT number FROM scope_place WHERE task_id = ? AND span_id = ?'),
      place: database.prepare('INSERT INTO scope_place (task_id, span_id, number) VALUES (?, ?, ?)'),
      child: database.prepare('INSERT OR REPLACE INTO child_attempt (task_id, number, child_of) VALUES (?, ?, ?)'),
      children: database.prepare(
        `SELECT task.id, task.span_count AS stored, task.attempts, number
         FROM child_attempt JOIN task ON task.id = child_attempt.task_id WHERE child_of = ?`,
      ),
    };
  }

  /** One scope of a task, if it is stored. */
  find(of: ScopesOf, traceId: string, spanId: string): ScopeState | undefined {
    const found = findIn(this.#group(of, 0), of.attempts, traceId, spanId);
    if (found !== undefined || of.stored <= GROUP) return found;
    for (const { number } of this.#statements.numbers.all(of.id!, spanId) as { number: number }[]) {
      const elsewhere = findIn(this.#group(of, groupOf(number)), of.attempts, traceId, spanId);
      if (elsewhere !== undefined) return elsewhere;
    }
    return undefined;
  }

  /** All scopes of a task, in the order of their numbers. */
  all(taskId: number, attempts: readonly AttemptIds[]): ScopeState[] {
    return this.#lines(taskId).map((line) => scopeOfLine(line, attempts));
  }

  /** Those that have not ended. */
  open(taskId: number, attempts: readonly AttemptIds[]): ScopeState[] {
    return this.#lines(taskId).filter(isOpenLine).map((line) => scopeOfLine(line, attempts));
  }

  /** The attempts of child tasks for which a scope of a task stands. */
  children(uuid: string, { traceId, spanId }: ScopeState): AttemptState[] {
    const key = childOfKey(uuid, traceId, spanId);
    const rows = this.#statements.children.all(key) as { id: number; stored: number; attempts: string; number: number }[];
    return rows.flatMap(({ id, stored, attempts: json, number }) => {
      const attempts = attemptsOfJson(json);
      const lines = this.#group({ id, stored, attempts, groups: new Map() }, groupOf(number));
      const child = scopeOfLine(lines[placeIn(number)]!, attempts);
      // It may have been another scope's, until a start came that told more.
      return isAttempt(child) && childOf(child) === key ? [child] : [];
    });
  }

  /** Writes scopes of a task that has its row. */
  write(of: ScopesOf, scopes: readonly ScopeState[]): void {
    const { write, place, child } = this.#statements;
    const id = of.id!;
    const changed = new Map<number, string[]>();
    for (const scope of scopes) {
      const { number } = scope;
      const group = groupOf(number);
      const lines = this.#group(of, group);
      if (number > of.stored && group > 0) place.run(id, scope.spanId, number);
      lines[placeIn(number)] = scopeLine(scope, of.attempts);
      changed.set(group, lines);
      const parent = isAttempt(scope) ? childOf(scope) : undefined;
      if (parent !== undefined) child.run(id, number, parent);
    }
    for (const [group, lines] of changed) write.run(id, group, lines.join('\n'));
    for (const { number } of scopes) if (number > of.stored) of.stored = number;
  }

  #group(of: ScopesOf, group: number): string[] {
    const known = of.groups.get(group);
    if (known !== undefined) return known;
    const isStored = group * GROUP < of.stored;
    const row = isStored ? (this.#statements.group.get(of.id!, group) as { lines: string } | undefined) : undefined;
    const lines = row?.lines.split('\n') ?? [];
    of.groups.set(group, lines);
    return lines;
  }

  #lines(taskId: number): string[] {
    const rows = this.#statements.groups.all(taskId) as { lines: string }[];
    return rows.flatMap(({ lines }) => lines.split('\n')).filter((line) => line !== '');
  }
}

function findIn(lines: readonly string[], attempts: readonly AttemptIds[], traceId: string, spanId: string): ScopeState | undefined {
  for (const line of lines) {
    if (!mayBeOf(line, spanId)) continue;
    const scope = scopeOfLine(line, attempts);
    if (scope.spanId === spanId && scope.traceId === traceId) return scope;
  }
  return undefined;
}

/** Numbers begin with 1. */
function groupOf(number: number): number {
  return Math.floor((number - 1) / GROUP);
}

function placeIn(number: number): number {
  return (number - 1) % GROUP;
}

/** By what the children of a scope are found. */
function childOfKey(parentTaskUuid: string, traceId: string, spanId: string): string {
  return `${parentTaskUuid}-${spanKey(traceId, spanId)}`;
}

function childOf({ parentTaskUuid, parentScope, traceId }: AttemptState): string | undefined {
  return parentTaskUuid === null || parentScope === null ? undefined : childOfKey(parentTaskUuid, traceId, parentScope.spanId);
}

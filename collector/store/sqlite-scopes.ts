import type { DatabaseSync } from 'node:sqlite';
import { isAttempt } from '../record/scope-state.ts';
import type { AttemptState, ScopeState } from '../record/scope-state.ts';
import { spanKey } from '../record/span-map.ts';
import { attemptsOfJson, idsOfLine, isOpenLine, scopeLine, scopeOfLine } from './scope-line.ts';
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
  /** The numbers of scopes that have no place yet, by their keys; `undefined` until somebody asks. */
  unplaced: Map<string, number> | undefined;
}

/** So many scopes share a row. Files and a step of the schema are made by it: another number needs another step. */
const GROUP = 16;
/** So many get their places at once: a multiple of {@link GROUP}, and as fixed as that. */
const PLACED = 512;

/**
 * The scopes in a SQLite file. Those of a task stand by their numbers, {@link GROUP} in a row of
 * `scope_group`, each a line: a task of a few scopes is one row, and what began at about the same time
 * is written together.
 *
 * By its span id a scope is found in `scope_place`. Span ids are random, so a row there costs a page
 * to write: they are written {@link PLACED} at a time, and what has no place yet is looked through.
 * Calls are to be made inside a transaction.
 */
export class SqliteScopes {
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#statements = {
      group: database.prepare('SELECT lines FROM scope_group WHERE task_id = ? AND place = ?'),
      groups: database.prepare('SELECT place, lines FROM scope_group WHERE task_id = ? AND place >= ? ORDER BY place'),
      write: database.prepare(
        'INSERT INTO scope_group (task_id, place, lines) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET lines = excluded.lines',
      ),
      places: database.prepare('SELECT number FROM scope_place WHERE task_id = ? AND span_id = ?'),
      place: database.prepare('INSERT INTO scope_place (task_id, span_id, number) VALUES (?, ?, ?)'),
      child: database.prepare('INSERT OR REPLACE INTO child_attempt (task_id, number, child_of) VALUES (?, ?, ?)'),
      children: database.prepare(
        `SELECT task.id, task.span_count AS stored, task.attempts, number
         FROM child_attempt JOIN task ON task.id = child_attempt.task_id WHERE child_of = ?`,
      ),
    };
  }

  /** The state of a task's scopes before any of them is read. */
  static of(id: number | undefined, attempts: readonly AttemptIds[], stored: number): ScopesOf {
    return { id, attempts, stored, groups: new Map(), unplaced: undefined };
  }

  /** One scope of a task, if it is stored. */
  find(of: ScopesOf, traceId: string, spanId: string): ScopeState | undefined {
    if (of.stored === 0) return undefined;
    const unplaced = this.#unplaced(of).get(spanKey(traceId, spanId));
    if (unplaced !== undefined) return this.#scope(of, unplaced);
    if (of.stored < PLACED) return undefined;
    const places = this.#statements.places.all(of.id!, spanId) as { number: number }[];
    return places.map(({ number }) => this.#scope(of, number)).find((scope) => scope.traceId === traceId);
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
  children(uuid: string, { traceId, spanId }: Pick<ScopeState, 'traceId' | 'spanId'>): AttemptState[] {
    const key = childOfKey(uuid, traceId, spanId);
    const rows = this.#statements.children.all(key) as { id: number; stored: number; attempts: string; number: number }[];
    return rows.flatMap(({ id, stored, attempts: json, number }) => {
      const child = this.#scope(SqliteScopes.of(id, attemptsOfJson(json), stored), number);
      // It may have been another scope's, until a start came that told more.
      return isAttempt(child) && childOf(child) === key ? [child] : [];
    });
  }

  /**
   * Writes scopes of a task that has its row.
   *
   * @param version The task's version that has changed them.
   */
  write(of: ScopesOf, scopes: readonly ScopeState[], version: number): void {
    const { write, child } = this.#statements;
    const id = of.id!;
    const changed = new Map<number, string[]>();
    let last = of.stored;
    for (const scope of scopes) {
      const { number } = scope;
      const lines = this.#group(of, groupOf(number));
      lines[placeIn(number)] = scopeLine(scope, of.attempts, version);
      changed.set(groupOf(number), lines);
      if (number > of.stored) of.unplaced?.set(spanKey(scope.traceId, scope.spanId), number);
      if (number > last) last = number;
      const parent = isAttempt(scope) ? childOf(scope) : undefined;
      if (parent !== undefined) child.run(id, number, parent);
    }
    for (const [group, lines] of changed) write.run(id, group, lines.join('\n'));
    const before = placedOf(of.stored);
    of.stored = last;
    if (placedOf(last) > before) this.#place(of, before);
  }

  /** Gives their places to all after a number that are to have one now. In their order: each page is written once. */
  #place(of: ScopesOf, after: number): void {
    const places: { number: number; spanId: string }[] = [];
    for (const { number, line } of this.#numbered(of.id!, after)) {
      if (number <= placedOf(of.stored)) places.push({ number, spanId: idsOfLine(line, of.attempts).spanId });
    }
    places.sort((one, other) => (one.spanId < other.spanId ? -1 : 1));
    for (const { number, spanId } of places) this.#statements.place.run(of.id!, spanId, number);
    of.unplaced = undefined;
  }

  #unplaced(of: ScopesOf): ReadonlyMap<string, number> {
    if (of.unplaced === undefined) {
      of.unplaced = new Map();
      for (const { number, line } of this.#numbered(of.id!, placedOf(of.stored))) {
        const { traceId, spanId } = idsOfLine(line, of.attempts);
        of.unplaced.set(spanKey(traceId, spanId), number);
      }
    }
    return of.unplaced;
  }

  #scope(of: ScopesOf, number: number): ScopeState {
    return scopeOfLine(this.#group(of, groupOf(number))[placeIn(number)]!, of.attempts);
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
    const rows = this.#statements.groups.all(taskId, 0) as { lines: string }[];
    return rows.flatMap(({ lines }) => lines.split('\n').filter((line) => line !== ''));
  }

  /** The lines of scopes after one that is the last of its group. */
  #numbered(taskId: number, after: number): { number: number; line: string }[] {
    const rows = this.#statements.groups.all(taskId, groupOf(after + 1)) as { place: number; lines: string }[];
    return rows.flatMap(({ place, lines }) =>
      lines.split('\n').map((line, at) => ({ number: place * GROUP + at + 1, line })).filter(({ line }) => line !== ''),
    );
  }
}

/** How many of a task's first scopes have their places. */
function placedOf(stored: number): number {
  return stored - (stored % PLACED);
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

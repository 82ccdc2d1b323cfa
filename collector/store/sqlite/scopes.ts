import type { DatabaseSync } from 'node:sqlite';
import { isAttempt } from '../../record/scope-state.ts';
import type { AttemptState, ScopeState } from '../../record/scope-state.ts';
import { spanKey } from '../../record/span-map.ts';
import { outerSpanId } from '../../record/task-fold.ts';
import { addPages, changedPages, lacksPages } from '../scope-pages.ts';
import type { ScopePage } from '../scope-pages.ts';
import { attemptsOfJson, headOfRow, idsOfRow, isOpenRow, scopeRow, scopeOfRow, traceIndexOf } from '../scope-row.ts';
import type { AttemptIds, RowHead } from '../scope-row.ts';
import { SqliteScopePlaces } from './scope-places.ts';
import type { PlaceQuery } from './scope-places.ts';

/** What is needed of a task to find its scopes. */
export interface ScopesOf {
  /** The task's number in the database; `undefined` while it has no row. */
  readonly id: number | undefined;
  readonly attempts: readonly AttemptIds[];
  /** How many scopes are stored. */
  stored: number;
  /** The rows of groups that were read or written lately, by the group. May be emptied at any time. */
  readonly groups: Map<number, string[]>;
  /** The numbers of scopes that are not in the index yet, by their keys; `undefined` until they are needed. */
  unindexed: Map<string, number> | undefined;
  /** The beginnings of their rows, of a task that is only read; `undefined` until they are needed. */
  tail?: readonly RowHead[];
}

/** So many scopes form a group. Files depend on it: another number needs a step of the schema. */
const GROUP = 16;
/** So many enter the index at once: a multiple of {@link GROUP}, and as fixed as that. */
const INDEXED = 512;
/** So many groups of a task are not in the index by version. */
const FIRST_GROUPS = INDEXED / GROUP;
/** So many groups are read in one turn where all scopes of a task are looked through. */
const SLICE = 256;

/**
 * The scopes in a SQLite file. Those of a task are in the order of their numbers, {@link GROUP} in one group of `scope_group`,
 * each a row of JSON: a task of a few scopes is one group, and scopes that began at about the same time are written together.
 *
 * By its span id a scope is found in the index `scope_index`. Span ids are random, so a row there costs a page to write:
 * they are written {@link INDEXED} at a time, and scopes that are not in it yet are searched one by one. Each call is made
 * inside a transaction.
 */
export class SqliteScopes {
  readonly #places: SqliteScopePlaces;
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#places = new SqliteScopePlaces(database);
    this.#statements = {
      group: database.prepare('SELECT lines FROM scope_group WHERE task_id = ? AND group_number = ?'),
      someGroups: database.prepare(
        'SELECT group_number AS number, lines FROM scope_group WHERE task_id = ? AND group_number >= ? ORDER BY group_number LIMIT ?',
      ),
      groups: database.prepare('SELECT group_number AS number, lines FROM scope_group WHERE task_id = ? AND group_number >= ? ORDER BY group_number'),
      write: database.prepare(
        `INSERT INTO scope_group (task_id, group_number, version, lines) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET version = excluded.version, lines = excluded.lines`,
      ),
      pages: database.prepare('SELECT kind, page, data FROM scope_page WHERE task_id = ? AND scope = ?'),
      writePage: database.prepare(
        'INSERT INTO scope_page (task_id, scope, kind, page, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET data = excluded.data',
      ),
      indexed: database.prepare('SELECT number FROM scope_index WHERE task_id = ? AND span_id = ? AND trace = ?'),
      ofSpan: database.prepare('SELECT number FROM scope_index WHERE task_id = ? AND span_id = ? LIMIT 1'),
      enter: database.prepare('INSERT INTO scope_index (task_id, span_id, trace, number) VALUES (?, ?, ?, ?)'),
      changed: database.prepare(
        `SELECT lines FROM scope_group WHERE task_id = :task AND group_number < ${FIRST_GROUPS} AND version > :after
         UNION ALL SELECT lines FROM scope_group WHERE task_id = :task AND is_indexed = 1 AND version > :after
         UNION ALL SELECT lines FROM scope_group WHERE task_id = :task AND group_number >= max(:last, ${FIRST_GROUPS}) AND version > :after
         LIMIT :limit`,
      ),
      indexGroups: database.prepare(
        `UPDATE scope_group SET is_indexed = 1 WHERE task_id = :task AND group_number >= max(:from, ${FIRST_GROUPS}) AND group_number < :to`,
      ),
      child: database.prepare('INSERT OR REPLACE INTO child_attempt (task_id, number, child_of) VALUES (?, ?, ?)'),
      children: database.prepare(
        `SELECT task.id, task.span_count AS stored, task.attempts, number
         FROM child_attempt JOIN task ON task.id = child_attempt.task_id WHERE child_of = ?`,
      ),
    };
  }

  /** The state of a task's scopes before any of them is read. */
  static of(id: number | undefined, attempts: readonly AttemptIds[], stored: number): ScopesOf {
    return { id, attempts, stored, groups: new Map(), unindexed: undefined };
  }

  /** One scope of a task, if it is stored. */
  find(of: ScopesOf, traceId: string, spanId: string): ScopeState | undefined {
    if (of.stored === 0) return undefined;
    const unindexed = this.#unindexed(of).get(spanKey(traceId, spanId));
    if (unindexed !== undefined) return this.#scope(of, unindexed);
    if (of.stored < INDEXED) return undefined;
    const entry = this.#statements.indexed.get(of.id!, spanId, traceIndexOf(traceId, of.attempts)) as { number: number } | undefined;
    return entry && this.#scope(of, entry.number);
  }

  /** The scopes directly inside some of a task. */
  inside({ id, attempts }: ScopesOf, outer: readonly ScopeState[]): ScopeState[] {
    const spanIds = new Set(outer.map(({ spanId }) => spanId));
    const isInside = (scope: ScopeState): boolean => spanIds.has(outerSpanId(scope));
    return this.#rows(id!).map((row) => scopeOfRow(row, attempts)).filter(isInside).map((scope) => this.#whole(id!, scope));
  }

  /** The span ids of some of a task's scopes, by their numbers. */
  spanIds(taskId: number, attempts: readonly AttemptIds[], numbers: readonly number[]): Map<number, string> {
    const spanIds = new Map<number, string>();
    for (const [group, inGroup] of Map.groupBy(new Set(numbers), groupOf)) {
      const stored = this.#statements.group.get(taskId, group) as { lines: string } | undefined;
      const rows = stored?.lines.split('\n') ?? [];
      for (const number of inGroup) {
        const row = rows[positionInGroup(number)];
        if (row !== undefined && row !== '') spanIds.set(number, idsOfRow(row, attempts).spanId);
      }
    }
    return spanIds;
  }

  /** The groups of a task's rows, in the order of their numbers: {@link scopesOfGroup} gives the scopes of each. */
  groups(taskId: number): string[] {
    return (this.#statements.groups.all(taskId, 0) as { lines: string }[]).map(({ lines }) => lines);
  }

  /** Those that have not ended. */
  open(taskId: number, attempts: readonly AttemptIds[]): ScopeState[] {
    return this.#rows(taskId).filter(isOpenRow).map((row) => scopeOfRow(row, attempts));
  }

  /** Those of {@link SLICE} groups that have not ended, from a group on, and the group that is next, if there are more. */
  openIn(taskId: number, attempts: readonly AttemptIds[], from: number): { open: ScopeState[]; next: number | undefined } {
    const groups = this.#statements.someGroups.all(taskId, from, SLICE) as { number: number; lines: string }[];
    const rows = groups.flatMap(({ lines }) => lines.split('\n').filter((row) => row !== ''));
    return {
      open: rows.filter(isOpenRow).map((row) => scopeOfRow(row, attempts)),
      next: groups.length < SLICE ? undefined : groups.at(-1)!.number + 1,
    };
  }

  /** One scope by its number, without what is in pages. */
  at(of: ScopesOf, number: number): ScopeState {
    return scopeOfRow(this.#row(of, number), of.attempts);
  }

  /** The number of the scope that has a span id, in whichever trace. */
  numberOf(of: ScopesOf, spanId: string): number | undefined {
    const unindexed = this.tail(of).find((head) => head.spanId === spanId)?.number;
    return unindexed ?? (this.#statements.ofSpan.get(of.id!, spanId) as { number: number } | undefined)?.number;
  }

  /** The beginnings of the rows that are in no index yet, of a task that is only read. Their groups are kept for what follows. */
  tail(of: ScopesOf): readonly RowHead[] {
    if (of.tail !== undefined) return of.tail;
    const groups = this.#statements.groups.all(of.id!, groupOf(indexedOf(of.stored) + 1)) as { number: number; lines: string }[];
    for (const { number, lines } of groups) of.groups.set(number, lines.split('\n'));
    of.tail = groups.flatMap(({ number }) => of.groups.get(number)!.filter((row) => row !== '').map(headOfRow));
    of.unindexed = new Map(of.tail.map(({ number, spanId, attempt }) => [spanKey(of.attempts[attempt]!.traceId, spanId), number]));
    return of.tail;
  }

  /** The numbers of indexed scopes inside one, of a rank, after a number. */
  placed(of: ScopesOf, query: PlaceQuery): number[] {
    if (of.stored < INDEXED) return [];
    return this.#places.inside(of.id!, query, (number) => headOfRow(this.#row(of, number)).rank);
  }

  /** The numbers of indexed scopes inside one that have neither failed nor are open, from the latest on. */
  latestPlaced(of: ScopesOf, query: { within: number; before: number; limit: number }): number[] {
    if (of.stored < INDEXED) return [];
    return this.#places.latestOthers(of.id!, query, (number) => headOfRow(this.#row(of, number)).rank);
  }

  /** The numbers of indexed scopes that have failed or are open, or in which one has or is. */
  placedFirst({ id, stored }: ScopesOf, limit: number): number[] {
    return stored < INDEXED ? [] : this.#places.first(id!, limit);
  }

  /** The scopes that have changed after a version of the task, without what is in pages. From so many on some may be left out. */
  changedAfter({ id, attempts, stored }: ScopesOf, version: number, limit: number): ScopeState[] {
    const groups = this.#statements.changed.all({ task: id!, after: version, last: groupOf(indexedOf(stored) + 1), limit }) as { lines: string }[];
    const rows = groups.flatMap(({ lines }) => rowsOfGroup(lines)).filter((row) => headOfRow(row).version > version);
    return rows.slice(0, limit).map((row) => scopeOfRow(row, attempts));
  }

  /** The attempts of child tasks for which a scope of a task stands. */
  children(uuid: string, { traceId, spanId }: Pick<ScopeState, 'traceId' | 'spanId'>): AttemptState[] {
    const key = childOfKey(uuid, traceId, spanId);
    const rows = this.#statements.children.all(key) as { id: number; stored: number; attempts: string; number: number }[];
    return rows.flatMap(({ id, stored, attempts: json, number }) => {
      const child = this.#scope(SqliteScopes.of(id, attemptsOfJson(json), stored), number);
      // It may have been a child of another scope, until a start came that had more.
      return isAttempt(child) && childOf(child) === key ? [child] : [];
    });
  }

  /**
   * Writes scopes of a task that has its row.
   *
   * @param version The task's version that has changed them.
   */
  write(of: ScopesOf, scopes: readonly ScopeState[], version: number): void {
    const { write, writePage, child } = this.#statements;
    const id = of.id!;
    const changed = new Map<number, string[]>();
    const indexed = indexedOf(of.stored);
    let last = of.stored;
    for (const scope of scopes) {
      const { number } = scope;
      const rows = this.#group(of, groupOf(number));
      const row = scopeRow(scope, of.attempts, version);
      if (number <= indexed) this.#places.move(id, headOfRow(rows[positionInGroup(number)]!), headOfRow(row));
      rows[positionInGroup(number)] = row;
      changed.set(groupOf(number), rows);
      if (number > of.stored) of.unindexed?.set(spanKey(scope.traceId, scope.spanId), number);
      if (number > last) last = number;
      for (const { kind, page, data } of changedPages(scope)) writePage.run(id, number, kind, page, data);
      const parent = isAttempt(scope) ? childOf(scope) : undefined;
      if (parent !== undefined) child.run(id, number, parent);
    }
    for (const [group, rows] of changed) write.run(id, group, version, rows.join('\n'));
    of.stored = last;
    if (indexedOf(last) > indexed) this.#enterIndex(of, indexed);
  }

  /** Enters into the indexes the scopes after a number, sorted, so that each page is written once. */
  #enterIndex(of: ScopesOf, after: number): void {
    const { enter, indexGroups } = this.#statements;
    indexGroups.run({ task: of.id!, from: groupOf(after + 1), to: groupOf(indexedOf(of.stored) + 1) });
    const entries: RowHead[] = [];
    for (const { number, row } of this.#numbered(of.id!, after)) {
      if (number <= indexedOf(of.stored)) entries.push(headOfRow(row));
    }
    this.#places.enter(of.id!, entries);
    entries.sort((one, other) => (one.spanId < other.spanId ? -1 : 1));
    for (const { number, attempt, spanId } of entries) enter.run(of.id!, spanId, traceIndexOf(of.attempts[attempt]!.traceId, of.attempts), number);
    of.unindexed = undefined;
  }

  #unindexed(of: ScopesOf): ReadonlyMap<string, number> {
    if (of.unindexed === undefined) {
      of.unindexed = new Map();
      for (const { number, row } of this.#numbered(of.id!, indexedOf(of.stored))) {
        const { traceId, spanId } = idsOfRow(row, of.attempts);
        of.unindexed.set(spanKey(traceId, spanId), number);
      }
    }
    return of.unindexed;
  }

  #scope(of: ScopesOf, number: number): ScopeState {
    return this.#whole(of.id!, this.at(of, number));
  }

  #whole(taskId: number, scope: ScopeState): ScopeState {
    if (lacksPages(scope)) addPages(scope, this.#statements.pages.all(taskId, scope.number) as unknown as ScopePage[]);
    return scope;
  }

  #row(of: ScopesOf, number: number): string {
    return this.#group(of, groupOf(number))[positionInGroup(number)]!;
  }

  #group(of: ScopesOf, group: number): string[] {
    const known = of.groups.get(group);
    if (known !== undefined) return known;
    const isStored = group * GROUP < of.stored;
    const stored = isStored ? (this.#statements.group.get(of.id!, group) as { lines: string } | undefined) : undefined;
    const rows = stored?.lines.split('\n') ?? [];
    of.groups.set(group, rows);
    return rows;
  }

  #rows(taskId: number): string[] {
    return this.groups(taskId).flatMap(rowsOfGroup);
  }

  /** The rows of scopes after one that is the last of its group. */
  #numbered(taskId: number, after: number): { number: number; row: string }[] {
    const groups = this.#statements.groups.all(taskId, groupOf(after + 1)) as { number: number; lines: string }[];
    return groups.flatMap(({ number: group, lines }) =>
      lines.split('\n').map((row, at) => ({ number: group * GROUP + at + 1, row })).filter(({ row }) => row !== ''),
    );
  }
}

/** The scopes of a group, without what is in pages. */
export function scopesOfGroup(group: string, attempts: readonly AttemptIds[]): ScopeState[] {
  return rowsOfGroup(group).map((row) => scopeOfRow(row, attempts));
}

function rowsOfGroup(group: string): string[] {
  return group.split('\n').filter((row) => row !== '');
}

/** How many of a task's first scopes are in the index. */
function indexedOf(stored: number): number {
  return stored - (stored % INDEXED);
}

/** Numbers begin with 1. */
function groupOf(number: number): number {
  return Math.floor((number - 1) / GROUP);
}

function positionInGroup(number: number): number {
  return (number - 1) % GROUP;
}

/** By what the children of a scope are found. */
function childOfKey(parentTaskUuid: string, traceId: string, spanId: string): string {
  return `${parentTaskUuid}-${spanKey(traceId, spanId)}`;
}

function childOf({ parentTaskUuid, parentScope, traceId }: AttemptState): string | undefined {
  return parentTaskUuid === null || parentScope === null ? undefined : childOfKey(parentTaskUuid, traceId, parentScope.spanId);
}

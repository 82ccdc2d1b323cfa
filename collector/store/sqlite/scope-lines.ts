import type { DatabaseSync } from 'node:sqlite';
import { Slices } from '../../async.ts';
import type { JournalRow } from '../../record/journal.ts';
import { byStart, scopeLine } from '../../record/scope-line.ts';
import type { Rank } from '../../record/scope-line.ts';
import { isAttempt, isCounted } from '../../record/scope-state.ts';
import type { AttemptState, ScopeState } from '../../record/scope-state.ts';
import { isOver } from '../../record/task-state.ts';
import type { ScopeLine, ScopeNode, TaskState } from '../../../src/task-record.ts';
import { BoundedScopes, given } from '../bounded-scopes.ts';
import type { GivenScope, PlacedScopes } from '../bounded-scopes.ts';
import { attemptsOfJson } from '../scope-row.ts';
import { RecentNotifications } from '../stored-log.ts';
import type { ScopeChanges, ScopePage, ScopeQuery } from '../task-store.ts';
import { SqliteScopes } from './scopes.ts';
import type { ScopesOf } from './scopes.ts';

/** A task whose scopes are read. */
interface LinesTask {
  readonly id: number;
  readonly version: number;
  readonly isLostForGood: boolean;
  /** Whether it has finished, so that nothing runs in it. */
  readonly isOver: boolean;
  /** The version since which its open scopes are lost, or run again. */
  readonly overVersion: number;
  readonly scopes: ScopesOf;
}

/** Scopes that are given, with what their lines need of their task, before their notifications are read. */
export interface ReadScopes {
  readonly task: LinesTask;
  /** The numbers of the task's attempts that are needed, by the ids of their task spans. */
  readonly attemptNumbers: ReadonlyMap<string, number>;
}

export interface ReadPage extends ReadScopes {
  readonly nodes: readonly GivenScope[];
  readonly next?: string;
}

export interface ReadChanges extends ReadScopes {
  readonly changed: readonly ScopeState[];
  readonly isCut: boolean;
}

/** So many changed lines are given one by one. */
const MOST_CHANGES = 1000;

/**
 * Reads the scopes of a task that lines are asked for, and no others. What is read for one answer is of one state only
 * inside a transaction.
 */
export class SqliteScopeLines {
  readonly #scopes: SqliteScopes;
  readonly #task;

  constructor(database: DatabaseSync, scopes: SqliteScopes) {
    this.#scopes = scopes;
    this.#task = database.prepare('SELECT id, version, state, lost_at, span_count, over_version, attempts FROM task WHERE uuid = ?');
  }

  page(uuid: string, { of, limit, cursor }: ScopeQuery): ReadPage | undefined {
    const task = this.#read(uuid);
    if (task === undefined) return undefined;
    // Read once for all that follows.
    this.#scopes.tail(task.scopes);
    const bounded = new BoundedScopes(placedScopes(this.#scopes, task.scopes), limit);
    const position = cursor === undefined ? undefined : positionOf(cursor);
    return of === undefined ? this.#attempts(task, bounded, limit, position) : this.#inside(task, bounded, of, position);
  }

  changes(uuid: string, afterVersion: number): ReadChanges | undefined {
    const task = this.#read(uuid);
    if (task === undefined) return undefined;
    const { scopes } = task;
    const changed = new Map<number, ScopeState>();
    for (const scope of this.#scopes.changedAfter(scopes, afterVersion, MOST_CHANGES + 1)) changed.set(scope.number, scope);
    // A loss for good is no version, so the lines that it has changed always count.
    if (task.isLostForGood || task.overVersion > afterVersion) {
      for (const scope of this.#open(scopes)) changed.set(scope.number, scope);
    }
    const attempts = this.#attemptsOf(scopes, changed.values());
    const isCut = changed.size > MOST_CHANGES || [...changed.values()].some((scope) => isAttempt(scope) && !isCounted(scope));
    const counted = [...changed.values()].filter((scope) => isCounted(attempts.get(scope.taskSpanId)!));
    return { task, attemptNumbers: numbersOf(attempts.values()), changed: isCut ? [] : counted, isCut };
  }

  #read(uuid: string): LinesTask | undefined {
    const row = this.#task.get(uuid) as
      | { id: number; version: number; state: TaskState; lost_at: number | null; span_count: number; over_version: number; attempts: string }
      | undefined;
    if (row === undefined) return undefined;
    const { id, version, state, lost_at: lostAt, span_count: stored, over_version: overVersion } = row;
    const isLostForGood = lostAt !== null;
    return { id, version, isLostForGood, isOver: isLostForGood || isOver(state), overVersion, scopes: SqliteScopes.of(id, attemptsOfJson(row.attempts), stored) };
  }

  /** The latest attempts, and what is inside them: first of the latest one. */
  #attempts(task: LinesTask, bounded: BoundedScopes, limit: number, position?: Position): ReadPage {
    const { scopes } = task;
    const nodes: GivenScope[] = [];
    let at = position === undefined ? scopes.attempts.length : Math.min(position[0], scopes.attempts.length);
    for (; at > 0 && nodes.length < limit; at--) {
      const { traceId, taskSpanId } = scopes.attempts[at - 1]!;
      const attempt = this.#scopes.find(scopes, traceId, taskSpanId) as AttemptState;
      if (isCounted(attempt)) nodes.push(given(attempt));
    }
    const sorted = nodes.toSorted((one, other) => attemptOf(one) - attemptOf(other) || byStart(one.scope, other.scope));
    bounded.take(nodes.length);
    for (const node of sorted.toReversed()) bounded.fill(node);
    return { task, attemptNumbers: numbersOf(nodes.map(({ scope }) => scope)), nodes: sorted, ...(at > 0 && { next: cursorOf([at, 0, 0]) }) };
  }

  #inside(task: LinesTask, bounded: BoundedScopes, spanId: string, position?: Position): ReadPage {
    const number = this.#scopes.numberOf(task.scopes, spanId);
    if (number === undefined) throw new RangeError(`of: expected the span id of a scope of the task, got ${JSON.stringify(spanId.slice(0, 100))}`);
    const outer = given(this.#scopes.at(task.scopes, number), position && { after: position });
    const { hasMore } = bounded.page(outer);
    const attempts = this.#attemptsOf(task.scopes, allOf(outer.inside));
    return { task, attemptNumbers: numbersOf(attempts.values()), nodes: outer.inside, ...(hasMore && { next: cursorOf(outer.after) }) };
  }

  /** Those that are open, or in which one is. */
  #open(of: ScopesOf): ScopeState[] {
    const unindexed = this.#scopes.tail(of).filter(({ rank }) => rank < 2).map(({ number }) => number);
    const numbers = [...this.#scopes.placedFirst(of, MOST_CHANGES + 1), ...unindexed];
    return numbers.map((number) => this.#scopes.at(of, number)).filter(({ end, runningInside }) => end === null || runningInside > 0);
  }

  /** The attempts of scopes, by their task spans. */
  #attemptsOf(of: ScopesOf, scopes: Iterable<ScopeState>): Map<string, AttemptState> {
    const attempts = new Map<string, AttemptState>();
    for (const { traceId, taskSpanId } of scopes) {
      if (!attempts.has(taskSpanId)) attempts.set(taskSpanId, this.#scopes.find(of, traceId, taskSpanId) as AttemptState);
    }
    return attempts;
  }
}

/** The scopes of a task by their places: those in the index, then those that are not in it yet. */
function placedScopes(scopes: SqliteScopes, of: ScopesOf): PlacedScopes {
  let unindexed: Map<string, number[]> | undefined;
  const unindexedInside = (within: number, rank: Rank): readonly number[] => {
    if (unindexed === undefined) {
      unindexed = new Map();
      for (const head of scopes.tail(of)) {
        const key = `${head.within} ${head.rank}`;
        const numbers = unindexed.get(key);
        if (numbers === undefined) unindexed.set(key, [head.number]);
        else numbers.push(head.number);
      }
    }
    return unindexed.get(`${within} ${rank}`) ?? [];
  };
  return {
    inside({ number: within }, rank, after, limit) {
      const numbers = scopes.placed(of, { rank, within, after, limit });
      const rest = unindexedInside(within, rank).filter((number) => number > after).slice(0, limit - numbers.length);
      return [...numbers, ...rest].map((number) => scopes.at(of, number));
    },
    latestOthers({ number: within }, before, limit) {
      const latest = unindexedInside(within, 2).filter((number) => number < before).toReversed().slice(0, limit);
      const earlier = latest.length === limit ? [] : scopes.latestPlaced(of, { within, before, limit: limit - latest.length });
      return [...latest, ...earlier].map((number) => scopes.at(of, number));
    },
  };
}

function attemptOf({ scope }: GivenScope): number {
  return (scope as AttemptState).attempt;
}

function numbersOf(attempts: Iterable<ScopeState>): Map<string, number> {
  return new Map([...attempts].map(({ spanId, number }) => [spanId, number]));
}

function* allOf(nodes: readonly GivenScope[]): Generator<ScopeState> {
  for (const { scope, inside } of nodes) {
    yield scope;
    yield* allOf(inside);
  }
}

/** Reads the row of a task's log at an offset. Rows never change. */
export type ReadJournalRow = (offset: number) => Promise<Pick<JournalRow, 'text' | 'entries'> | undefined>;

/** A page with the lines of its scopes. */
export async function pageOf({ task, attemptNumbers, nodes, next }: ReadPage, journalRow: ReadJournalRow): Promise<ScopePage> {
  const lineOf = await linesWith(task, attemptNumbers, [...allOf(nodes)], journalRow);
  const nodeOf = ({ scope, inside }: GivenScope): ScopeNode => ({
    ...lineOf(scope),
    scopes: inside.toSorted((one, other) => byStart(one.scope, other.scope)).map(nodeOf),
  });
  const { version, isLostForGood } = task;
  const sorted = nodes.every(({ scope }) => isAttempt(scope)) ? nodes : nodes.toSorted((one, other) => byStart(one.scope, other.scope));
  return { version, scopes: sorted.map(nodeOf), ...(next !== undefined && { next }), ...(isLostForGood && { isLostForGood }) };
}

export async function changesOf({ task, attemptNumbers, changed, isCut }: ReadChanges, journalRow: ReadJournalRow): Promise<ScopeChanges> {
  const lineOf = await linesWith(task, attemptNumbers, changed, journalRow);
  return { version: task.version, scopes: changed.map(lineOf), ...(isCut && { isCut }) };
}

/** What makes the lines of scopes, once their last notifications are read. */
async function linesWith(
  task: LinesTask,
  attemptNumbers: ReadonlyMap<string, number>,
  scopes: readonly ScopeState[],
  journalRow: ReadJournalRow,
): Promise<(scope: ScopeState) => ScopeLine> {
  const slices = new Slices();
  const last = new RecentNotifications();
  const offsets = new Set(scopes.map(({ recent }) => recent.at(-2)).filter((offset) => offset !== undefined));
  for (const offset of [...offsets].toSorted((one, other) => one - other)) {
    const row = await journalRow(offset);
    if (row !== undefined) last.add(row);
    await slices.next();
  }
  return (scope) =>
    scopeLine(scope, { attemptNumber: attemptNumbers.get(scope.taskSpanId) ?? 0, isOver: task.isOver, last: last.byScope.get(scope.number)?.at(-1) });
}

/** How far the pages of one scope go, by rank; of the attempts, how many of the earlier ones are left. */
type Position = GivenScope['after'];

/** A position as an opaque text for the `next` of a page. */
function cursorOf(position: Position): string {
  return Buffer.from(`s${position.join('.')}`).toString('base64url');
}

/** `RangeError` for what {@link cursorOf} did not give. */
function positionOf(cursor: string): Position {
  const [, ...numbers] = POSITION.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (numbers.length === 3) return numbers.map(Number) as Position;
  throw new RangeError(`cursor: expected the "next" of a page before, got ${JSON.stringify(cursor.slice(0, 100))}`);
}

const POSITION = /^s(\d{1,10})\.(\d{1,10})\.(\d{1,10})$/;

import type { DatabaseSync } from 'node:sqlite';
import type { Rank } from '../../record/scope-line.ts';
import type { RowHead } from '../scope-row.ts';

/** Which scopes inside another one are looked for. */
export interface PlaceQuery {
  readonly within: number;
  readonly rank: Rank;
  /** Number after which they begin. */
  readonly after: number;
  readonly limit: number;
}

/** So many numbers form a piece. Files depend on it: another number needs a step of the schema. */
const PIECE = 512;
/** Scopes of this rank, most of them, are in no index of their own. */
const OTHER = 2 satisfies Rank;

/**
 * Where the scopes of a task stand in the tree, as far as they are indexed: which ones are directly inside which one, as
 * ranges of their numbers, one row for {@link PIECE} numbers; and of those that have failed or are open, or in which one has
 * or is, a row each. Most scopes begin and end before they are indexed, so that they cost a little of a row.
 */
export class SqliteScopePlaces {
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#statements = {
      inside: database.prepare('SELECT piece, ranges FROM scope_inside WHERE task_id = ? AND within = ? AND piece >= ? ORDER BY piece'),
      insideBefore: database.prepare('SELECT piece, ranges FROM scope_inside WHERE task_id = ? AND within = ? AND piece <= ? ORDER BY piece DESC'),
      piece: database.prepare('SELECT ranges FROM scope_inside WHERE task_id = ? AND within = ? AND piece = ?'),
      write: database.prepare('INSERT OR REPLACE INTO scope_inside (task_id, within, piece, ranges) VALUES (?, ?, ?, ?)'),
      remove: database.prepare('DELETE FROM scope_inside WHERE task_id = ? AND within = ? AND piece = ?'),
      ranked: database.prepare('SELECT number FROM scope_first WHERE task_id = ? AND rank = ? AND within = ? AND number > ? ORDER BY number LIMIT ?'),
      first: database.prepare('SELECT number FROM scope_first WHERE task_id = ? LIMIT ?'),
      enterFirst: database.prepare('INSERT INTO scope_first (task_id, rank, within, number) VALUES (?, ?, ?, ?)'),
      removeFirst: database.prepare('DELETE FROM scope_first WHERE task_id = ? AND rank = ? AND within = ? AND number = ?'),
    };
  }

  /** Enters scopes of a task, in the order of their numbers. */
  enter(taskId: number, scopes: readonly RowHead[]): void {
    for (const [piece, ofPiece] of Map.groupBy(scopes, ({ number }) => pieceOf(number))) {
      for (const [within, inside] of Map.groupBy(ofPiece, (scope) => scope.within)) this.#add(taskId, within, piece, inside.map(({ number }) => number));
    }
    for (const { rank, within, number } of scopes) if (rank !== OTHER) this.#statements.enterFirst.run(taskId, rank, within, number);
  }

  /** Gives a scope its new place, if it has one. */
  move(taskId: number, from: RowHead, to: RowHead): void {
    const { number } = from;
    if (from.within !== to.within) {
      this.#remove(taskId, from.within, pieceOf(number), number);
      this.#add(taskId, to.within, pieceOf(number), [number]);
    } else if (from.rank === to.rank) return;
    if (from.rank !== OTHER) this.#statements.removeFirst.run(taskId, from.rank, from.within, number);
    if (to.rank !== OTHER) this.#statements.enterFirst.run(taskId, to.rank, to.within, number);
  }

  /** @param rankOf Gives the rank of a scope by its number. */
  inside(taskId: number, { within, rank, after, limit }: PlaceQuery, rankOf: (number: number) => Rank): number[] {
    if (rank !== OTHER) return numbersOf(this.#statements.ranked.all(taskId, rank, within, after, limit));
    const found: number[] = [];
    for (const row of this.#statements.inside.iterate(taskId, within, pieceOf(after + 1))) {
      for (const number of numbersIn(row['piece'] as number, row['ranges'] as string)) {
        if (number <= after || rankOf(number) !== OTHER) continue;
        if (found.length === limit) return found;
        found.push(number);
      }
    }
    return found;
  }

  /** Those of the last rank, from the latest on, before a number. */
  latestOthers(taskId: number, { within, before, limit }: Omit<PlaceQuery, 'rank' | 'after'> & { before: number }, rankOf: (number: number) => Rank): number[] {
    const found: number[] = [];
    for (const row of this.#statements.insideBefore.iterate(taskId, within, pieceOf(before - 1))) {
      for (const number of [...numbersIn(row['piece'] as number, row['ranges'] as string)].toReversed()) {
        if (number >= before || rankOf(number) !== OTHER) continue;
        if (found.length === limit) return found;
        found.push(number);
      }
    }
    return found;
  }

  /** Those that have failed or are open, or in which one has or is. */
  first(taskId: number, limit: number): number[] {
    return numbersOf(this.#statements.first.all(taskId, limit));
  }

  #add(taskId: number, within: number, piece: number, numbers: readonly number[]): void {
    const known = this.#piece(taskId, within, piece);
    const all = known.length === 0 ? numbers : [...known, ...numbers].toSorted((one, other) => one - other);
    this.#statements.write.run(taskId, within, piece, rangesOf(piece, all));
  }

  #remove(taskId: number, within: number, piece: number, number: number): void {
    const rest = this.#piece(taskId, within, piece).filter((other) => other !== number);
    if (rest.length === 0) this.#statements.remove.run(taskId, within, piece);
    else this.#statements.write.run(taskId, within, piece, rangesOf(piece, rest));
  }

  #piece(taskId: number, within: number, piece: number): number[] {
    const row = this.#statements.piece.get(taskId, within, piece);
    return row === undefined ? [] : [...numbersIn(piece, row['ranges'] as string)];
  }
}

function numbersOf(rows: readonly Record<string, unknown>[]): number[] {
  return rows.map(({ number }) => number as number);
}

/** Numbers begin with 1. */
function pieceOf(number: number): number {
  return Math.floor((number - 1) / PIECE);
}

/** Sorted numbers as ranges: first and last of each, counted from the piece's first number. */
function rangesOf(piece: number, numbers: readonly number[]): string {
  const ranges: number[] = [];
  for (const number of numbers) {
    const at = number - 1 - piece * PIECE;
    if (at === ranges.at(-1)! + 1) ranges[ranges.length - 1] = at;
    else ranges.push(at, at);
  }
  return JSON.stringify(ranges);
}

function* numbersIn(piece: number, json: string): Generator<number> {
  const ranges = JSON.parse(json) as number[];
  for (let at = 0; at < ranges.length; at += 2) {
    for (let number = ranges[at]!; number <= ranges[at + 1]!; number++) yield piece * PIECE + 1 + number;
  }
}

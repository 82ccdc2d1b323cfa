import type { DatabaseSync } from 'node:sqlite';
import type { TaskFilter } from '../../../src/task-filter.ts';
import { conditionOf } from '../facets.ts';
import type { Condition } from '../facets.ts';
import type { FacetsOfRecent, SqliteFacets } from './facets.ts';
import { BLOCK_TASKS, blockOf, firstIdOf, lastIdOf, setOfBlock, TaskSet } from './task-set.ts';

/** Where a search goes: from the newest task down, or from the oldest up. */
export type Direction = 'down' | 'up';

/** Which tasks may fit a condition. A search asks for them block by block, in its direction. */
export interface Candidates {
  /** The next id, this one or a later one, at which a task may fit; `undefined` if no further task fits. */
  readonly nearest: (id: number) => number | undefined;
  /** The tasks of a block that may fit; `undefined` where all may. */
  readonly inBlock: (block: number) => TaskSet | undefined;
  /** Whether {@link inBlock} reads the index, so that reading a few tasks themselves is cheaper. */
  readonly reads: boolean;
}

/** What the candidates need to know of the search. */
export interface SearchContext {
  readonly direction: Direction;
  /** Adds to the cost of the search; the cost of reading a task is 1. */
  readonly spend: (cost: number) => void;
}

/** The most tasks whose ids are read for a part of a UUID. If more have it, all tasks are candidates. */
const MOST_OF_UUID = 3000;
/** Up to so many tasks that may fit are read one by one, instead of the index for their whole block. */
const FEW = 24;
/** The cost of a look-up in an index, and of reading a row of it. */
const LOOK_UP = 0.4;
const ROW = 0.15;
/** How many blocks are searched for a facet at first, and at the most in one statement, unless they have too many rows. */
const FIRST_BLOCKS = 4;
const MOST_BLOCKS = 256;
const MOST_ROWS = 1024;
/** What it costs to search a block for a facet that it does not have. */
const EMPTY_BLOCK = 0.1;

interface IdRow {
  id: number;
}

/** Finds the tasks in a SQLite file that may fit a filter. What one search reads is of one state only inside a transaction. */
export class SqliteCandidates {
  readonly #facets: SqliteFacets;
  readonly #statements;

  constructor(database: DatabaseSync, facets: SqliteFacets) {
    this.#facets = facets;
    const indexed = (column: string) => ({
      down: database.prepare(`SELECT id FROM task WHERE ${column} = ? AND id <= ? ORDER BY id DESC LIMIT 1`),
      up: database.prepare(`SELECT id FROM task WHERE ${column} = ? AND id >= ? ORDER BY id LIMIT 1`),
      inBlock: database.prepare(`SELECT id FROM task WHERE ${column} = ? AND id >= ? AND id < ?`),
    });
    this.#statements = {
      down: database.prepare('SELECT id FROM task WHERE id <= ? ORDER BY id DESC LIMIT 1'),
      up: database.prepare('SELECT id FROM task WHERE id >= ? ORDER BY id LIMIT 1'),
      range: database.prepare('SELECT ifnull(min(id), 1) AS first, ifnull((SELECT max(id) FROM task), 0) AS last FROM task'),
      state: indexed('state'),
      parent: indexed('parent'),
      uuid: database.prepare('SELECT id FROM task WHERE uuid >= ? AND uuid <= ? LIMIT ?'),
    };
  }

  /** The tasks that may fit a filter. */
  of(filter: TaskFilter, search: SearchContext): Candidates {
    const condition = conditionOf(filter);
    const everything: Candidates = {
      nearest: (id) => (this.#statements[search.direction].get(id) as IdRow | undefined)?.id,
      inBlock: () => undefined,
      reads: false,
    };
    if (condition === undefined) return everything;
    let recent: FacetsOfRecent | undefined;
    const compiled = (of: Condition): Candidates => {
      switch (of.of) {
        case 'all':
          return allOf(of.conditions.map(compiled));
        case 'any':
          return anyOf(of.conditions.map(compiled), search.direction);
        case 'facet':
          recent ??= this.#facets.recent();
          return this.#withFacet(of, recent, search);
        case 'state':
        case 'parent':
          return this.#indexed(of, search);
        default:
          return this.#withUuid(of, search) ?? everything;
      }
    };
    return compiled(condition);
  }

  /** Tasks with a facet; those that have changed lately have theirs in memory. */
  #withFacet({ kind, from: least, to: most }: Condition & { of: 'facet' }, recent: FacetsOfRecent, search: SearchContext): Candidates {
    const isDown = search.direction === 'down';
    const { first, last } = this.#statements.range.get() as { first: number; last: number };
    const end = blockOf(isDown ? first : last);
    const inMemory = new Map<number, TaskSet>();
    for (const { id, keys } of recent.tasks) {
      if (keys === undefined || keys.some((key) => (key >= least && key <= most) || key === kind)) setOfBlock(inMemory, blockOf(id)).add(id % BLOCK_TASKS);
    }
    /** The blocks that were searched last, with what was found in them. */
    let found = new Map<number, TaskSet>();
    let [begun, done] = [NaN, NaN];
    let blocks = FIRST_BLOCKS;

    const searchFrom = (block: number): void => {
      const until = isDown ? Math.max(end, block - blocks + 1) : Math.min(end, block + blocks - 1);
      [found, begun] = [new Map(), block];
      const read = this.#facets.addBetween(found, { from: least, to: most, first: block, last: until, most: MOST_ROWS });
      done = read.done;
      if (recent.hasCrowded) this.#facets.addBetween(found, { from: kind, to: kind, first: block, last: done, most: Infinity });
      for (const [inBlock, set] of inMemory) if (isBetween(inBlock, block, done)) setOfBlock(found, inBlock).addAll(set);
      search.spend(LOOK_UP + EMPTY_BLOCK * (Math.abs(done - block) + 1) + ROW * read.rows);
      blocks = Math.min(4 * blocks, MOST_BLOCKS);
    };
    const isKnown = (block: number): boolean => isBetween(block, begun, done);

    return {
      nearest(from) {
        const id = isDown ? Math.min(from, last) : Math.max(from, first);
        const block = blockOf(id);
        if (isDown ? block < end : block > end) return undefined;
        if (!isKnown(block)) searchFrom(block);
        if (found.has(block)) return id;
        for (let next = block; isKnown(next); next += isDown ? -1 : 1) if (found.has(next)) return isDown ? lastIdOf(next) : firstIdOf(next);
        if (done === end) return undefined;
        return isDown ? firstIdOf(done) - 1 : lastIdOf(done) + 1;
      },
      inBlock(block) {
        if (!isKnown(block)) searchFrom(block);
        return copyOf(found.get(block));
      },
      reads: false,
    };
  }

  #indexed(condition: Condition & { of: 'state' | 'parent' }, { direction, spend }: SearchContext): Candidates {
    const statements = this.#statements[condition.of];
    const value = condition.of === 'state' ? condition.state : condition.uuid;
    return {
      nearest(id) {
        spend(LOOK_UP);
        return (statements[direction].get(value, id) as IdRow | undefined)?.id;
      },
      inBlock(block) {
        const set = new TaskSet();
        const rows = statements.inBlock.all(value, firstIdOf(block), firstIdOf(block + 1)) as unknown as IdRow[];
        for (const { id } of rows) set.add(id % BLOCK_TASKS);
        spend(LOOK_UP + (ROW * rows.length) / 2);
        return set;
      },
      reads: true,
    };
  }

  /** `undefined` where too many tasks have it. */
  #withUuid({ uuid, isBeginning }: Condition & { of: 'uuid' }, { direction, spend }: SearchContext): Candidates | undefined {
    const rows = this.#statements.uuid.all(uuid, isBeginning ? `${uuid}~` : uuid, MOST_OF_UUID + 1) as unknown as IdRow[];
    spend(LOOK_UP + (ROW * rows.length) / 2);
    if (rows.length > MOST_OF_UUID) return undefined;
    const ids = rows.map(({ id }) => id).toSorted((one, other) => one - other);
    const sets = new Map<number, TaskSet>();
    for (const id of ids) setOfBlock(sets, blockOf(id)).add(id % BLOCK_TASKS);
    return {
      nearest: (id) => (direction === 'down' ? ids.findLast((each) => each <= id) : ids.find((each) => each >= id)),
      inBlock: (block) => copyOf(sets.get(block)),
      reads: false,
    };
  }
}

/** The tasks that all of some candidates have. */
function allOf(candidates: readonly Candidates[]): Candidates {
  const inOrder = candidates.toSorted((one, other) => Number(one.reads) - Number(other.reads));
  return {
    nearest(id) {
      let furthest: number | undefined = id;
      for (const { nearest } of inOrder) {
        furthest = nearest(furthest);
        if (furthest === undefined) return undefined;
      }
      return furthest;
    },
    inBlock(block) {
      let set: TaskSet | undefined;
      for (const { inBlock, reads } of inOrder) {
        if (set !== undefined && (set.isEmpty || (reads && set.size <= FEW))) return set;
        const found = inBlock(block);
        if (set === undefined) set = found;
        else if (found !== undefined) set.keepOnly(found);
      }
      return set;
    },
    reads: inOrder.some(({ reads }) => reads),
  };
}

/** The tasks that one of some candidates has. */
function anyOf(candidates: readonly Candidates[], direction: Direction): Candidates {
  const isNearer = (one: number, other: number): boolean => (direction === 'down' ? one > other : one < other);
  return {
    nearest(id) {
      let nearestOfAll: number | undefined;
      for (const { nearest } of candidates) {
        const found = nearest(id);
        if (found === id) return id;
        if (found !== undefined && (nearestOfAll === undefined || isNearer(found, nearestOfAll))) nearestOfAll = found;
      }
      return nearestOfAll;
    },
    inBlock(block) {
      const set = new TaskSet();
      for (const { inBlock } of candidates) {
        const found = inBlock(block);
        if (found === undefined) return undefined;
        set.addAll(found);
      }
      return set;
    },
    reads: candidates.some(({ reads }) => reads),
  };
}

function isBetween(block: number, one: number, other: number): boolean {
  return block >= Math.min(one, other) && block <= Math.max(one, other);
}

function copyOf(set: TaskSet | undefined): TaskSet {
  const copy = new TaskSet();
  if (set !== undefined) copy.addAll(set);
  return copy;
}

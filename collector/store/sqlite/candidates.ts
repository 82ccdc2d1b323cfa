import type { DatabaseSync } from 'node:sqlite';
import type { TaskFilter } from '../../../src/task-filter.ts';
import { conditionOf } from '../facets.ts';
import type { Condition } from '../facets.ts';
import type { SqliteFacets } from './facets.ts';
import { BLOCK_TASKS, TaskSet } from './task-set.ts';

/** Where a search goes: from the newest task down, or from the oldest up. */
export type Direction = 'down' | 'up';

/** Which tasks may fit a condition. */
export interface Candidates {
  /** The nearest task from an id on, the id included, before which none may fit; `undefined` where none may fit any more. */
  readonly nearest: (id: number) => number | undefined;
  /** Those of a block that may fit; `undefined` where all may. */
  readonly inBlock: (block: number) => TaskSet | undefined;
  /** What {@link inBlock} costs, where one is the cost of looking at a task. */
  readonly cost: number;
}

/** The most tasks whose ids are read for a part of a UUID: where more have it, all may. */
const MOST_OF_UUID = 3000;
/** Where no more tasks may fit, they are looked at one by one instead of reading an index for all of the block. */
const FEW = 24;
/** What it costs to look for facets in a block, or for tasks of an index, where one is the cost of looking at a task. */
const LOOK_UP = 0.3;

interface IdRow {
  id: number;
}

/** What a search has to know of the facets: the tasks without them, and whether some have more than are kept. */
interface FacetState {
  readonly unwritten: ReadonlyMap<number, TaskSet>;
  readonly hasCrowded: boolean;
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
      all: {
        down: database.prepare('SELECT id FROM task WHERE id <= ? ORDER BY id DESC LIMIT 1'),
        up: database.prepare('SELECT id FROM task WHERE id >= ? ORDER BY id LIMIT 1'),
      },
      state: indexed('state'),
      parent: indexed('parent'),
      uuid: database.prepare('SELECT id FROM task WHERE uuid >= ? AND uuid <= ? LIMIT ?'),
    };
  }

  /** The tasks that may fit a filter, in a direction. */
  of(filter: TaskFilter, direction: Direction): Candidates {
    const nearest = (id: number): number | undefined => (this.#statements.all[direction].get(id) as IdRow | undefined)?.id;
    const everything: Candidates = { nearest, inBlock: () => undefined, cost: 0 };
    const condition = conditionOf(filter);
    if (condition === undefined) return everything;
    let state: FacetState | undefined;
    const compiled = (of: Condition): Candidates => {
      switch (of.of) {
        case 'all':
          return allOf(of.conditions.map(compiled));
        case 'any':
          return anyOf(of.conditions.map(compiled), direction);
        case 'facet':
          state ??= this.#facetState();
          return this.#withFacet(of, state, nearest);
        case 'state':
        case 'parent':
          return this.#indexed(of, direction);
        default:
          return this.#withUuid(of, direction) ?? everything;
      }
    };
    return compiled(condition);
  }

  #facetState(): FacetState {
    const { unwritten, hasCrowded } = this.#facets.state();
    return { unwritten: setsOf(unwritten), hasCrowded };
  }

  /** Tasks with a facet, and those whose facets are not written. */
  #withFacet({ kind, from, to }: Condition & { of: 'facet' }, { unwritten, hasCrowded }: FacetState, nearest: Candidates['nearest']): Candidates {
    const facets = this.#facets;
    return {
      nearest,
      inBlock(block) {
        const set = new TaskSet();
        facets.addBetween(set, block, from, to);
        if (hasCrowded) facets.addBetween(set, block, kind, kind);
        const others = unwritten.get(block);
        if (others !== undefined) set.addAll(others);
        return set;
      },
      cost: LOOK_UP,
    };
  }

  #indexed(condition: Condition & { of: 'state' | 'parent' }, direction: Direction): Candidates {
    const statements = this.#statements[condition.of];
    const value = condition.of === 'state' ? condition.state : condition.uuid;
    return {
      nearest: (id) => (statements[direction].get(value, id) as IdRow | undefined)?.id,
      inBlock: (block) => {
        const set = new TaskSet();
        for (const { id } of statements.inBlock.all(value, block * BLOCK_TASKS, (block + 1) * BLOCK_TASKS) as unknown as IdRow[]) set.add(id % BLOCK_TASKS);
        return set;
      },
      cost: 2 * LOOK_UP,
    };
  }

  /** `undefined` where too many tasks have it. */
  #withUuid({ uuid, isBeginning }: Condition & { of: 'uuid' }, direction: Direction): Candidates | undefined {
    const rows = this.#statements.uuid.all(uuid, isBeginning ? `${uuid}~` : uuid, MOST_OF_UUID + 1) as unknown as IdRow[];
    if (rows.length > MOST_OF_UUID) return undefined;
    const ids = rows.map(({ id }) => id).toSorted((one, other) => one - other);
    const sets = setsOf(ids);
    return {
      nearest: (id) => (direction === 'down' ? ids.findLast((each) => each <= id) : ids.find((each) => each >= id)),
      inBlock(block) {
        const set = new TaskSet();
        const found = sets.get(block);
        if (found !== undefined) set.addAll(found);
        return set;
      },
      cost: 0,
    };
  }
}

/** The tasks that all of some candidates have. */
function allOf(candidates: readonly Candidates[]): Candidates {
  const byCost = candidates.toSorted((one, other) => one.cost - other.cost);
  return {
    nearest(id) {
      let furthest: number | undefined = id;
      for (const { nearest } of byCost) {
        furthest = nearest(furthest);
        if (furthest === undefined) return undefined;
      }
      return furthest;
    },
    inBlock(block) {
      let set: TaskSet | undefined;
      for (const candidate of byCost) {
        if (set !== undefined && (set.isEmpty || (candidate.cost > LOOK_UP && set.size <= FEW))) return set;
        const found = candidate.inBlock(block);
        if (set === undefined) set = found;
        else if (found !== undefined) set.keepOnly(found);
      }
      return set;
    },
    cost: byCost.reduce((sum, { cost }) => sum + cost, 0),
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
      for (const candidate of candidates) {
        const found = candidate.inBlock(block);
        if (found === undefined) return undefined;
        set.addAll(found);
      }
      return set;
    },
    cost: candidates.reduce((sum, { cost }) => sum + cost, 0),
  };
}

/** Tasks by their blocks. */
function setsOf(ids: readonly number[]): Map<number, TaskSet> {
  const sets = new Map<number, TaskSet>();
  for (const id of ids) {
    const block = Math.floor(id / BLOCK_TASKS);
    let set = sets.get(block);
    if (set === undefined) sets.set(block, (set = new TaskSet()));
    set.add(id % BLOCK_TASKS);
  }
  return sets;
}

import { DEEPEST_SCOPE } from '../../src/progress.ts';
import { rankOf } from '../record/scope-line.ts';
import type { Rank } from '../record/scope-line.ts';
import { isAttempt } from '../record/scope-state.ts';
import type { ScopeState } from '../record/scope-state.ts';

/** Gives the scopes of a task by their place in the tree. */
export interface PlacedScopes {
  /** The scopes directly inside one that have a rank, in the order of their numbers, after a number. */
  inside(outer: ScopeState, rank: Rank, after: number, limit: number): ScopeState[];
  /** Those of the last rank, from the latest on, before a number. */
  latestOthers(outer: ScopeState, before: number, limit: number): ScopeState[];
}

/** A chosen scope, with the chosen scopes inside it. */
export interface GivenScope {
  readonly scope: ScopeState;
  readonly inside: GivenScope[];
  /** How many chosen scopes are around it. */
  readonly depth: number;
  /** For each rank the number of the last chosen scope inside. */
  readonly after: [number, number, number];
  /** Number of the earliest chosen scope inside of the last rank, if the latest ones of that rank were chosen. */
  before: number;
  /** The ranks of which all scopes have been read. */
  readonly isAll: [boolean, boolean, boolean];
}

export function given(scope: ScopeState, { after = [0, 0, 0], depth = 0 }: Partial<Pick<GivenScope, 'after' | 'depth'>> = {}): GivenScope {
  return { scope, inside: [], depth, after, before: Number.MAX_SAFE_INTEGER, isAll: [false, false, false] };
}

/** The scopes inside a closed scope are chosen with it if there are no more than this, at all depths, and none has failed or is open. */
const FEW = 12;
const [FAILED, OPEN, OTHER] = [0, 1, 2] as const satisfies Rank[];

/**
 * Chooses scopes of a task, at all depths together not more than there is room for: those that have failed or are open,
 * with the scopes around them, then the latest few of the others in each of these, then more of them.
 */
export class BoundedScopes {
  readonly #scopes: PlacedScopes;
  #room: number;

  constructor(scopes: PlacedScopes, room: number) {
    this.#scopes = scopes;
    this.#room = room;
  }

  /** A page of those directly inside a scope, by the ranks, and whether there are more; then some of what is inside these. */
  page(outer: GivenScope): { hasMore: boolean } {
    this.#takeFirst(outer, this.#room);
    this.#take(outer, OTHER, this.#room);
    this.#fill(outer.inside);
    return { hasMore: [FAILED, OPEN, OTHER].some((rank) => this.#hasMore(outer, rank)) };
  }

  /** So many are given besides. */
  take(count: number): void {
    this.#room -= count;
  }

  /** Some of what is inside a scope. */
  fill(outer: GivenScope): void {
    this.#fill([outer]);
  }

  #fill(nodes: readonly GivenScope[]): void {
    const around = [...nodes];
    // The list grows in this loop: the scopes inside a chosen one are added after it.
    for (const node of around) {
      if (node.scope.failedInside > 0 || node.scope.runningInside > 0) around.push(...this.#takeFirst(node, this.#room));
    }
    const closed = this.#takeOthers(around.filter(({ scope }) => isShownOpen(scope) || scope.stepsInside <= FEW), FEW);
    this.#takeOthers([...around.filter(({ scope }) => isShownOpen(scope)), ...closed], this.#room);
  }

  /** Failed and open ones; where both are many, half as many of each. */
  #takeFirst(node: GivenScope, most: number): GivenScope[] {
    const failed = this.#take(node, FAILED, Math.ceil(most / 2));
    const open = this.#take(node, OPEN, most - failed.length);
    return [...failed, ...open, ...this.#take(node, FAILED, most - failed.length - open.length)];
  }

  /** Takes the latest of the others in each of these, and in the small ones among these. */
  #takeOthers(nodes: readonly GivenScope[], most: number): GivenScope[] {
    const queue = [...nodes];
    const taken: GivenScope[] = [];
    for (const node of queue) {
      const inside = this.#takeLatest(node, most);
      taken.push(...inside);
      queue.push(...inside.filter(({ scope }) => scope.stepsInside <= FEW));
    }
    return taken.filter(({ scope }) => scope.stepsInside <= FEW);
  }

  #take(node: GivenScope, rank: Rank, most: number): GivenScope[] {
    const inside = this.#add(node, rank, most, (limit) => this.#scopes.inside(node.scope, rank, node.after[rank], limit));
    node.after[rank] = inside.at(-1)?.scope.number ?? node.after[rank];
    return inside;
  }

  #takeLatest(node: GivenScope, most: number): GivenScope[] {
    const inside = this.#add(node, OTHER, most, (limit) => this.#scopes.latestOthers(node.scope, node.before, limit));
    node.before = inside.at(-1)?.scope.number ?? node.before;
    return inside;
  }

  #add(node: GivenScope, rank: Rank, most: number, read: (limit: number) => readonly ScopeState[]): GivenScope[] {
    const limit = Math.min(most, this.#room);
    if (limit <= 0 || node.isAll[rank] || node.scope.stepsInside === 0 || node.depth >= DEEPEST_SCOPE) return [];
    const inside = read(limit).map((scope) => given(scope, { depth: node.depth + 1 }));
    node.inside.push(...inside);
    node.isAll[rank] = inside.length < limit;
    this.#room -= inside.length;
    return inside;
  }

  #hasMore({ scope, after, isAll }: GivenScope, rank: Rank): boolean {
    return !isAll[rank] && this.#scopes.inside(scope, rank, after[rank], 1).length > 0;
  }
}

/** What is directly inside an attempt is always given: without it a task that has ended well would have no steps. */
function isShownOpen(scope: ScopeState): boolean {
  return isAttempt(scope) || rankOf(scope) !== OTHER;
}

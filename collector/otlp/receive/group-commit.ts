import type { Fact } from '../../../src/fact.ts';
import { setImmediate } from '../../../src/timers.ts';
import type { CommitObserver } from '../../runtime/committer.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { isTaskStoreError } from '../../store/task-store-error.ts';

/** Facts that a store can never take: how many, and what it says of the first. */
export interface Refused {
  readonly facts: number;
  readonly message: string;
}

interface Waiting {
  readonly facts: readonly Fact[];
  readonly resolve: (refused: Refused) => void;
  readonly reject: (error: unknown) => void;
}

/** After so many a commit takes no further requests. */
const GROUP_FACTS = 5000;
const NONE: Refused = { facts: 0, message: '' };

/**
 * Commits the facts of requests. Those that come in one turn of the event loop, or while a commit
 * runs, are committed together: a commit costs much by itself and little by the fact. The facts of
 * one request are never parted, so that their lines stand in the order of their times.
 */
export class GroupCommit {
  readonly #store: Pick<TaskStore, 'append'>;
  readonly #observer: CommitObserver | undefined;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(store: Pick<TaskStore, 'append'>, observer?: CommitObserver) {
    this.#store = store;
    this.#observer = observer;
  }

  /**
   * Resolves when the facts are stored, all but those that the store can never take; rejects when it
   * can't take any just now.
   */
  commit(facts: readonly Fact[]): Promise<Refused> {
    if (facts.length === 0) return Promise.resolve(NONE);
    this.#observer?.read(facts.length);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ facts, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      await turn();
      await this.#commitGroup(this.#nextGroup());
    }
    this.#running = false;
  }

  #nextGroup(): readonly Waiting[] {
    let facts = 0;
    const rest = this.#waiting.findIndex((waiting) => {
      if (facts >= GROUP_FACTS) return true;
      facts += waiting.facts.length;
      return false;
    });
    return this.#waiting.splice(0, rest === -1 ? this.#waiting.length : rest);
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#append(group.length === 1 ? group[0]!.facts : group.flatMap(({ facts }) => facts));
      for (const { resolve } of group) resolve(NONE);
    } catch (error) {
      if (!isTaskStoreError(error, 'REFUSED')) {
        for (const { reject } of group) reject(error);
        return;
      }
      // It is one fact of one request: the others must not suffer.
      for (const { facts, resolve, reject } of group) await this.#commitParts(facts).then(resolve, reject);
    }
  }

  /** Commits them in smaller and smaller parts, until what is refused stands alone. */
  async #commitParts(facts: readonly Fact[]): Promise<Refused> {
    try {
      await this.#append(facts);
      return NONE;
    } catch (error) {
      if (!isTaskStoreError(error, 'REFUSED')) throw error;
      if (facts.length === 1) {
        this.#observer?.refused();
        return { facts: 1, message: error.message };
      }
      const middle = facts.length >> 1;
      const first = await this.#commitParts(facts.slice(0, middle));
      const second = await this.#commitParts(facts.slice(middle));
      return { facts: first.facts + second.facts, message: first.message || second.message };
    }
  }

  async #append(facts: readonly Fact[]): Promise<void> {
    try {
      await this.#store.append(facts);
      this.#observer?.committed(facts);
    } catch (error) {
      this.#observer?.failed();
      throw error;
    }
  }
}

/** Lets the event loop read what else has come. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

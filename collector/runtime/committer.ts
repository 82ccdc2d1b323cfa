import type { Fact } from '../../src/fact.ts';
import { performance, setImmediate, setTimeout } from '../../src/timers.ts';
import { isSqliteStore } from '../store/task-store.ts';
import type { SqliteTaskStore, TaskStore } from '../store/task-store.ts';
import { isTaskStoreError } from '../store/task-store-error.ts';
import type { TaskStoreError } from '../store/task-store-error.ts';

/** Where facts wait until they are committed: the ring's reader. */
export interface FactSource {
  /** The next facts, none if there are none. They wait on until they are acknowledged. */
  read(limitBytes: number, limitFacts: number): Fact[];
  readonly hasFacts: boolean;
  acknowledge(): void;
  /** How many bytes wait, where that is known. */
  readonly waitingBytes?: number;
  /** How many facts found no room, where that is known. */
  readonly givenUp?: number;
}

/** Counts what a {@link Committer} does. */
export interface CommitObserver {
  read(facts: number): void;
  committed(facts: readonly Fact[]): void;
  failed(): void;
  /** The store can never take a fact. */
  refused(): void;
}

/** Options of {@link Committer}. */
export interface CommitterOptions {
  source: FactSource;
  store: Pick<TaskStore, 'append'>;
  /** Resolves when there are facts, or when it is time to look. */
  sleep: () => Promise<void>;
  /** Told of each failure to commit, with how often it has failed in a row. */
  onFailure: (error: unknown, failures: number) => void;
  /** Told when a commit succeeds after failures. */
  onRecovery?: () => void;
  /** Told of each fact that the store can never take. It is missing from now on. */
  onRefused?: (fact: Fact, error: TaskStoreError) => void;
  /** Counts it all. */
  observer?: CommitObserver | undefined;
}

const BATCH_BYTES = 512 * 1024;
const BATCH_FACTS = 5000;
/** How long facts gather before the next commit, in milliseconds. */
const GATHER_MS = 3;
const RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

/**
 * Carries facts from where they wait into a store, one commit after the other. A commit that
 * fails is tried again, with growing pauses, until it succeeds: the facts wait meanwhile.
 *
 * A fact that the store can never take must not hold up all others: where the store refuses a
 * batch twice, it is committed in smaller and smaller parts, and what is refused alone is given up.
 */
export class Committer {
  readonly #options: CommitterOptions;
  #batch: Fact[] = [];
  /** How many facts of the batch the next commit takes. */
  #part = 0;
  /** How often in a row the batch, or a part of it, was refused. */
  #refusals = 0;
  #failures = 0;
  #stopped = false;
  #committing: Promise<boolean> | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Commits what comes until {@link stop}. */
  async run(): Promise<void> {
    const { source, sleep } = this.#options;
    while (!this.#stopped) {
      if (this.#batch.length === 0 && !source.hasFacts) {
        await sleep();
        continue;
      }
      const full = await this.commitNext();
      if (this.#failures > 0) await pause(Math.min(RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS));
      else if (full) await turn();
      else await pause(GATHER_MS);
    }
  }

  /**
   * Commits all that waits now; a commit that fails is tried again for so long. A refusal is no failure:
   * it goes on until what the store can never take stands alone.
   */
  async drain(limitMs = 0): Promise<void> {
    const limit = performance.now() + limitMs;
    await this.#committing;
    while (this.#batch.length > 0 || this.#options.source.hasFacts) {
      await this.commitNext();
      if (this.#failures === 0 || this.#refusals > 0) continue;
      const left = limit - performance.now();
      if (left <= 0) return;
      await pause(Math.min(left, RETRY_MS));
    }
  }

  /**
   * Commits all that waits, in one go and without a turn of the event loop, as at the exit of a process. Only SQLite
   * can: with other stores, and where it fails, the facts stay where they wait.
   */
  drainNow(): void {
    const { source, store, onFailure } = this.#options;
    this.#stopped = true;
    if (!isSqliteStore(store)) return;
    try {
      if (this.#batch.length === 0) this.#batch = source.read(BATCH_BYTES, BATCH_FACTS);
      while (this.#batch.length > 0) {
        this.#commitNow(store, this.#batch);
        source.acknowledge();
        this.#batch = source.read(BATCH_BYTES, BATCH_FACTS);
      }
    } catch (error) {
      onFailure(error, ++this.#failures);
    }
  }

  /** In halves where the store refuses them, until a refused fact stands alone. */
  #commitNow(store: SqliteTaskStore, facts: readonly Fact[]): void {
    try {
      store.appendNow(facts);
    } catch (error) {
      if (!isTaskStoreError(error, 'REFUSED')) throw error;
      if (facts.length === 1) {
        this.#options.onRefused?.(facts[0]!, error);
        return;
      }
      const half = Math.ceil(facts.length / 2);
      this.#commitNow(store, facts.slice(0, half));
      this.#commitNow(store, facts.slice(half));
    }
  }

  /** Takes no further facts. What is being committed goes on. */
  stop(): void {
    this.#stopped = true;
  }

  /** Commits the next facts; says whether there may be many more. With a store that does not wait it does not wait either. */
  commitNext(): Promise<boolean> {
    this.#committing ??= this.#commit().finally(() => {
      this.#committing = undefined;
    });
    return this.#committing;
  }

  async #commit(): Promise<boolean> {
    const { source, store, onFailure, observer } = this.#options;
    if (this.#batch.length === 0) {
      this.#batch = source.read(BATCH_BYTES, BATCH_FACTS);
      this.#part = this.#batch.length;
      observer?.read(this.#batch.length);
    }
    const { length } = this.#batch;
    try {
      const facts = this.#part === length ? this.#batch : this.#batch.slice(0, this.#part);
      await store.append(facts);
      observer?.committed(facts);
      this.#done(this.#part);
    } catch (error) {
      observer?.failed();
      const isRefused = isTaskStoreError(error, 'REFUSED');
      this.#refusals = isRefused ? this.#refusals + 1 : 0;
      if (!isRefused || this.#refusals === 1) {
        onFailure(error, ++this.#failures);
      } else if (this.#part > 1) {
        this.#recovered();
        this.#part = Math.ceil(this.#part / 2);
      } else {
        observer?.refused();
        this.#options.onRefused?.(this.#batch[0]!, error);
        this.#done(1);
      }
    }
    return length >= BATCH_FACTS / 2 || this.#batch.length > 0;
  }

  /** The store is there: what it says is of the facts. */
  #recovered(): void {
    if (this.#failures > 0) this.#options.onRecovery?.();
    this.#failures = 0;
  }

  /** So many facts need not be committed any more. */
  #done(count: number): void {
    this.#recovered();
    this.#batch = count === this.#batch.length ? [] : this.#batch.slice(count);
    // What was refused seldom stands alone, so that the parts grow slowly.
    this.#part = Math.min(2 * count, this.#batch.length);
    if (this.#batch.length > 0) return;
    this.#refusals = 0;
    this.#options.source.acknowledge();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lets the event loop serve others before the next commit. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

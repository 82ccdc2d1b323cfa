import type { Fact } from '../../src/fact.ts';
import type { TaskStore } from './task-store.ts';

/** Where facts wait until they are committed: the ring's reader. */
export interface FactSource {
  /** The next facts, none if there are none. They wait on until they are acknowledged. */
  read(limitBytes: number, limitFacts: number): Fact[];
  readonly hasFacts: boolean;
  acknowledge(): void;
}

/** Options of {@link Committer}. */
export interface CommitterOptions {
  source: FactSource;
  store: TaskStore;
  /** Resolves when there are facts, or when it is time to look. */
  sleep: () => Promise<void>;
  /** Told of each failure to commit, with how often it has failed in a row. */
  onFailure: (error: unknown, failures: number) => void;
  /** Told when a commit succeeds after failures. */
  onRecovery?: () => void;
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
 */
export class Committer {
  readonly #options: CommitterOptions;
  #batch: Fact[] = [];
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

  /** Commits all that waits now, without pauses; gives up at the first failure. */
  async drain(): Promise<void> {
    await this.#committing;
    while (this.#batch.length > 0 || this.#options.source.hasFacts) {
      await this.commitNext();
      if (this.#failures > 0) return;
    }
  }

  /**
   * Commits all that waits, in one go and without a turn of the event loop, as at the exit of a
   * process. For stores that do not wait; of the others it is not known whether they succeed.
   */
  drainNow(): void {
    const { source, store } = this.#options;
    this.#stopped = true;
    let facts = this.#batch.length > 0 ? this.#batch : source.read(BATCH_BYTES, BATCH_FACTS);
    while (facts.length > 0) {
      append(store, facts).catch((error: unknown) => this.#options.onFailure(error, ++this.#failures));
      facts = source.read(BATCH_BYTES, BATCH_FACTS);
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
    const { source, store, onFailure } = this.#options;
    if (this.#batch.length === 0) this.#batch = source.read(BATCH_BYTES, BATCH_FACTS);
    const { length } = this.#batch;
    try {
      await store.append(this.#batch);
      this.#committed();
    } catch (error) {
      onFailure(error, ++this.#failures);
    }
    return length >= BATCH_FACTS / 2;
  }

  #committed(): void {
    if (this.#failures > 0) this.#options.onRecovery?.();
    this.#failures = 0;
    this.#batch = [];
    this.#options.source.acknowledge();
  }
}

/** A store of others' making may throw where it should reject. */
function append(store: TaskStore, facts: readonly Fact[]): Promise<void> {
  try {
    return store.append(facts);
  } catch (error) {
    return Promise.reject(error);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lets the event loop serve others before the next commit. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

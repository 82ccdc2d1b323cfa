import type { Fact } from '../../src/fact.ts';
import { performance } from '../timers.ts';
import { pause, turn } from '../async.ts';
import type { RefusedFact } from '../record/commit.ts';
import { isSqliteStore, isTaskStoreError, TaskStoreError } from './task-store.ts';
import type { SqliteTaskStore, TaskStore } from './task-store.ts';

/**
 * Where facts wait until they are stored: the ring of this process, whose facts wait until the store takes them, or the
 * requests of a receiver, which are answered instead.
 */
export interface FactSource {
  readonly hasFacts: boolean;
  /** The next batch of facts, none if there are none. They are given once, and wait on until they are acknowledged. */
  read(limitBytes: number, limitFacts: number): readonly Fact[];
  /** All facts that were read are stored, or were refused. */
  acknowledge(): void;
  /** The store takes nothing just now: the source gives up what was read. Absent where facts wait for the next try. */
  fail?(error: unknown): void;
  /**
   * The store has refused what was read: the source takes it back, to give it in smaller batches before all else.
   *
   * @returns How many facts it has taken back: none where it has no smaller batches.
   */
  takeBack?(): number;
  /** How many bytes wait, where that is known. */
  readonly waitingBytes?: number;
  /** How many facts found no room, where that is known. */
  readonly droppedFacts?: number;
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
interface CommitterOptions {
  source: FactSource;
  store: Pick<TaskStore, 'append'>;
  /** Resolves when there are facts, or when it is time to look. */
  sleep: () => Promise<void>;
  /** How long facts gather before the next commit, in milliseconds; 0 is one turn of the event loop. Default 3. */
  gatherMs?: number;
  /** Called with each failure to commit of facts that wait for another try, with how often it has failed in a row. */
  onFailure?: (error: unknown, failures: number) => void;
  /** Called when a commit succeeds after failures. */
  onRecovery?: () => void;
  /** Called with each fact that the store can never take. It is missing from now on. */
  onRefused?: (fact: Fact, error: TaskStoreError) => void;
  /** Default: nothing is counted, until {@link Committer.observer} is set. */
  observer?: CommitObserver | undefined;
}

const BATCH_BYTES = 512 * 1024;
const BATCH_FACTS = 5000;
const GATHER_MS = 3;
const RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

/**
 * Carries facts from where they wait into a store, one commit after the other: a commit costs much by itself and little
 * by the fact.
 *
 * | the store | facts of the ring | facts of requests |
 * | --- | --- | --- |
 * | takes the batch | are acknowledged | are answered |
 * | fails | wait, and are tried again after growing pauses | are answered with the failure |
 * | refuses the batch | are tried again once, since the store may have been wrong; then in halves | are tried request by request; then in halves |
 * | refuses a fact alone, or has no room for it in its task | it is dropped, all other facts go on | the same |
 */
export class Committer {
  readonly #options: CommitterOptions;
  /** What was read and is not stored yet, in the order of its commits. */
  #batches: (readonly Fact[])[] = [];
  /** Whether a batch of this reading was refused before. */
  #wasRefused = false;
  /** How many facts the source has taken back and will give again. */
  #takenBack = 0;
  /** How often in a row commits have failed. */
  #failures = 0;
  #isStopped = false;
  #committing: Promise<boolean> | undefined;
  observer: CommitObserver | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.observer = options.observer;
  }

  /** Commits what comes until {@link stop}. */
  async run(): Promise<void> {
    const { source, sleep, gatherMs = GATHER_MS } = this.#options;
    while (!this.#isStopped) {
      if (this.#batches.length === 0 && !source.hasFacts) {
        await sleep();
        continue;
      }
      const mayBeMore = await this.commitNext();
      if (this.#failures > 0) await pause(Math.min(RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS));
      else if (mayBeMore || gatherMs === 0) await turn();
      else await pause(gatherMs);
    }
  }

  /**
   * Commits all that waits now; a commit that fails is tried again for so long. A refusal does not end it: it goes on
   * until what the store can never take stands alone.
   */
  async drain(limitMs = 0): Promise<void> {
    const limit = performance.now() + limitMs;
    await this.#committing;
    while (this.#batches.length > 0 || this.#options.source.hasFacts) {
      await this.commitNext();
      if (this.#failures === 0 || this.#wasRefused) continue;
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
    this.#isStopped = true;
    if (!isSqliteStore(store)) return;
    try {
      const read = (): readonly Fact[] => source.read(BATCH_BYTES, BATCH_FACTS);
      for (let facts = this.#batches.length > 0 ? this.#batches.flat() : read(); facts.length > 0; facts = read()) {
        this.#commitNow(store, facts);
        source.acknowledge();
      }
    } catch (error) {
      onFailure?.(error, ++this.#failures);
    }
  }

  /** In halves where the store refuses them, until a refused fact stands alone. */
  #commitNow(store: SqliteTaskStore, facts: readonly Fact[]): void {
    try {
      this.#noRoom(store.appendNow(facts) ?? []);
    } catch (error) {
      if (!isTaskStoreError(error, 'REFUSED')) throw error;
      if (facts.length === 1) {
        this.#options.onRefused?.(facts[0]!, error);
        return;
      }
      const middle = Math.ceil(facts.length / 2);
      this.#commitNow(store, facts.slice(0, middle));
      this.#commitNow(store, facts.slice(middle));
    }
  }

  /** Takes no further facts. What is being committed goes on; its end is not reported any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Commits the next facts. Resolves to whether there may be many more. */
  commitNext(): Promise<boolean> {
    this.#committing ??= this.#commit().finally(() => {
      this.#committing = undefined;
    });
    return this.#committing;
  }

  async #commit(): Promise<boolean> {
    const { source, store } = this.#options;
    if (this.#batches.length === 0) {
      const read = source.read(BATCH_BYTES, BATCH_FACTS);
      const again = Math.min(this.#takenBack, read.length);
      this.#takenBack -= again;
      this.observer?.read(read.length - again);
      if (read.length === 0) return false;
      this.#batches = [read];
      this.#wasRefused = false;
    }
    const batch = this.#batches[0]!;
    try {
      this.#noRoom((await store.append(batch)) ?? []);
      this.observer?.committed(batch);
      this.#outageEnded();
      this.#done();
    } catch (error) {
      this.observer?.failed();
      if (isTaskStoreError(error, 'REFUSED')) this.#refused(batch, error);
      else this.#failed(error);
    }
    return this.#batches.length > 0 || batch.length >= BATCH_FACTS / 2;
  }

  #refused(batch: readonly Fact[], error: TaskStoreError): void {
    const { source, onRefused } = this.#options;
    const isFirst = !this.#wasRefused;
    this.#wasRefused = true;
    if (isFirst && source.fail === undefined) {
      this.#waits(error);
      return;
    }
    this.#outageEnded();
    const takenBack = source.takeBack?.() ?? 0;
    if (takenBack > 0) {
      this.#takenBack += takenBack;
      this.#batches = [];
    } else if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      this.#batches.splice(0, 1, batch.slice(0, middle), batch.slice(middle));
    } else {
      this.observer?.refused();
      onRefused?.(batch[0]!, error);
      this.#done();
    }
  }

  /** All others of the batch are stored. */
  #noRoom(refused: readonly RefusedFact[]): void {
    for (const { fact, reason } of refused) {
      this.observer?.refused();
      this.#options.onRefused?.(fact, new TaskStoreError('REFUSED', reason));
    }
  }

  #failed(error: unknown): void {
    const { source } = this.#options;
    this.#wasRefused = false;
    if (source.fail === undefined) {
      this.#waits(error);
    } else {
      this.#batches = [];
      source.fail(error);
    }
  }

  /** What could not be committed waits for another try. After the stop there is none, and the store may be closed. */
  #waits(error: unknown): void {
    this.#failures++;
    if (!this.#isStopped) this.#options.onFailure?.(error, this.#failures);
  }

  /** The store answered, so no outage lasts; a refusal is about the facts. */
  #outageEnded(): void {
    if (this.#failures > 0 && !this.#isStopped) this.#options.onRecovery?.();
    this.#failures = 0;
  }

  /** The first batch need not be committed any more. */
  #done(): void {
    this.#batches.shift();
    if (this.#batches.length === 0) this.#options.source.acknowledge();
  }
}

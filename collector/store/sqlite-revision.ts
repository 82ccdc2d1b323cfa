import type { DatabaseSync } from 'node:sqlite';
import { performance, setImmediate } from '../../src/timers.ts';
import type { RevisionLook } from './task-store.ts';

/** For how long one look at the most stands for a turn of the event loop, in milliseconds. */
const LOOK_MS = 1;

/**
 * A number for the state of a SQLite file: another one after each write, whoever made it.
 *
 * This connection says what it wrote itself. What others have committed is asked of the database,
 * which costs about as much as reading a small row: most of it is the lock of a read transaction.
 */
export class SqliteRevision {
  readonly #dataVersion;
  #others: number | undefined;
  #revision = 0;
  #lookedAt: number | undefined;

  constructor(database: DatabaseSync) {
    this.#dataVersion = database.prepare('PRAGMA data_version');
  }

  current(look: RevisionLook): number {
    return look === 'now' ? this.#look() : this.#ofTurn();
  }

  /** To be called with each write of this connection, a failed one too: a number too many does no harm. */
  wrote(): void {
    this.#revision++;
  }

  #ofTurn(): number {
    const now = performance.now();
    // A turn that somebody blocks must not hold an old state for its whole length.
    if (this.#lookedAt !== undefined && now - this.#lookedAt < LOOK_MS) return this.#revision;
    const revision = this.#look();
    if (this.#lookedAt === undefined) setImmediate(() => (this.#lookedAt = undefined));
    this.#lookedAt = now;
    return revision;
  }

  #look(): number {
    const { data_version: others } = this.#dataVersion.get() as { data_version: number };
    if (others !== this.#others) this.#revision++;
    this.#others = others;
    return this.#revision;
  }
}

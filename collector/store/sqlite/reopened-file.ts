import { pause } from '../../async.ts';
import { performance } from '../../timers.ts';
import { isTaskStoreError, TaskStoreError } from '../task-store.ts';
import { SqliteConnection } from './connection.ts';
import { isLocked, openingFailure } from './open-file.ts';
import type { CommitTimes } from './open-file.ts';

/** How long a call waits for another process's lock before it fails, in milliseconds: once the file is open, and until then. */
const LOCK_MS = 250;
const OPEN_LOCK_MS = 5000;
const LOCK_PAUSE_MS = 5;
/** How long after a failure to open it the file is tried again, in milliseconds. */
const REOPEN_MS = 1000;

/** What a file reports. */
interface FileEvents {
  /** Called with the times of each write whose commits have written the database itself. */
  readonly checkpointed: (times: CommitTimes) => void;
  /** Called when the file is open again after it was deleted or replaced. */
  readonly replaced: () => void;
}

/**
 * The SQLite file of a store. It is opened by the first work in it, and again by the first work a second after it was
 * deleted or replaced.
 */
export class ReopenedFile {
  readonly path: string;
  readonly #events: FileEvents;
  #connection: SqliteConnection | undefined;
  #failure: { error: unknown; at: number } | undefined;
  #openings = 0;
  /** Whether the file was deleted or replaced since it was opened. */
  #isReplaced = false;
  #isClosed = false;

  constructor(path: string, events: FileEvents) {
    this.path = path;
    this.#events = events;
  }

  /** The open file; `undefined` while it is not open. */
  get connection(): SqliteConnection | undefined {
    return this.#connection;
  }

  /** How often it has been opened. */
  get openings(): number {
    return this.#openings;
  }

  /** Whether it was closed for good. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Does work in the file, again and again for a while where another process has the lock. */
  async use<T>(work: (connection: SqliteConnection) => T): Promise<T> {
    const begun = performance.now();
    for (;;) {
      try {
        return this.now(work);
      } catch (error) {
        if (!isLocked(error)) throw error;
        const limit = this.#connection === undefined ? OPEN_LOCK_MS : LOCK_MS;
        if (performance.now() - begun >= limit) throw this.#connection === undefined ? openingFailure(error, this.path) : error;
      }
      await pause(LOCK_PAUSE_MS);
    }
  }

  /** The same before it returns: meanwhile it blocks the thread. */
  useBlocking<T>(work: (connection: SqliteConnection) => T): T {
    const begun = performance.now();
    for (;;) {
      try {
        return this.now(work);
      } catch (error) {
        if (!isLocked(error) || performance.now() - begun >= LOCK_MS) throw error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_PAUSE_MS);
    }
  }

  /** Does work in the file; throws at once where another process has the lock. */
  now<T>(work: (connection: SqliteConnection) => T): T {
    const connection = this.#connected();
    try {
      return work(connection);
    } catch (error) {
      if (connection === this.#connection) {
        if (isTaskStoreError(error, 'GONE')) this.#gone(connection, error);
        else if (connection.isReadOnly && isTaskStoreError(error, 'UNAVAILABLE')) this.#openAgain(connection);
      }
      throw error;
    }
  }

  /** Closes it for good. */
  close(): void {
    this.#isClosed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }

  #connected(): SqliteConnection {
    if (this.#connection !== undefined) return this.#connection;
    if (this.#isClosed) throw new TaskStoreError('UNAVAILABLE', `the store ${this.path} is closed`);
    if (this.#failure !== undefined && performance.now() - this.#failure.at < REOPEN_MS) throw this.#failure.error;
    try {
      this.#connection = SqliteConnection.open(this.path, this.#events.checkpointed);
    } catch (error) {
      if (!isLocked(error)) this.#failure = { error, at: performance.now() };
      throw error;
    }
    this.#failure = undefined;
    this.#openings++;
    if (this.#isReplaced) {
      this.#isReplaced = false;
      this.#events.replaced();
    }
    return this.#connection;
  }

  /** Has the file opened again, but not at once: its replacement may still be in the making. */
  #gone(connection: SqliteConnection, error: unknown): void {
    this.#connection = undefined;
    this.#isReplaced = true;
    this.#failure = { error, at: performance.now() };
    try {
      connection.abandon();
    } catch {
      // Its file does not exist any more, so there is nothing that closing could save.
    }
  }

  /** Has a file that could not be written opened again by the next call: meanwhile it may be writable. */
  #openAgain(connection: SqliteConnection): void {
    this.#connection = undefined;
    connection.close();
  }
}

import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type * as NodeSqlite from 'node:sqlite';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { performance } from '../../src/timers.ts';
import { APPLICATION_ID, migrate, refuseForeign } from './sqlite-schema.ts';
import { TaskStoreError } from './task-store-error.ts';

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const APPLICATION_ID_AT = 68;

/**
 * Opens a SQLite file as ours, made if it is missing. What is not ours, or is damaged, is refused
 * before anything is opened for writing: not a byte of it changes.
 *
 * @throws TaskStoreError; SQLite's own error where another process has the lock
 */
export function openSqliteFile(path: string): DatabaseSync {
  const { DatabaseSync } = sqlite();
  let database: DatabaseSync | undefined;
  try {
    if (!seemsOurs(path)) {
      database = new DatabaseSync(asItIs(path), { readOnly: true });
      refuseForeign(database, path);
      database.close();
    }
    database = new DatabaseSync(path);
    migrate(database, path);
    return database;
  } catch (error) {
    if (database?.isOpen === true) database.close();
    throw isLocked(error) ? error : openingFailure(error, path);
  }
}

/** Why a file can't be opened. */
export function openingFailure(error: unknown, path: string): TaskStoreError {
  const failure = sqliteFailure(error, path);
  if (failure instanceof TaskStoreError) return failure;
  const message = existsSync(dirname(path)) ? (error as Error).message : 'its folder does not exist';
  return new TaskStoreError('UNAVAILABLE', `${path} can't be opened as a database: ${message}`, { cause: error });
}

/**
 * `node:sqlite`. It is not imported: an old Node.js would fail at the import, without saying what is needed, and some
 * bundlers change the name.
 *
 * @throws TaskStoreError where the runtime has none
 */
export function sqlite(): typeof NodeSqlite {
  const module = process.getBuiltinModule?.('node:sqlite') as typeof NodeSqlite | undefined;
  if (module !== undefined) return module;
  const { bun, deno } = process.versions as Partial<Record<string, string>>;
  const runtime = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node.js ${process.versions.node}`;
  throw new TaskStoreError('UNAVAILABLE', `taskspan needs node:sqlite, as Node.js 22.18 and newer have it; this is ${runtime}`);
}

/** The path of a file, which after `process.chdir()` is that of the same file. */
export function fixedPath(path: string): string {
  if (path === IN_MEMORY) return path;
  try {
    return resolve(path);
  } catch {
    // The working directory has been deleted: opening the file says so.
    return path;
  }
}

/** SQLite's name for a database without a file. */
export const IN_MEMORY = ':memory:';

/** Whether another process's lock is in the way, which goes away by itself. */
export function isLocked(error: unknown): boolean {
  return resultOf(error) === SQLITE_BUSY;
}

/** What a failure says of the file itself, as a `TaskStoreError`; the error as it is for one that may pass. */
export function sqliteFailure(error: unknown, path: string): unknown {
  switch (resultOf(error)) {
    case SQLITE_NOTADB:
      return notADatabase(path, error);
    case SQLITE_CORRUPT:
      return new TaskStoreError('CORRUPT', `${path} is damaged: ${(error as Error).message}`, { cause: error });
    default:
      return error;
  }
}

/**
 * What a failed write says of what was to be written, as a `TaskStoreError`; the error as it is
 * where another try may succeed.
 */
export function refusal(error: unknown): unknown {
  const isForEver =
    REFUSALS.has(resultOf(error)) ||
    error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
  return isForEver ? new TaskStoreError('REFUSED', (error as Error).message, { cause: error }) : error;
}

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
/** Too big, against a constraint, of another type, out of range. */
const REFUSALS: ReadonlySet<number> = new Set([18, 19, 20, 25]);

/** SQLite's own code without what extends it; 0 for an error that is none of SQLite's. */
function resultOf(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff;
}

function notADatabase(path: string, cause?: unknown): TaskStoreError {
  return new TaskStoreError('FOREIGN', `${path} is no database; taskspan leaves it alone`, { cause });
}

/** Whether it may be opened for writing at once: it is missing, empty, or says in its header that it is ours. */
function seemsOurs(path: string): boolean {
  const header = Buffer.alloc(HEADER_BYTES);
  let length: number;
  try {
    const file = openSync(path, 'r');
    try {
      length = readSync(file, header, 0, HEADER_BYTES, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    // Opening it as a database says better why it can't be read.
    return true;
  }
  if (length === 0) return true;
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) throw notADatabase(path);
  return header.readUInt32BE(APPLICATION_ID_AT) === APPLICATION_ID;
}

/** The file for reading. Without a write-ahead log it is all there is, and read so that no file comes beside it. */
function asItIs(path: string): string | URL {
  if (existsSync(`${path}-wal`)) return path;
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  return url;
}

/** How often readers look whether the file is still there, in milliseconds. */
const LOOK_MS = 1000;

/**
 * Looks after a file that is open: whether it has been deleted or replaced, since what is written
 * to it then is written to nobody, and whether it is damaged, since it must not be written then.
 */
export class FileWatch {
  readonly #path: string;
  readonly #identity: string | undefined;
  #nextLook: number = performance.now() + LOOK_MS;
  #damage: { error: unknown; stamp: string | undefined } | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#identity = identityOf(path);
  }

  /** To be called before each read. Throws a `TaskStoreError` if the file is gone. */
  beforeRead(): void {
    if (performance.now() >= this.#nextLook) this.#look();
  }

  /** To be called before each write. Throws a `TaskStoreError` if the file is gone, or damaged. */
  beforeWrite(): void {
    this.#look();
    if (this.#damage === undefined) return;
    if (stampOf(this.#path) === this.#damage.stamp) throw this.#damage.error;
    throw new TaskStoreError('GONE', `${this.#path} was written anew after it had been found damaged`);
  }

  /** A write has found the file damaged: it is not written any more. */
  foundDamaged(error: unknown): void {
    this.#damage ??= { error, stamp: stampOf(this.#path) };
  }

  #look(): void {
    if (this.#identity === undefined) return;
    this.#nextLook = performance.now() + LOOK_MS;
    if (identityOf(this.#path) === this.#identity) return;
    // From now on by every call.
    this.#nextLook = 0;
    throw new TaskStoreError('GONE', `${this.#path} was deleted or replaced while it was in use`);
  }
}

function identityOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}

/** Changes with whatever is written to the file itself. */
function stampOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.size}:${stat.mtimeNs}`;
}

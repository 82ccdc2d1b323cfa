import { accessSync, closeSync, constants, existsSync, fchmodSync, linkSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type * as NodeSqlite from 'node:sqlite';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { performance } from '../../timers.ts';
import { TaskStoreError } from '../task-store.ts';
import { migrate, refuseForeign, refuseOtherSchemas } from './schema.ts';

/** An open SQLite file. */
interface OpenedFile {
  readonly database: DatabaseSync;
  /** Whether it can only be read, since the file or its folder may not be written. */
  readonly isReadOnly: boolean;
}

/**
 * Opens a SQLite file of taskspan, made if it is missing: for its owner alone. Another file, or a damaged one, is refused
 * before it is opened for writing: not a byte of it changes. What may not be written is opened for reading.
 *
 * @throws TaskStoreError; SQLite's own error where another process has the lock
 */
export function openSqliteFile(path: string): OpenedFile {
  const { DatabaseSync } = sqlite();
  let database: DatabaseSync | undefined;
  try {
    if (isFile(path) && mayNotWrite(path)) return { database: openForReading(path), isReadOnly: true };
    refuseOthers(path);
    if (path !== IN_MEMORY) makeFile(path);
    database = new DatabaseSync(path);
    migrate(database, path);
    return { database, isReadOnly: false };
  } catch (error) {
    if (database?.isOpen === true) database.close();
    if (isLocked(error)) throw error;
    // A folder that may not be written is in the way only where the files beside the database are missing.
    if (CANNOT_WRITE.has(resultOf(error)) && isFile(path) && mayNotWrite(dirname(path))) return { database: openForReading(path), isReadOnly: true };
    throw openingFailure(error, path);
  }
}

/** Makes a file that only its owner may read and write, whatever the umask: SQLite gives the files beside it the same mode. */
function makeFile(path: string): void {
  if (existsSync(path)) return;
  // It has its mode before it has its name. It is closed before, too: to close it later would give up SQLite's locks.
  const made = `${path}.new-${globalThis.crypto.randomUUID()}`;
  try {
    const file = openSync(made, 'wx', OWNER_ONLY);
    fchmodSync(file, OWNER_ONLY);
    closeSync(file);
    linkSync(made, path);
  } catch {
    // Another process has made the file, or SQLite's own error has the reason why it can't be made.
  } finally {
    rmSync(made, { force: true });
  }
}

const OWNER_ONLY = 0o600;

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function mayNotWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch {
    return true;
  }
}

function openForReading(path: string): DatabaseSync {
  const { DatabaseSync } = sqlite();
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(asItIs(path), { readOnly: true });
    refuseOtherSchemas(database, path);
    return database;
  } catch (error) {
    if (database?.isOpen === true) database.close();
    if (!CANNOT_WRITE.has(resultOf(error))) throw isLocked(error) ? error : openingFailure(error, path);
    const why = `${path} can't be read, since its folder may not be written: what was stored last is in ${path}-wal, and only a process that can write there reads both`;
    throw new TaskStoreError('UNAVAILABLE', why, { cause: error });
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
 * `node:sqlite`. It is not imported: an old Node.js would fail at the import, with an error that does not name what is needed, and some
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
    // The working directory has been deleted: the error of opening the file has that reason.
    return path;
  }
}

/** SQLite's name for a database without a file. */
export const IN_MEMORY = ':memory:';

/** Whether another process has locked the database, which passes by itself. */
export function isLocked(error: unknown): boolean {
  return resultOf(error) === SQLITE_BUSY;
}

/** Makes a `TaskStoreError` of a failure that is due to the file itself; returns any other error as it is. */
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

/** Makes a `TaskStoreError` of a failure that is due to what was to be written; returns an error as it is where another try may succeed. */
export function refusal(error: unknown): unknown {
  const isForEver =
    REFUSALS.has(resultOf(error)) ||
    error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
  return isForEver ? new TaskStoreError('REFUSED', (error as Error).message, { cause: error }) : error;
}

const SQLITE_PERM = 3;
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
const CANNOT_WRITE: ReadonlySet<number> = new Set([SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN]);
/** Too big, against a constraint, of another type, out of range. */
const REFUSALS: ReadonlySet<number> = new Set([18, 19, 20, 25]);

/** SQLite's own code without what extends it; 0 for an error that is none of SQLite's. */
function resultOf(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff;
}

function notADatabase(path: string, cause?: unknown): TaskStoreError {
  return new TaskStoreError('FOREIGN', `${path} is no database; taskspan leaves it alone`, { cause });
}

/** How often a file is looked at again that another process or thread changed meanwhile. */
const MOST_LOOKS = 20;
const SHORTEST_PAGE = 512;
const MAGIC = 'SQLite format 3\0';

/**
 * Refuses a file that is not taskspan's, without a change to it. Only SQLite itself reads it: where this process has
 * the file open, opening and closing it in another way would give up SQLite's locks.
 */
function refuseOthers(path: string): void {
  for (let looks = 1; ; looks++) {
    const before = stateOf(path);
    if (before === undefined) return;
    try {
      lookInto(path);
      return;
    } catch (error) {
      // While another process makes the file it can be read half made.
      if (looks === MOST_LOOKS || stateOf(path) === before) throw error;
    }
  }
}

function lookInto(path: string): void {
  // SQLite takes what is shorter than its shortest page for an empty database. No process has such a file open in SQLite.
  if (statSync(path).size < SHORTEST_PAGE) {
    if (!readFileSync(path, 'latin1').startsWith(MAGIC)) throw notADatabase(path);
    throw new TaskStoreError('CORRUPT', `${path} is damaged: only the beginning of a database is left`);
  }
  const { DatabaseSync } = sqlite();
  const database = new DatabaseSync(asItIs(path), { readOnly: true });
  try {
    refuseForeign(database, path);
  } finally {
    database.close();
  }
}

/** Changes whenever the file or its write-ahead log does; `undefined` for a missing or empty file, and for a folder. */
function stateOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined || !stats.isFile() || stats.size === 0n ? undefined : `${stampOf(path)} ${stampOf(`${path}-wal`)}`;
}

/** The file for reading. Without a write-ahead log it is all there is, and read so that no file comes beside it. */
function asItIs(path: string): string | URL {
  if (hasLog(path)) return path;
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  return url;
}

function hasLog(path: string): boolean {
  return existsSync(`${path}-wal`);
}

/** How often readers look whether the file is still there, in milliseconds. */
const LOOK_MS = 1000;
/** How often a read or write that has found damage is tried again, in milliseconds. */
const REPEAT_MS = 5000;
/** SQLite's files: the database, its write-ahead log, and the index of that log. */
const FILES = ['', '-wal', '-shm'] as const;

interface Damage {
  readonly error: unknown;
  /** Of the file when the damage was found. */
  readonly stamp: string | undefined;
  /** What has found it. */
  readonly repeat: () => void;
  nextRepeat: number;
}

/**
 * Watches a file that is open, with its write-ahead log. One that has been deleted or replaced is not used any more, since
 * no other process would find what is written to it. One that is damaged is not written any more, until what has found
 * the damage finds none: then it was a passing error of the disk.
 */
export class FileWatch {
  readonly #path: string;
  readonly #isReadOnly: boolean;
  readonly #identities: Map<string, string | undefined>;
  readonly #stamp: string | undefined;
  #writtenStamp: string | undefined;
  #nextLook: number = performance.now() + LOOK_MS;
  #damage: Damage | undefined;

  constructor(path: string, isReadOnly: boolean) {
    this.#path = path;
    this.#isReadOnly = isReadOnly;
    this.#identities = new Map(FILES.map((end) => [path + end, identityOf(path + end)]));
    this.#stamp = stampOf(path);
    this.#writtenStamp = this.#stamp;
  }

  /** Whether SQLite would delete the write-ahead log of another database when it closes this one. */
  get hasForeignLog(): boolean {
    return FILES.some((end) => end !== '' && ![undefined, this.#identities.get(this.#path + end)].includes(identityOf(this.#path + end)));
  }

  /** To be called before each read. Throws a `TaskStoreError` if the file is gone. */
  beforeRead(): void {
    if (performance.now() >= this.#nextLook) this.#look();
  }

  /** Whether the database itself was written since the last call: by a checkpoint. */
  wasCheckpointed(): boolean {
    if (this.#identities.get(this.#path) === undefined) return false;
    const before = this.#writtenStamp;
    this.#writtenStamp = stampOf(this.#path);
    return this.#writtenStamp !== before;
  }

  /** To be called before each write. Throws a `TaskStoreError` if the file is gone, or damaged. */
  beforeWrite(): void {
    this.#look();
    const damage = this.#damage;
    if (damage === undefined) return;
    if (stampOf(this.#path) !== damage.stamp) {
      throw new TaskStoreError('GONE', `${this.#path} was written again after it had been found damaged`);
    }
    if (performance.now() < damage.nextRepeat) throw damage.error;
    damage.nextRepeat = performance.now() + REPEAT_MS;
    try {
      damage.repeat();
    } catch {
      throw damage.error;
    }
    this.#damage = undefined;
  }

  /**
   * A read or a write has found the file damaged: it is not written any more.
   *
   * @param repeat Reads or writes the same again.
   */
  foundDamaged(error: unknown, repeat: () => void): void {
    this.#damage ??= { error, stamp: stampOf(this.#path), repeat, nextRepeat: performance.now() + REPEAT_MS };
  }

  #look(): void {
    if (this.#identities.get(this.#path) === undefined) return;
    this.#nextLook = performance.now() + LOOK_MS;
    for (const [path, before] of this.#identities) {
      const now = identityOf(path);
      if (now !== before) this.#changed(path, before, now);
    }
    // Without a write-ahead log what may only be read is read as if it never changed.
    if (this.#isReadOnly && !hasLog(this.#path) && stampOf(this.#path) !== this.#stamp) this.#gone(`${this.#path} was changed while it was open for reading`);
  }

  #changed(path: string, before: string | undefined, now: string | undefined): void {
    // SQLite makes the files beside the database when it needs them first.
    if (before === undefined && !this.#isReadOnly) this.#identities.set(path, now);
    else this.#gone(`${path} was deleted or replaced while it was in use`);
  }

  #gone(message: string): never {
    // From now on by every call.
    this.#nextLook = 0;
    throw new TaskStoreError('GONE', message);
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

/** What commits have taken, in milliseconds. */
export interface CommitTimes {
  readonly ms: number;
  readonly cpuMs: number;
}

/** The transactions of a connection: they do all of a work, or nothing of it. */
export class SqliteTransactions {
  /** What the latest commits have taken since they were looked at. */
  readonly #commits = { ms: 0, cpuMs: 0 };
  readonly #database: DatabaseSync;
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = {
      begin: database.prepare('BEGIN IMMEDIATE'),
      beginRead: database.prepare('BEGIN'),
      commit: database.prepare('COMMIT'),
      rollback: database.prepare('ROLLBACK'),
    };
  }

  /** What commits have taken since the last call, in milliseconds. */
  takeCommitTimes(): CommitTimes {
    const times = { ...this.#commits };
    this.#commits.ms = 0;
    this.#commits.cpuMs = 0;
    return times;
  }

  /** Writes, with the lock taken before anything is read. */
  write<T>(work: () => T): T {
    this.#statements.begin.run();
    return this.#finish(work, () => this.#commitMeasured());
  }

  /**
   * Reads several times of one state, whatever is committed meanwhile. What belongs to a task is deleted after it, so a
   * reader that finds the task finds it whole.
   */
  read<T>(work: () => T): T {
    this.#statements.beginRead.run();
    return this.#finish(work, () => this.#statements.commit.run());
  }

  #commitMeasured(): void {
    const [at, cpu] = [performance.now(), threadCpuMs()];
    this.#statements.commit.run();
    this.#commits.ms += performance.now() - at;
    this.#commits.cpuMs += threadCpuMs() - cpu;
  }

  #finish<T>(work: () => T, commit: () => void): T {
    try {
      const result = work();
      commit();
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#statements.rollback.run();
      throw error;
    }
  }
}

/** CPU time of this thread; 0 where the runtime has no such figure. */
function threadCpuMs(): number {
  const usage = process.threadCpuUsage?.();
  return usage === undefined ? 0 : (usage.user + usage.system) / 1000;
}

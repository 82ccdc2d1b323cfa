import type { DatabaseSync } from 'node:sqlite';
import type { JournalRow } from '../../record/journal.ts';
import { attemptsOfJson } from '../scope-row.ts';
import type { AttemptIds } from '../scope-row.ts';
import { cutLog, resolveRange, decodeEntries, entriesOf } from '../stored-log.ts';
import type { LogPiece } from '../stored-log.ts';
import type { ChangeQuery, LogRange, StoredLog, StoredTask, TaskChanges, TaskForm, EntryRange, StoredEntries } from '../task-store.ts';
import type { SqliteScopes } from './scopes.ts';
import { ENTRY_SUMMARY, PageRoom, storedTask, TASK_COLUMNS, TASK_FROM } from './task-row.ts';
import type { TaskRow } from './task-row.ts';

/** The scopes of a task before they are parsed. */
export interface ScopeRows {
  readonly taskId: number;
  readonly version: number;
  readonly isLostForGood: boolean;
  readonly attempts: readonly AttemptIds[];
  /** Some rows each, in the order of their numbers. */
  readonly groups: readonly string[];
}

/** A task with the log that it has by a version. */
export interface LogLength {
  readonly taskId: number;
  readonly version: number;
  readonly logBytes: number;
}

/** A row of the log with what is read of its task; without text where the log is empty. */
interface BeginningRow extends Pick<TaskRow, 'version' | 'log_bytes'> {
  offset: number | null;
  text: string | null;
}

const LAST = 'max(ifnull((SELECT max(changed) FROM task), 0), (SELECT last FROM deleted_change))';
/** The position before all changes, of every store. */
const BEFORE_ALL = '0';
const POSITION = /^([0-9a-f]{16})-(\d{1,15})$/;

/**
 * What is read of tasks. That of one answer is of one state only inside a transaction.
 *
 * Each commit gives its task a change number greater than all before. A position in the changes is such a number with
 * the id of the file, so that one of another file is recognised.
 */
export class SqliteReads {
  readonly #storeId: string;
  readonly #scopes: SqliteScopes;
  readonly #statements;

  constructor(database: DatabaseSync, scopes: SqliteScopes) {
    ({ id: this.#storeId } = database.prepare('SELECT id FROM store').get() as { id: string });
    this.#scopes = scopes;
    this.#statements = {
      task: database.prepare(`SELECT summary, ${TASK_COLUMNS} ${TASK_FROM} WHERE uuid = ?`),
      entry: database.prepare(`SELECT ${ENTRY_SUMMARY}, ${TASK_COLUMNS} ${TASK_FROM} WHERE uuid = ?`),
      attempts: database.prepare('SELECT attempts FROM task WHERE id = ?'),
      length: database.prepare('SELECT id, version, log_bytes FROM task WHERE uuid = ?'),
      beginning: database.prepare(
        `SELECT task.version, log_bytes, offset, text FROM task LEFT JOIN journal ON task_id = task.id AND offset < ?
           WHERE uuid = ? ORDER BY offset`,
      ),
      firstTexts: database.prepare(
        'SELECT offset, text FROM journal WHERE task_id = ? AND version <= ? AND offset < ? ORDER BY offset',
      ),
      texts: database.prepare(
        `SELECT offset, text FROM journal WHERE task_id = :task AND version <= :version AND offset < :to
           AND offset >= ifnull((SELECT max(offset) FROM journal WHERE task_id = :task AND offset <= :from), 0)
         ORDER BY offset`,
      ),
      last: database.prepare(`SELECT ${LAST} AS last`),
      changed: database.prepare(
        `SELECT uuid, changed FROM task WHERE changed > :from AND changed <= :to
         UNION ALL SELECT uuid, changed FROM deleted WHERE changed > :from AND changed <= :to ORDER BY changed LIMIT :limit`,
      ),
      rowAt: database.prepare('SELECT offset, version FROM journal WHERE task_id = ? AND offset >= ? ORDER BY offset LIMIT 1'),
      lastCommit: database.prepare('SELECT stored FROM task ORDER BY changed DESC LIMIT 1'),
      dataVersion: database.prepare('PRAGMA data_version'),
      row: database.prepare('SELECT text, entries FROM journal WHERE task_id = ? AND offset = ?'),
      rowTexts: database.prepare('SELECT bytes, text FROM journal WHERE task_id = ? AND version <= ? AND offset >= ? ORDER BY offset'),
      rowBefore: database.prepare('SELECT offset FROM journal WHERE task_id = ? AND offset <= ? ORDER BY offset DESC LIMIT 1'),
      entryRows: database.prepare('SELECT offset, text, entries FROM journal WHERE task_id = ? AND version <= ? AND offset >= ? ORDER BY offset'),
    };
  }

  stored(uuid: string): StoredTask | undefined {
    const row = this.#row(uuid);
    return row === undefined ? undefined : storedTask(row);
  }

  storedMany(uuids: readonly string[], form: TaskForm = 'whole'): (StoredTask | undefined)[] {
    const statement = form === 'whole' ? this.#statements.task : this.#statements.entry;
    const room = new PageRoom();
    const tasks: (StoredTask | undefined)[] = [];
    for (const uuid of uuids) {
      const row = statement.get(uuid) as TaskRow | undefined;
      if (row !== undefined && !room.takes(row)) break;
      tasks.push(row && storedTask(row));
    }
    return tasks;
  }

  /** The log from its beginning, in one statement: it needs no transaction. */
  logBeginning(uuid: string, limit: number): StoredLog | undefined {
    const rows = this.#statements.beginning.all(limit, uuid) as unknown as BeginningRow[];
    const [first] = rows;
    if (first === undefined) return undefined;
    const { version, log_bytes: logBytes } = first;
    return { ...cutLog(first.offset === null ? [] : (rows as LogPiece[]), { from: 0, limit }, logBytes), version, logBytes };
  }

  log(uuid: string, range: LogRange | undefined): StoredLog | undefined {
    const length = this.logLength(uuid);
    if (length === undefined) return undefined;
    const { taskId, version, logBytes } = length;
    const resolved =
      range?.afterVersion === undefined ? range : { ...range, from: this.#logEnd(taskId, range.afterVersion, logBytes) };
    const { from, to } = resolveRange(resolved, logBytes);
    const { firstTexts, texts } = this.#statements;
    const pieces = (
      from === 0 ? firstTexts.all(taskId, version, to) : texts.all({ task: taskId, version, from, to })
    ) as unknown as LogPiece[];
    return { ...cutLog(pieces, resolved, logBytes), version, logBytes };
  }

  /** How long a task's log is now. What it has up to there never changes. */
  logLength(uuid: string): LogLength | undefined {
    const row = this.#statements.length.get(uuid) as Pick<TaskRow, 'id' | 'version' | 'log_bytes'> | undefined;
    return row && { taskId: row.id, version: row.version, logBytes: row.log_bytes };
  }

  /** Some rows of a log as one text: from the one on that has a byte, up to so many bytes, at least one row. None of a task that was deleted. */
  logRows({ taskId, version, logBytes }: LogLength, from: number, bytes: number): LogPiece | undefined {
    const { rowBefore, rowTexts } = this.#statements;
    const first = rowBefore.get(taskId, from) as { offset: number } | undefined;
    if (first === undefined) return undefined;
    const { offset } = first;
    let text = '';
    let end = offset;
    for (const row of rowTexts.iterate(taskId, version, offset) as Iterable<{ bytes: number; text: string }>) {
      if (end > offset && end + row.bytes > offset + bytes) break;
      text += row.text;
      end += row.bytes;
      if (end >= logBytes) break;
    }
    return { offset, text };
  }

  logEntries(uuid: string, { from, limit }: EntryRange): StoredEntries | undefined {
    const row = this.#row(uuid);
    if (row === undefined) return undefined;
    const { id, version, log_bytes: logBytes } = row;
    const { attempts } = this.#statements.attempts.get(id) as { attempts: string };
    const numbered = from >= logBytes ? [] : entriesOf(this.#entryRows(id, version, from), { from, to: from + limit });
    const spanIds = this.#scopes.spanIds(id, attemptsOfJson(attempts), numbered.map(({ scope }) => scope));
    const entries = numbered.map(({ scope, ...entry }) => ({ ...entry, spanId: spanIds.get(scope) ?? '' }));
    return { entries, version, logBytes };
  }

  /** The rows of a log from the one on in which the entry begins that has a byte. */
  *#entryRows(taskId: number, version: number, from: number): Generator<Pick<JournalRow, 'offset' | 'text' | 'entries'>> {
    const { rowBefore, entryRows } = this.#statements;
    let first = (rowBefore.get(taskId, from) as { offset: number } | undefined)?.offset ?? 0;
    while (first > 0 && this.journalRow(taskId, first)?.entries[0]?.kind === 'continued') {
      first = (rowBefore.get(taskId, first - 1) as { offset: number } | undefined)?.offset ?? 0;
    }
    for (const { offset, text, entries } of entryRows.iterate(taskId, version, first) as Iterable<{ offset: number; text: string; entries: Uint8Array }>) {
      yield { offset, text, entries: decodeEntries(entries) };
    }
  }

  /** The rows of a task's scopes, as they are kept. */
  scopeRows(uuid: string): ScopeRows | undefined {
    const row = this.#row(uuid);
    if (row === undefined) return undefined;
    const { attempts } = this.#statements.attempts.get(row.id) as { attempts: string };
    return { taskId: row.id, version: row.version, isLostForGood: row.lost_heard !== null, attempts: attemptsOfJson(attempts), groups: this.#scopes.groups(row.id) };
  }

  /** A row of a task's log; `undefined` if the task has been deleted. */
  journalRow(taskId: number, offset: number): Pick<JournalRow, 'text' | 'entries'> | undefined {
    const row = this.#statements.row.get(taskId, offset) as { text: string; entries: Uint8Array } | undefined;
    return row && { text: row.text, entries: decodeEntries(row.entries) };
  }

  /** The greatest change number so far. */
  lastChange(): number {
    return (this.#statements.last.get() as { last: number }).last;
  }

  /** When the task that has changed last was committed, by the store's own clock. */
  lastCommit(): number | undefined {
    return (this.#statements.lastCommit.get() as { stored: number } | undefined)?.stored;
  }

  /** Another number after each commit of another connection. */
  dataVersion(): number {
    return (this.#statements.dataVersion.get() as { data_version: number }).data_version;
  }

  /** The tasks that were committed after a position. */
  changes({ after, until, limit }: ChangeQuery): TaskChanges {
    const last = this.lastChange();
    if (after === undefined) return { uuids: [], position: this.#positionOf(last), more: false };
    const from = this.#numberOf(after, last);
    const to = (until === undefined ? undefined : this.#numberOf(until, last)) ?? last;
    // One more than asked for shows whether there are more.
    const rows = this.#statements.changed.all({ from: from ?? 0, to, limit: limit + 1 }) as { uuid: string; changed: number }[];
    const page = rows.slice(0, limit);
    const more = rows.length > page.length;
    const end = more ? page.at(-1)!.changed : Math.max(to, from ?? 0);
    return {
      uuids: page.map(({ uuid }) => uuid),
      position: this.#positionOf(end),
      more,
      ...(from === undefined && { fromStart: true }),
    };
  }

  #row(uuid: string): TaskRow | undefined {
    return this.#statements.task.get(uuid) as TaskRow | undefined;
  }

  /**
   * Where a task's log ended at a version: where the first later row begins. Versions rise with the
   * offsets, so halving finds it without an index that each commit would have to pay for.
   */
  #logEnd(taskId: number, version: number, logBytes: number): number {
    let [low, high] = [0, logBytes];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#statements.rowAt.get(taskId, middle) as { offset: number; version: number } | undefined;
      if (row === undefined || row.version > version) high = middle;
      else low = row.offset + 1;
    }
    const row = this.#statements.rowAt.get(taskId, low) as { offset: number } | undefined;
    return row?.offset ?? logBytes;
  }

  #positionOf(number: number): string {
    return `${this.#storeId}-${number}`;
  }

  /** The number of a position; `undefined` for what this file has not given. */
  #numberOf(position: string, last: number): number | undefined {
    if (position === BEFORE_ALL) return 0;
    const [, id, number] = POSITION.exec(position) ?? [];
    return id === this.#storeId && Number(number) <= last ? Number(number) : undefined;
  }
}

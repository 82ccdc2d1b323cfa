import type { Fact } from '../../../src/fact.ts';
import { received } from '../../../src/failure.ts';
import { turn } from '../../async.ts';
import { cancelRequest } from '../../record/cancel-request.ts';
import type { CancelAnswer, CancelOptions } from '../../record/cancel-request.ts';
import type { RefusedFact } from '../../record/commit.ts';
import type { HeardWorker, Silence } from '../../record/liveness.ts';
import type { LostTrace } from '../../record/lost-trace.ts';
import { redacted } from '../../options/kinds.ts';
import { parsedRecord } from '../../record/record-json.ts';
import type { TaskFilter } from '../../../src/task-filter.ts';
import { TASK_STATES } from '../../../src/task-record.ts';
import type { TaskSummary } from '../../../src/task-record.ts';
import { clearInterval, setInterval } from '../../timers.ts';
import { cancelTree } from '../cancel-tree.ts';
import { checkSearch, searchLog } from '../log-search.ts';
import type { RetentionRule } from '../retention.ts';
import { areOneSlice, slicesOf } from '../slices.ts';
import { isTaskStoreError, TaskStoreError } from '../task-store.ts';
import type {
  Beat,
  Cancellation,
  ChangeQuery,
  DeleteAnswer,
  Checkpoints,
  EntryRange,
  FindQuery,
  FoundLines,
  LogRange,
  StoredEntries,
  OverdueTask,
  ScopeChanges,
  ScopePage,
  ScopeQuery,
  SqliteTaskStore,
  StoredLog,
  StoredScopes,
  StoredTask,
  SweepStep,
  TaskChanges,
  TaskCounts,
  TaskForm,
  TaskPage,
  TaskQuery,
} from '../task-store.ts';
import type { AskedTask } from './cancellations.ts';
import type { SqliteConnection } from './connection.ts';
import { changesOf, pageOf } from './scope-lines.ts';
import type { ReadJournalRow } from './scope-lines.ts';
import { wholeScopes } from './whole-scopes.ts';
import { fixedPath, IN_MEMORY, isLocked } from './open-file.ts';
import type { CommitTimes } from './open-file.ts';
import { ReopenedFile } from './reopened-file.ts';

/**
 * A store in a SQLite file, with Node's own SQLite. Several processes may use one file at once.
 *
 * It is opened at its first call, and again a second after its file was deleted or replaced. Calls that find another
 * process's lock are repeated for a moment, without blocking the event loop.
 *
 * @param path A file, made if it is missing; its folder must exist. One that is relative is resolved now. `:memory:` is
 *   a store without a file.
 */
export function sqliteStore(path: string): SqliteTaskStore {
  if (typeof path !== 'string' || path === '') {
    throw new TypeError(`sqliteStore: expected the path of a file, got ${received(path)}`);
  }
  if (path.includes('://')) throw new TypeError(`sqliteStore: expected the path of a file, got the URL ${redacted(path)}`);
  return new SqliteStore(fixedPath(path));
}

/** A store in memory, for tests and for processes that keep nothing: SQLite without a file. */
export function memoryStore(): SqliteTaskStore {
  return new SqliteStore(IN_MEMORY);
}

/** So many heartbeats are stored in one turn of the event loop. */
const SLICE_BEATS = 1000;
/** How often a watched file is looked at for commits of other connections, in milliseconds. */
const POLL_MS = 50;

class SqliteStore implements SqliteTaskStore {
  readonly #file: ReopenedFile;
  readonly #watchers = new Set<() => void>();
  readonly #replacedListeners = new Set<() => void>();
  /** Whether a write has failed, and no facts were stored since. */
  #hasFailedWrite = false;
  #checkpoints: Checkpoints = { count: 0, ms: 0, longestMs: 0, cpuMs: 0 };
  #poll: ReturnType<typeof setInterval> | undefined;
  #seen: string | undefined;

  constructor(path: string) {
    this.#file = new ReopenedFile(path, { checkpointed: (times) => this.#checkpointed(times), replaced: () => this.#replaced() });
  }

  get isInMemory(): boolean {
    return this.#file.path === IN_MEMORY;
  }

  get checkpoints(): Checkpoints {
    return this.#checkpoints;
  }

  open(): Promise<void> {
    return this.#file.use(() => undefined);
  }

  async append(facts: readonly Fact[]): Promise<readonly RefusedFact[]> {
    if (facts.length === 0) {
      await this.#checkWritable();
      return [];
    }
    if (areOneSlice(facts)) return this.#appendSlice(facts);
    const refused: RefusedFact[] = [];
    for await (const slice of slicesOf(facts)) refused.push(...(await this.#appendSlice(slice)));
    return refused;
  }

  appendNow(facts: readonly Fact[]): readonly RefusedFact[] {
    const refused = this.#file.useBlocking((connection) => connection.append(facts));
    this.#stored();
    return refused;
  }

  stored(uuid: string): Promise<StoredTask | undefined> {
    return this.#file.use((connection) => connection.read(() => connection.reads.stored(uuid)));
  }

  storedMany(uuids: readonly string[], form?: TaskForm): Promise<(StoredTask | undefined)[]> {
    return this.#file.use((connection) => connection.readOneState(() => connection.reads.storedMany(uuids, form)));
  }

  async task(uuid: string): Promise<TaskSummary | undefined> {
    const task = await this.stored(uuid);
    return task && parsedRecord(task);
  }

  tasks(query: TaskQuery): Promise<TaskPage> {
    return this.#file.use((connection) => connection.readOneState(() => connection.lists.page(query)));
  }

  log(uuid: string, range: LogRange = {}): Promise<StoredLog | undefined> {
    const { from = 0, afterVersion, limit = Number.MAX_SAFE_INTEGER } = range;
    if (from === 0 && afterVersion === undefined) return this.#file.use((connection) => connection.read(() => connection.reads.logBeginning(uuid, limit)));
    return this.#file.use((connection) => connection.readOneState(() => connection.reads.log(uuid, range)));
  }

  logEntries(uuid: string, range: EntryRange): Promise<StoredEntries | undefined> {
    return this.#file.use((connection) => connection.readOneState(() => connection.reads.logEntries(uuid, range)));
  }

  async find(uuid: string, query: FindQuery): Promise<FoundLines | undefined> {
    checkSearch(query.text);
    const opened = await this.#file.use((connection) => ({ connection, log: connection.read(() => connection.reads.logLength(uuid)) }));
    const { log } = opened;
    if (log === undefined) return undefined;
    // Rows of the log never change, so they belong to this state though they are read later; but not those of another file.
    const found = await searchLog(query, log.logBytes, (from, bytes) =>
      this.#file.use((connection) => (connection === opened.connection ? connection.read(() => connection.reads.logRows(log, from, bytes)) : undefined)),
    );
    return found && { ...found, version: log.version, logBytes: log.logBytes };
  }

  async scopes(uuid: string): Promise<StoredScopes | undefined> {
    const rows = await this.#file.use((connection) => connection.readOneState(() => connection.reads.scopeRows(uuid)));
    return rows && wholeScopes(rows, (offset) => this.#journalRow(rows.taskId, offset));
  }

  async scopesOf(uuid: string, query: ScopeQuery): Promise<ScopePage | undefined> {
    const read = await this.#file.use((connection) => connection.readOneState(() => connection.scopeLines.page(uuid, query)));
    return read && pageOf(read, (offset) => this.#journalRow(read.task.id, offset));
  }

  async scopeChanges(uuid: string, afterVersion: number): Promise<ScopeChanges | undefined> {
    const read = await this.#file.use((connection) => connection.readOneState(() => connection.scopeLines.changes(uuid, afterVersion)));
    return read && changesOf(read, (offset) => this.#journalRow(read.task.id, offset));
  }

  /** A row of a log, for scopes that were read before: rows never change, so it belongs to the same state. */
  #journalRow(taskId: number, offset: number): ReturnType<ReadJournalRow> {
    return this.#file.use((connection) => connection.read(() => connection.reads.journalRow(taskId, offset)));
  }

  changes(query: ChangeQuery): Promise<TaskChanges> {
    return this.#file.use((connection) => connection.readOneState(() => connection.reads.changes(query)));
  }

  async counts(filter: TaskFilter = {}): Promise<TaskCounts> {
    const exact = await this.#file.use((connection) => connection.read(() => connection.lists.exactCounts(filter)));
    if (exact !== undefined) return { counts: exact, capped: [] };
    const all = await this.#file.use((connection) => connection.read(() => connection.lists.exactCounts({})));
    const counts: TaskCounts = { counts: {}, capped: [] };
    for (const state of (filter.states ?? TASK_STATES).filter((each) => all?.[each] !== undefined)) {
      const { count, isCapped } = await this.#file.use((connection) => connection.readOneState(() => connection.lists.count(filter, state)));
      if (count > 0) counts.counts[state] = count;
      if (isCapped) counts.capped.push(state);
      await turn();
    }
    return counts;
  }

  async beat(beats: readonly Beat[]): Promise<void> {
    for (let at = 0; at < beats.length; at += SLICE_BEATS) {
      if (at > 0) await turn();
      const slice = beats.slice(at, at + SLICE_BEATS);
      await this.#changing((connection) => connection.writeAtOnce(() => connection.workers.beat(slice)));
    }
  }

  workers(): Promise<HeardWorker[]> {
    return this.#file.use((connection) => connection.read(() => connection.workers.live()));
  }

  silence(silences: readonly Silence[]): Promise<void> {
    return this.#changing((connection) => connection.writeAtOnce(() => connection.workers.silence(silences)));
  }

  lease(duty: string, holder: string, forMs: number): Promise<boolean> {
    return this.#write((connection) => connection.writeAtOnce(() => connection.workers.lease(duty, holder, forMs)));
  }

  async cancel(uuid: string, options?: CancelOptions): Promise<CancelAnswer | undefined> {
    const request = cancelRequest(options);
    return cancelTree(uuid, request, {
      cancel: async (uuids, keeps) => {
        const { answers, running } = await this.#write((connection) => {
          const asked = connection.write(() => connection.cancellations.cancel(uuids, request, keeps));
          if (asked.ends.length > 0) connection.append(asked.ends);
          return asked;
        });
        this.#committed();
        for (const task of running) await this.#cancelParts(task);
        return answers;
      },
      children: (uuids, limit) => this.#file.use((connection) => connection.read(() => connection.cancellations.children(uuids, limit))),
    });
  }

  async #cancelParts(task: AskedTask): Promise<void> {
    let from: number | undefined = 0;
    for (;;) {
      const group: number = from;
      from = await this.#write((connection) => connection.write(() => connection.cancellations.cancelParts(task, group)));
      if (from === undefined) return;
      await turn();
    }
  }

  cancellations(workerId: string, after: number): Promise<Cancellation[]> {
    return this.#file.use((connection) => connection.read(() => connection.cancellations.forWorker(workerId, after)));
  }

  cancellationHeard(workerId: string, number: number): Promise<void> {
    return this.#changing((connection) => connection.writeAtOnce(() => connection.cancellations.heard(workerId, number)));
  }

  sweep(rules: readonly RetentionRule[]): Promise<SweepStep> {
    return this.#write((connection) => connection.sweep(rules));
  }

  overdue(now: number, queuedFinalMs: number): Promise<OverdueTask[]> {
    return this.#file.use((connection) => connection.readOneState(() => connection.overdue.overdue(now, queuedFinalMs)));
  }

  async loseQuiet(before: number): Promise<SweepStep> {
    // Mostly there are none: then no lock is waited for.
    if (!(await this.#file.use((connection) => connection.read(() => connection.overdue.isQuiet(before))))) return 'done';
    const step = await this.#file.use((connection) => connection.writeAtOnce(() => connection.overdue.loseQuiet(before, Date.now() * 1000)));
    this.#committed();
    return step;
  }

  async delete(uuid: string): Promise<DeleteAnswer | undefined> {
    const answer = await this.#file.use((connection) => connection.delete(uuid));
    if (answer === 'deleted') this.#committed();
    return answer;
  }

  lastCommit(): Promise<number | undefined> {
    return this.#file.use((connection) => connection.read(() => connection.reads.lastCommit()));
  }

  lostTraces(): Promise<LostTrace[]> {
    return this.#file.use((connection) => connection.readOneState(() => connection.lostTraces.some()));
  }

  tracesEnded(taskUuids: readonly string[]): Promise<void> {
    return this.#write((connection) => connection.writeAtOnce(() => connection.lostTraces.ended(taskUuids)));
  }

  watch(listener: () => void): () => void {
    // A listener of its own for each call, though the function may be one.
    const own = (): void => listener();
    this.#watchers.add(own);
    // No other connection writes to what is in memory.
    if (this.#poll === undefined && !this.isInMemory && !this.#file.isClosed) {
      this.#seen = this.#version();
      this.#poll = setInterval(() => this.#look(), POLL_MS);
      this.#poll.unref();
    }
    return () => {
      this.#watchers.delete(own);
      if (this.#watchers.size === 0) this.#stopPolling();
    };
  }

  onReplaced(listener: () => void): () => void {
    const own = (): void => listener();
    this.#replacedListeners.add(own);
    return () => void this.#replacedListeners.delete(own);
  }

  async close(): Promise<void> {
    this.#stopPolling();
    this.#file.close();
  }

  async #appendSlice(facts: readonly Fact[]): Promise<readonly RefusedFact[]> {
    const refused = await this.#write((connection) => connection.append(facts));
    this.#stored();
    await this.#writeFacets((connection) => connection.areFacetsDue);
    return refused;
  }

  /** Writes the facets of tasks that have changed, if they are due. What fails here stays due: until then those tasks are found without. */
  async #writeFacets(areDue: (connection: SqliteConnection) => boolean): Promise<void> {
    try {
      const { connection } = this.#file;
      if (connection === undefined || !areDue(connection)) return;
      do {
        await this.#file.use((opened) => opened.writeFacets());
        await turn();
      } while (this.#file.connection?.areFacetsDueNow() === true);
    } catch {
      // The facts are stored. What is in the way shows at the next write.
    }
  }

  /** A write. Where it fails, only facts that are stored, or a write of some length, show that the file can be written again. */
  async #write<T>(work: (connection: SqliteConnection) => T): Promise<T> {
    try {
      return await this.#file.use(work);
    } catch (error) {
      if (!isTaskStoreError(error, 'REFUSED')) this.#hasFailedWrite = true;
      throw error;
    }
  }

  #checkpointed({ ms, cpuMs }: CommitTimes): void {
    const before = this.#checkpoints;
    this.#checkpoints = {
      count: before.count + 1, ms: before.ms + ms, longestMs: Math.max(before.longestMs, ms), cpuMs: before.cpuMs + cpuMs,
    };
  }

  #replaced(): void {
    this.#committed();
    for (const listener of this.#replacedListeners) listener();
  }

  #stored(): void {
    this.#hasFailedWrite = false;
    this.#committed();
  }

  async #checkWritable(): Promise<void> {
    try {
      await this.#write((connection) => connection.checkWritable(this.#hasFailedWrite));
      this.#hasFailedWrite = false;
    } catch (error) {
      if (!isLocked(error)) throw error;
      const { message } = error as Error;
      throw new TaskStoreError('UNAVAILABLE', `${this.#file.path} can't be written: ${message}`, { cause: error });
    }
  }

  /** A write that gives how many tasks it has changed. */
  async #changing(work: (connection: SqliteConnection) => number): Promise<void> {
    if ((await this.#write(work)) === 0) return;
    this.#committed();
    await this.#writeFacets((connection) => connection.areFacetsDueNow());
  }

  #committed(): void {
    for (const listener of this.#watchers) listener();
  }

  #stopPolling(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #look(): void {
    const version = this.#version();
    if (version === undefined || version === this.#seen) return;
    this.#seen = version;
    this.#committed();
  }

  /** Another text after each commit of another connection; `undefined` where the file can't be read just now. */
  #version(): string | undefined {
    try {
      const version = this.#file.now((connection) => connection.read(() => connection.reads.dataVersion()));
      return `${this.#file.openings} ${version}`;
    } catch {
      return undefined;
    }
  }
}

import type { LogView } from '../../../src/task-stream.ts';
import { ownTurn } from '../../async.ts';
import { changeJson, recordFields, recordJson } from '../../record/record-json.ts';
import type { RecordFields } from '../../record/record-json.ts';
import type { StoredTask, TaskStore } from '../../store/task-store.ts';
import { entityTag, reportUnreadable } from '../answers.ts';
import { entryJson } from '../log-entries.ts';
import { LOG_PIECE_BYTES } from '../task-log.ts';
import { scopeChanges, scopesOf } from './scope-lines.ts';
import { eventBytes, positionAt, positionId } from './event-stream.ts';
import type { StreamPosition } from './event-stream.ts';
import { Feed } from './feed.ts';
import type { FeedMessage } from './feed.ts';

/** How many first events are kept for other clients that begin in the same place. */
const MOST_BEGINNINGS = 8;

/** One change of a task, encoded for each kind of client. */
export interface TaskMessage extends FeedMessage {
  /** Bytes that the log gained. */
  readonly text: Uint8Array | undefined;
}

/**
 * One task for all clients that watch it: what a commit has changed is read once, encoded once and sent to all of them.
 * It has one version of the task; {@link advance} moves it on.
 */
export class TaskFeed {
  readonly feed: Feed<TaskMessage>;
  readonly #store: TaskStore;
  readonly #view: TaskView;
  #task: StoredTask;
  /** The version of the scopes that have been sent. */
  #scopesVersion: number;
  #fields: RecordFields;
  /** How many bytes of the log have been sent: the log of the version, or more during an advance. */
  #sent: number;
  /** The first events for clients that begin at this version, by the length of the log that they have. */
  readonly #beginnings = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(store: TaskStore, task: StoredTask, view: TaskView, maxBehindBytes: number) {
    this.#store = store;
    this.#view = view;
    this.#scopesVersion = task.version;
    this.#task = task;
    this.#fields = recordFields(recordJson(task));
    this.#sent = task.logBytes;
    this.feed = new Feed(maxBehindBytes);
  }

  get uuid(): string {
    return this.#task.uuid;
  }

  get version(): number {
    return this.#task.version;
  }

  /** The position of a client that has been sent everything. */
  get position(): StreamPosition {
    return positionAt(this.#task);
  }

  /** Length of the log that has been sent to all readers. */
  get logBytes(): number {
    return this.#sent;
  }

  /** Whether the task has ended, so that its streams end. */
  get finished(): boolean {
    return this.#fields.get('finished') === 'true';
  }

  /**
   * Moves on to the task that the store has now, and sends the difference. Rejects where the store fails. Then a retry
   * is possible; where some of the log has been sent already, the feed has ended, and its clients reconnect and go on.
   */
  async advance(task: StoredTask): Promise<void> {
    if (this.feed.ended) return;
    // The task was deleted and has begun again: its clients reconnect and begin from the start.
    if (task.version < this.version || task.logBytes < this.#sent) return this.feed.end();
    try {
      await this.#send(task);
    } catch (error) {
      if (this.#sent !== this.#task.logBytes) await this.feed.end();
      throw error;
    }
  }

  /** Moves on to the present liveness of the task, where it has no new version. Its summary may be that of a list. */
  async refresh(task: StoredTask): Promise<void> {
    if (task.version !== this.version || entityTag(task, 'json') === entityTag(this.#task, 'json')) return;
    await this.advance({ ...task, summary: this.#task.summary });
  }

  async #send(task: StoredTask): Promise<void> {
    const fields = this.#fieldsOf(task);
    if (fields === undefined) return this.feed.end();
    if (this.#view.log === '0') this.#sent = task.logBytes;
    while (task.logBytes - this.#sent > LOG_PIECE_BYTES) {
      const log = await this.#read(this.#sent, LOG_PIECE_BYTES);
      if (log === undefined) return this.feed.end();
      this.#sent = log.end;
      const id = positionId({ version: this.version, offset: this.#sent });
      this.#beginnings.clear();
      await this.#publish(eventBytes({ event: 'change', id, data: `{${log.json}}` }), log.text);
      // Clients take this piece before the next one is read.
      await ownTurn();
    }
    const log = task.logBytes === this.#sent ? undefined : await this.#read(this.#sent, task.logBytes - this.#sent);
    const lostForGood = positionAt(task).lost;
    const scopes =
      lostForGood === this.position.lost ? await this.#changedScopes(this.#scopesVersion) : await this.#attempts(task);
    const data = changeJson(this.#fields, fields, [...(scopes?.members ?? []), ...(log === undefined ? [] : [log.json])]);
    if (scopes !== undefined) this.#scopesVersion = scopes.version;
    this.#task = task;
    this.#fields = fields;
    this.#sent = task.logBytes;
    if (data === undefined) return;
    this.#beginnings.clear();
    await this.#publish(eventBytes({ event: 'change', id: positionId(positionAt(task)), data }), log?.text);
    if (!this.finished) return;
    await this.#publish(this.endEvent(), undefined);
    await this.feed.end();
  }

  /** The whole record at this version as an event; `undefined` if the task was deleted. */
  recordEvent(): Promise<Uint8Array | undefined> {
    return this.#beginning('', async (task) => {
      const log = await this.#logEnd(task);
      const scopes = await this.#attempts(task);
      const record = recordJson(task).replace('"log_offset":0,', `"log_offset":${log.from ?? 0},`);
      const members = [...log.members, ...(scopes?.members ?? [])];
      return eventBytes({ event: 'record', id: positionId(positionAt(task)), data: `${[record.slice(0, -1), ...members].join(',')}}` });
    });
  }

  async #logEnd(task: StoredTask): Promise<{ from?: number; members: string[] }> {
    if (this.#view.log === '0') return { members: [] };
    const from = Math.max(0, task.logBytes - RECORD_LOG_BYTES);
    if (this.#view.log === 'text') {
      const log = await this.#store.log(task.uuid, { from: Math.max(0, from - 1), limit: task.logBytes - Math.max(0, from - 1) });
      const text = log === undefined ? '' : from === 0 ? log.text : log.text.slice(log.text.indexOf('\n') + 1);
      const begin = task.logBytes - Buffer.byteLength(text);
      return { from: begin, members: [`"log":${JSON.stringify(text)}`, `"log_from":${begin}`] };
    }
    const found = task.logBytes === 0 ? undefined : await this.#store.logEntries(task.uuid, { from, limit: task.logBytes - from });
    const entries = (found?.entries ?? []).filter(({ offset }) => offset >= from);
    const begin = entries[0]?.offset ?? task.logBytes;
    return { from: begin, members: [`"entries":[${entries.map(entryJson).join(',')}]`, `"log_from":${begin}`] };
  }

  /** All attempts, bounded, as a member of an event. */
  async #attempts({ uuid }: StoredTask): Promise<{ version: number; members: string[] } | undefined> {
    if (!this.#view.scopes) return undefined;
    const found = await scopesOf(this.#store, uuid);
    return found && { version: found.version, members: [`"attempts":${JSON.stringify(found.scopes)}`] };
  }

  /** The scopes that have changed after a version. */
  async #changedScopes(after: number): Promise<{ version: number; members: string[] } | undefined> {
    if (!this.#view.scopes) return undefined;
    const found = await scopeChanges(this.#store, this.uuid, after);
    return found && { version: found.version, members: found.scopes.length === 0 ? [] : [`"scopes":${JSON.stringify(found.scopes)}`] };
  }

  /** The change to this version from any earlier one, with the log from the length that a client has. */
  changeEvent(offset: number, version: number): Promise<Uint8Array | undefined> {
    return this.#beginning(`${offset} ${version}`, async (task) => {
      const log = task.logBytes === offset || this.#view.log === '0' ? undefined : await this.#read(offset, task.logBytes - offset);
      const scopes = positionAt(task).lost === true ? await this.#attempts(task) : await this.#changedScopes(version);
      return eventBytes({
        event: 'change',
        id: positionId(positionAt(task)),
        data: changeJson(undefined, recordFields(recordJson(task)), [...(scopes?.members ?? []), ...(log === undefined ? [] : [log.json])])!,
      });
    });
  }

  /**
   * The fields of the record that depend on liveness and on a request to cancel, as a change: they change without a new
   * version, so a client that reconnects may have missed them. `undefined` where no heartbeat is promised and nobody has
   * asked to cancel the task.
   */
  unversionedEvent(): Uint8Array | undefined {
    if (this.#task.liveness === undefined && this.#task.cancel === undefined) return undefined;
    const fields = UNVERSIONED_FIELDS.map((name) => `"${name}":${this.#fields.get(name)}`);
    return eventBytes({ event: 'change', id: positionId(this.position), data: `{${fields.join(',')}}` });
  }

  /** Ends it since the task was deleted. */
  async gone(): Promise<void> {
    if (this.feed.ended) return;
    await this.#publish(eventBytes({ event: 'gone', data: JSON.stringify({ task_uuid: this.uuid }) }), undefined);
    await this.feed.end();
  }

  /** The last event. */
  endEvent(): Uint8Array {
    return eventBytes({ event: 'end', data: `{"version":${this.version},"state":${this.#fields.get('state')}}` });
  }

  /** The fields of the record; `undefined` for a record that can't be encoded, which is reported: that ends this feed alone. */
  #fieldsOf(task: StoredTask): RecordFields | undefined {
    try {
      return recordFields(recordJson(task));
    } catch (error) {
      reportUnreadable(task, error);
      return undefined;
    }
  }

  async #beginning(
    key: string,
    make: (task: StoredTask) => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    const known = this.#beginnings.get(key);
    if (known !== undefined) return known;
    const made = make(this.#task);
    this.#beginnings.set(key, made);
    if (this.#beginnings.size > MOST_BEGINNINGS) this.#beginnings.delete(this.#beginnings.keys().next().value!);
    // After a failure of the store, the next client reads again.
    made.catch(() => this.#beginnings.delete(key));
    return made;
  }

  /** A piece of the log, as a member of an event. With `log=0` it is skipped as a whole. */
  async #read(from: number, limit: number): Promise<{ json: string; text: string; end: number } | undefined> {
    return readGain(this.#store, this.#task.uuid, this.#view, from, limit);
  }

  #publish(event: Uint8Array, text: string | undefined): Promise<void> {
    return this.feed.publish({ event, text: text === undefined ? undefined : Buffer.from(text) });
  }
}

/** The fields of a record that change without a version, and `version`, which every change has. */
const UNVERSIONED_FIELDS = [
  'exception', 'finished', 'status', 'state', 'jobs', 'outcome', 'error', 'exception_causes', 'cancel', 'cancellable', 'heard', 'busy_since', 'version',
] as const;

/** How a stream shows a task. */
export interface TaskView {
  readonly scopes: boolean;
  readonly log: LogView;
}

/** How much of the log the first event has. */
const RECORD_LOG_BYTES = 64 * 1024;

/** A piece of a log as a member of an event. */
export async function readGain(
  store: TaskStore,
  uuid: string,
  { log: form }: TaskView,
  from: number,
  limit: number,
): Promise<{ json: string; text: string; end: number } | undefined> {
  if (form === 'entries') {
    const found = await store.logEntries(uuid, { from, limit });
    const entries = (found?.entries ?? []).filter(({ offset }) => offset >= from);
    const last = entries.at(-1);
    if (last === undefined) return undefined;
    return { json: `"entries":[${entries.map(entryJson).join(',')}]`, text: '', end: last.offset + Buffer.byteLength(last.text) };
  }
  const log = await store.log(uuid, { from, limit });
  if (log === undefined || log.text === '') return undefined;
  return { json: `"log":${JSON.stringify({ offset: log.offset, text: log.text })}`, text: log.text, end: log.offset + Buffer.byteLength(log.text) };
}

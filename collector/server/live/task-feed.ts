import { ownTurn } from '../../async.ts';
import { recordJson, changeJson, gainJson, recordFields } from '../../record/record-json.ts';
import type { RecordFields } from '../../record/record-json.ts';
import type { StoredTask, TaskStore } from '../../store/task-store.ts';
import { entityTag, reportUnreadable } from '../answers.ts';
import { LOG_PIECE_BYTES, recordLog } from '../task-log.ts';
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
  #task: StoredTask;
  #fields: RecordFields;
  /** How many bytes of the log have been sent: the log of the version, or more during an advance. */
  #sent: number;
  /** The first events for clients that begin at this version, by the length of the log that they have. */
  readonly #beginnings = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(store: TaskStore, task: StoredTask, maxBehindBytes: number) {
    this.#store = store;
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
    while (task.logBytes - this.#sent > LOG_PIECE_BYTES) {
      const log = await this.#read(this.#sent, LOG_PIECE_BYTES);
      if (log === undefined) return this.feed.end();
      this.#sent += Buffer.byteLength(log.text);
      const id = positionId({ version: this.version, offset: this.#sent });
      this.#beginnings.clear();
      await this.#publish(eventBytes({ event: 'change', id, data: gainJson(log) }), log.text);
      // Clients take this piece before the next one is read.
      await ownTurn();
    }
    const log = task.logBytes === this.#sent ? undefined : await this.#read(this.#sent, task.logBytes - this.#sent);
    const data = changeJson(this.#fields, fields, log);
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
      const log = await recordLog(this.#store, task);
      if (log === undefined) return undefined;
      return eventBytes({ event: 'record', id: positionId(positionAt(task)), data: recordJson(task, log) });
    });
  }

  /** The change to this version from any earlier one, with the log from the length that a client has. */
  changeEvent(offset: number): Promise<Uint8Array | undefined> {
    return this.#beginning(String(offset), async (task) => {
      const log = task.logBytes === offset ? undefined : await this.#read(offset, task.logBytes - offset);
      return eventBytes({
        event: 'change',
        id: positionId(positionAt(task)),
        data: changeJson(undefined, recordFields(recordJson(task)), log)!,
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

  async #read(from: number, limit: number): Promise<{ offset: number; text: string } | undefined> {
    const log = await this.#store.log(this.#task.uuid, { from, limit });
    return log === undefined || log.text === '' ? undefined : { offset: log.offset, text: log.text };
  }

  #publish(event: Uint8Array, text: string | undefined): Promise<void> {
    return this.feed.publish({ event, text: text === undefined ? undefined : Buffer.from(text) });
  }
}

/** The fields of a record that change without a version, and `version`, which every change has. */
const UNVERSIONED_FIELDS = [
  'exception', 'finished', 'status', 'state', 'jobs', 'outcome', 'error', 'exception_causes', 'cancel', 'cancellable', 'heard', 'busy_since', 'version',
] as const;

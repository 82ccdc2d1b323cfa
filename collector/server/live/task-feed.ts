import { setImmediate } from '../../../src/timers.ts';
import { recordJson, changeJson, gainJson, recordFields } from '../../record/record-json.ts';
import type { RecordFields } from '../../record/record-json.ts';
import type { StoredTask, TaskStore } from '../../store/task-store.ts';
import { LOG_PIECE_BYTES, recordLog } from '../task-log.ts';
import { eventBytes, positionAt, positionId } from './event-stream.ts';
import type { StreamPosition } from './event-stream.ts';
import { Feed } from './feed.ts';
import type { FeedMessage } from './feed.ts';

/** One change of a task, in the form for each kind of client. */
export interface TaskMessage extends FeedMessage {
  /** As a server-sent event. */
  readonly event: Uint8Array;
  /** Bytes that the log gained. */
  readonly text: Uint8Array | undefined;
}

/**
 * One task for all who watch it: what is read after a commit is read once and told to all of them.
 * It stands at one version; {@link advance} moves it on.
 */
export class TaskFeed {
  readonly feed: Feed<TaskMessage>;
  readonly #store: TaskStore;
  #task: StoredTask;
  #fields: RecordFields;
  /** How much of the log has been told: that of the version, or more in the midst of an advance. */
  #told: number;
  /** Messages for clients that begin at this version, by where they begin. */
  readonly #beginnings = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(store: TaskStore, task: StoredTask, maxBehindBytes: number) {
    this.#store = store;
    this.#task = task;
    this.#fields = recordFields(recordJson(task));
    this.#told = task.logBytes;
    this.feed = new Feed(maxBehindBytes);
  }

  get uuid(): string {
    return this.#task.uuid;
  }

  get version(): number {
    return this.#task.version;
  }

  /** Where a client is to whom all is told. */
  get position(): StreamPosition {
    return positionAt(this.#task);
  }

  /** Length of the log that is told to all who follow. */
  get logBytes(): number {
    return this.#told;
  }

  /** Whether the task has ended, so that a stream of it does. */
  get finished(): boolean {
    return this.#fields.get('finished') === 'true';
  }

  /**
   * Moves on to what the store has now, telling the difference. Rejects where the store fails; then it
   * may be tried again, or has ended where a part is told already: its clients come back and go on.
   */
  async advance(task: StoredTask): Promise<void> {
    if (this.feed.ended) return;
    // A task that was removed and begun anew: its clients come back and begin anew too.
    if (task.version < this.version || task.logBytes < this.#told) return this.feed.end();
    try {
      await this.#tell(task);
    } catch (error) {
      if (this.#told !== this.#task.logBytes) this.feed.end();
      throw error;
    }
  }

  async #tell(task: StoredTask): Promise<void> {
    const fields = recordFields(recordJson(task));
    while (task.logBytes - this.#told > LOG_PIECE_BYTES) {
      const log = await this.#read(this.#told, LOG_PIECE_BYTES);
      if (log === undefined) return this.feed.end();
      this.#told += Buffer.byteLength(log.text);
      const id = positionId({ version: this.version, offset: this.#told });
      this.#beginnings.clear();
      this.#publish(eventBytes({ event: 'change', id, data: gainJson(log) }), log.text);
      await turn();
    }
    const log = task.logBytes === this.#told ? undefined : await this.#read(this.#told, task.logBytes - this.#told);
    const data = changeJson(this.#fields, fields, log);
    this.#task = task;
    this.#fields = fields;
    this.#told = task.logBytes;
    if (data === undefined) return;
    this.#beginnings.clear();
    this.#publish(eventBytes({ event: 'change', id: positionId(positionAt(task)), data }), log?.text);
    if (!this.finished) return;
    this.#publish(this.endEvent(), undefined);
    this.feed.end();
  }

  /** The whole record at this version as an event; `undefined` if the task was removed. */
  recordEvent(): Promise<Uint8Array | undefined> {
    return this.#beginning('', async (task) => {
      const log = await recordLog(this.#store, task);
      if (log === undefined) return undefined;
      return eventBytes({ event: 'record', id: positionId(positionAt(task)), data: recordJson(task, log) });
    });
  }

  /** The change to this version from whatever a client had, with the log from where it had come to. */
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
   * What liveness makes of the record, as a change: it moves no version, so a client that comes back
   * may have missed it. `undefined` where no sign of life is to come.
   */
  livenessEvent(): Uint8Array | undefined {
    if (this.#task.liveness === undefined) return undefined;
    const fields = LIVENESS_FIELDS.map((name) => `"${name}":${this.#fields.get(name)}`);
    return eventBytes({ event: 'change', id: positionId(this.position), data: `{${fields.join(',')}}` });
  }

  /** What is sent last. */
  endEvent(): Uint8Array {
    return eventBytes({ event: 'end', data: `{"version":${this.version},"state":${this.#fields.get('state')}}` });
  }

  async #beginning(
    key: string,
    make: (task: StoredTask) => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    const known = this.#beginnings.get(key);
    if (known !== undefined) return known;
    const made = make(this.#task);
    this.#beginnings.set(key, made);
    // A store that failed is asked again by the next client.
    made.catch(() => this.#beginnings.delete(key));
    return made;
  }

  async #read(from: number, limit: number): Promise<{ offset: number; text: string } | undefined> {
    const log = await this.#store.log(this.#task.uuid, { from, limit });
    return log === undefined || log.text === '' ? undefined : { offset: log.offset, text: log.text };
  }

  #publish(event: Uint8Array, text: string | undefined): void {
    this.feed.publish({ event, text: text === undefined ? undefined : Buffer.from(text), size: event.byteLength });
  }
}

/** Fields of a record that change with liveness, and `version` as in every change. */
const LIVENESS_FIELDS = ['exception', 'finished', 'status', 'state', 'cancellable', 'heard', 'busy_since', 'version'] as const;

/** Lets clients take what was published before more is. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

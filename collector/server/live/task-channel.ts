import { ownTurn } from '../../async.ts';
import { changeJson, recordFields, recordJson } from '../../record/record-json.ts';
import type { RecordFields } from '../../record/record-json.ts';
import type { StoredTask, TaskStore } from '../../store/task-store.ts';
import type { LogForm } from '../log-entries.ts';
import { Channel } from './channel.ts';
import type { ChannelMessage } from './channel.ts';
import { eventBytes, positionAt, positionId } from './event-stream.ts';
import type { StreamPosition } from './event-stream.ts';
import { attemptsMember, GAIN_BYTES, gainBytes, logEnd, readGain, scopesMember } from './task-view.ts';
import type { LogGain, TaskView } from './task-view.ts';

/** How many first events are kept for other clients that begin at the same version and byte of the log. */
const MOST_BEGINNINGS = 8;

/** A task as it was read, with the fields of its record as JSON. */
export interface ReadTask {
  readonly task: StoredTask;
  readonly fields: RecordFields;
}

/** One event of a task. */
export class TaskMessage implements ChannelMessage {
  readonly event: Uint8Array;
  readonly #gain: LogGain | undefined;
  readonly #written = new Map<LogForm, Uint8Array>();

  constructor(event: Uint8Array, gain: LogGain | undefined) {
    this.event = event;
    this.#gain = gain;
  }

  /** What the log has gained, for streams of the log; `undefined` for nothing. */
  written(form: LogForm): Uint8Array | undefined {
    if (this.#gain === undefined) return undefined;
    let bytes = this.#written.get(form);
    if (bytes === undefined) this.#written.set(form, (bytes = gainBytes(this.#gain, form)));
    return bytes;
  }
}

/**
 * One task in one view, for all clients that watch it in this view: the changes of a commit are read once, encoded once and
 * sent to all of them.
 *
 * The channel has a version of the task and a byte of its log as its position. Both change in the turn of the event loop in
 * which the message with the difference is sent. A long piece of log is sent in several messages; until the last one the
 * log is ahead of the version.
 */
export class TaskChannel {
  readonly channel: Channel<TaskMessage>;
  readonly #store: TaskStore;
  readonly #view: TaskView;
  #read: ReadTask;
  /** How many bytes of the log have been sent. */
  #sent: number;
  /** The version of the scopes that have been sent: it may be later than that of the task. */
  #scopesVersion: number;
  /** First events for clients that begin at the present position, by the position that the client has. */
  readonly #beginnings = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(store: TaskStore, view: TaskView, read: ReadTask, maxBehindBytes: number) {
    this.#store = store;
    this.#view = view;
    this.#read = read;
    this.#sent = read.task.logBytes;
    this.#scopesVersion = read.task.version;
    this.channel = new Channel(maxBehindBytes);
  }

  /** The version, and the byte of the log, of a client that has been sent everything. */
  get position(): Required<StreamPosition> {
    return { lost: false, ...positionAt(this.#read.task), offset: this.#sent };
  }

  /** Whether the task has ended, so that its streams end. */
  get finished(): boolean {
    return this.#read.fields.get('finished') === 'true';
  }

  /**
   * Reads the task as the store has it now, and sends the difference. Rejects if the store fails; the next call then
   * continues where this one ended.
   */
  async advance(read: ReadTask): Promise<void> {
    const { task, fields } = read;
    const before = this.#read;
    if (this.channel.ended) return;
    // The task was deleted and has begun again: its clients reconnect and begin from the start.
    if (task.version < before.task.version || task.logBytes < this.#sent) return this.channel.end();
    while (this.#hasLog && task.logBytes - this.#sent > GAIN_BYTES) {
      const gain = await this.#readGain(task.uuid, this.#sent, GAIN_BYTES);
      if (gain === undefined) return this.channel.end();
      this.#sent = gain.end;
      await this.#send(eventBytes({ event: 'change', id: this.#id(), data: `{${gain.member}}` }), gain);
      // Clients take this piece before the next one is read.
      await ownTurn();
    }
    const hasGained = this.#hasLog && task.logBytes > this.#sent;
    const gain = hasGained ? await this.#readGain(task.uuid, this.#sent, task.logBytes - this.#sent) : undefined;
    if (hasGained && gain === undefined) return this.channel.end();
    const scopes = await this.#changedScopes(read);
    const data = changeJson(before.fields, fields, [...(scopes?.members ?? []), ...(gain === undefined ? [] : [gain.member])]);
    this.#read = read;
    this.#sent = task.logBytes;
    this.#scopesVersion = scopes?.version ?? task.version;
    if (data === undefined) return;
    await this.#send(eventBytes({ event: 'change', id: this.#id(), data }), gain);
    if (!this.finished) return;
    await this.#send(this.endEvent(), undefined);
    await this.channel.end();
  }

  /** Ends the channel because the task was deleted. */
  async gone(): Promise<void> {
    if (this.channel.ended) return;
    await this.#send(eventBytes({ event: 'gone', data: JSON.stringify({ task_uuid: this.#read.task.uuid }) }), undefined);
    await this.channel.end();
  }

  /** The first event for a client that has no state yet; `undefined` if the task was deleted. */
  recordEvent(): Promise<Uint8Array | undefined> {
    return this.#beginning('', async ({ task }, sent, id) => {
      const log = await logEnd(this.#store, task.uuid, this.#view.log, sent);
      if (log === undefined) return undefined;
      const scopes = this.#view.scopes ? await attemptsMember(this.#store, task.uuid) : undefined;
      const json = recordJson(task, { text: log.text, offset: log.from });
      const members = [json.slice(0, -1), ...log.members, ...(scopes?.members ?? [])];
      return eventBytes({ event: 'record', id, data: `${members.join(',')}}` });
    });
  }

  /** The first event for a client that has another version, with the log from a byte on. */
  changeEvent({ version }: StreamPosition, offset: number): Promise<Uint8Array | undefined> {
    return this.#beginning(`${version} ${offset}`, async ({ task }, sent, id) => {
      const { uuid } = task;
      const gain = this.#hasLog && sent > offset ? await this.#readGain(uuid, offset, sent - offset) : undefined;
      const scopes = this.#view.scopes ? await scopesMember(this.#store, uuid, version) : undefined;
      const members = [...(scopes?.members ?? []), ...(gain === undefined ? [] : [gain.member])];
      return eventBytes({ event: 'change', id, data: changeJson(undefined, recordFields(recordJson(task)), members)! });
    });
  }

  /**
   * The fields of the record that depend on liveness and on a request to cancel, as a change: they change without a new
   * version, so a client that reconnects may have missed them. `undefined` where no heartbeat is promised and nobody has
   * asked to cancel the task.
   */
  unversionedEvent(): Uint8Array | undefined {
    const { task, fields } = this.#read;
    if (task.liveness === undefined && task.cancel === undefined) return undefined;
    const members = UNVERSIONED_FIELDS.filter((name) => fields.has(name)).map((name) => `"${name}":${fields.get(name)}`);
    return eventBytes({ event: 'change', id: this.#id(), data: `{${members.join(',')}}` });
  }

  /** The last event. */
  endEvent(): Uint8Array {
    const { task, fields } = this.#read;
    return eventBytes({ event: 'end', data: `{"version":${task.version},"state":${fields.get('state')}}` });
  }

  get #hasLog(): boolean {
    return this.#view.log !== '0';
  }

  #readGain(uuid: string, from: number, limit: number): Promise<LogGain | undefined> {
    return readGain(this.#store, uuid, this.#view.log, from, limit);
  }

  #changedScopes({ task, fields }: ReadTask): ReturnType<typeof scopesMember> | undefined {
    if (!this.#view.scopes) return undefined;
    // A scope that is open in a task that is lost for good is lost too, without a new version.
    const isNew = task.version > this.#scopesVersion || fields.get('finished') !== this.#read.fields.get('finished');
    return isNew ? scopesMember(this.#store, task.uuid, this.#scopesVersion) : undefined;
  }

  #id(): string {
    const { version, lost, offset } = this.position;
    return positionId({ version, lost, ...(offset !== this.#read.task.logBytes && { offset }) });
  }

  /** Clients with the same position begin with the same event. It is made once for each position of the channel. */
  #beginning(
    key: string,
    make: (read: ReadTask, sent: number, id: string) => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    const known = this.#beginnings.get(key);
    if (known !== undefined) return known;
    const made = make(this.#read, this.#sent, this.#id());
    this.#beginnings.set(key, made);
    if (this.#beginnings.size > MOST_BEGINNINGS) this.#beginnings.delete(this.#beginnings.keys().next().value!);
    // After a failure of the store, the next client reads again.
    made.catch(() => this.#beginnings.delete(key));
    return made;
  }

  #send(event: Uint8Array, gain: LogGain | undefined): Promise<void> {
    this.#beginnings.clear();
    return this.channel.send(new TaskMessage(event, gain));
  }
}

/** The fields of a record that change without a version, and `version`, which every change has. */
const UNVERSIONED_FIELDS = [
  'exception', 'finished', 'status', 'state', 'jobs', 'current', 'outcome', 'error', 'exception_causes', 'cancel', 'cancellable', 'heard', 'busy_since', 'version',
] as const;

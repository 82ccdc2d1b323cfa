import type { FilteredTask } from '../../../src/task-filter.ts';
import type { StoredTask, TaskReads } from '../../store/task-store.ts';
import { hasCutAttributes } from '../../record/record-json.ts';
import { reportUnreadable } from '../answers.ts';
import { listEntry, readMany } from '../read-many.ts';
import { Channel } from './channel.ts';
import type { ChannelMessage } from './channel.ts';
import { eventText } from './event-stream.ts';
import type { ListFilter } from './list-filter.ts';

/** So many pages of tasks that fit a filter are read when its first client comes. */
const LEARNT_PAGES = 10;
const PAGE = 200;
/** Of so many tasks it is kept in mind whether they fit. */
const MOST_KNOWN = 20_000;

/** What a filter needs of a task. */
type ListRecord = FilteredTask & { readonly attempt: number };

/** A task that has changed or was deleted, as it was read for all lists: what they need of it is made once. */
export class ChangedTask {
  readonly uuid: string;
  /** The number of the page that had it in this very state already; `undefined` for a new state. */
  sentIn: number | undefined;
  readonly #task: StoredTask | undefined;
  readonly #whole: StoredTask | undefined;
  #entry: { json: string | undefined } | undefined;
  #record: ListRecord | undefined;

  /**
   * @param task Its form for lists; `undefined` where it was deleted.
   * @param whole The whole task, where a filter needs more of it than lists have.
   */
  constructor(uuid: string, task: StoredTask | undefined, whole?: StoredTask) {
    this.uuid = uuid;
    this.#task = task;
    this.#whole = whole;
  }

  get isDeleted(): boolean {
    return this.#task === undefined;
  }

  /** A text that differs for each state of it that a list shows. */
  get state(): string {
    if (this.#task === undefined) return 'gone';
    const { version, state, liveness, cancel } = this.#task;
    return `${version} ${state} ${liveness?.final ?? ''} ${cancel?.requested ?? ''} ${cancel?.heard ?? ''}`;
  }

  /** JSON of its entry in the list; `undefined` where it was deleted or can't be encoded. */
  get entry(): string | undefined {
    this.#entry ??= { json: this.#task && listEntry(this.#task) };
    return this.#entry.json;
  }

  /** The same for filters. */
  get record(): ListRecord | undefined {
    const json = (this.#whole && listEntry(this.#whole)) ?? this.entry;
    if (json === undefined || this.#task === undefined) return undefined;
    try {
      this.#record ??= JSON.parse(json) as ListRecord;
    } catch (error) {
      reportUnreadable(this.#task, error);
    }
    return this.#record;
  }
}

/** Reads changed tasks in parts of bounded length. @param isWhole Whether a filter needs attributes that lists leave out. */
export async function* readChanged(store: Pick<TaskReads, 'storedMany'>, uuids: readonly string[], isWhole: boolean): AsyncGenerator<ChangedTask[], void> {
  for await (const part of readMany(store, uuids, 'list')) {
    const cut = part.filter(([, task]) => isWhole && task !== undefined && hasCutAttributes(task.summary)).map(([uuid]) => uuid);
    const whole = new Map<string, StoredTask | undefined>();
    for await (const some of readMany(store, cut)) for (const [uuid, task] of some) whole.set(uuid, task);
    yield part.map(([uuid, task]) => new ChangedTask(uuid, task, whole.get(uuid)));
  }
}

/** An event of a list. One of a state that was sent before is for those alone that have come since. */
interface ListEvent {
  readonly event: 'change' | 'gone';
  readonly data: string;
  readonly sentIn: number | undefined;
}

/** The events of a page of changes. */
export class ListMessage implements ChannelMessage {
  readonly event: Uint8Array;
  readonly #events: readonly ListEvent[];
  readonly #id: string | undefined;
  #fresh: Uint8Array | undefined;

  constructor(events: readonly [ListEvent, ...ListEvent[]], id: string | undefined) {
    this.#events = events;
    this.#id = id;
    this.event = listBytes(events, id)!;
  }

  /** What is for a client that came after so many pages. */
  since(joined: number): Uint8Array | undefined {
    const isFor = ({ sentIn }: ListEvent): boolean => sentIn === undefined || sentIn <= joined;
    if (this.#events.every(isFor)) return this.event;
    if (this.#events.some(({ sentIn }) => sentIn !== undefined && sentIn <= joined)) return listBytes(this.#events.filter(isFor), this.#id);
    this.#fresh ??= listBytes(this.#events.filter(isFor), this.#id) ?? NOTHING;
    return this.#fresh === NOTHING ? undefined : this.#fresh;
  }
}

const NOTHING = new Uint8Array();

/** How far a list is: a position in the store's changes, and the number of the page that ended there. */
export interface ListPlace {
  readonly position: string;
  readonly page: number;
}

/**
 * All lists of one filter: what has changed of its tasks is encoded once, and sent to all that watch it. It is at one
 * place of the store's changes, and goes on to the next in the turn in which it sends what lies between them. So a list
 * that begins in any turn has all before that place from the store, and all after it from the channel.
 */
export class ListChannel {
  readonly channel: Channel<ListMessage>;
  readonly filter: ListFilter;
  #at: ListPlace;
  /** The tasks of which it is known whether they fit: those that do are those that its clients may know. */
  readonly #known = new Map<string, boolean>();
  /** Whether no others fit. */
  #knowsAll = false;

  constructor(filter: ListFilter, at: ListPlace, maxBehindBytes: number) {
    this.filter = filter;
    this.#at = at;
    this.channel = new Channel(maxBehindBytes);
  }

  get at(): ListPlace {
    return this.#at;
  }

  /** Reads which tasks fit, the newest ones first. To be called once, before the first client is answered. */
  async learn(store: Pick<TaskReads, 'tasks'>): Promise<void> {
    if (this.filter.isEmpty) return;
    let cursor: string | undefined;
    for (let pages = 0; pages === 0 || (cursor !== undefined && pages < LEARNT_PAGES); pages++) {
      const page = await store.tasks({ filter: this.filter.filter, limit: PAGE, ...(cursor !== undefined && { cursor }) });
      for (const { uuid } of page.tasks) this.#known.set(uuid, true);
      cursor = page.next;
    }
    this.#knowsAll = cursor === undefined;
  }

  /** Sends what is for this list of a page of changes, and goes on to its end. Resolves when all readers have it. */
  send(changed: readonly ChangedTask[], at: ListPlace): Promise<void> {
    this.#at = at;
    return this.#send(changed, at.position);
  }

  /** Sends the tasks that fit since they have run for so long. */
  async sendLonger(store: Pick<TaskReads, 'tasks'>): Promise<void> {
    if (this.filter.filter.longerThanMs === undefined) return;
    // Tasks that were there later have not run for longer yet.
    const { tasks } = await store.tasks({ filter: this.filter.filter, limit: PAGE });
    await this.#send(tasks.filter(({ uuid }) => this.#known.get(uuid) !== true).map((task) => new ChangedTask(task.uuid, task)), undefined);
  }

  /**
   * What is for a client that comes back, and was away while these tasks have changed; `undefined` for nothing.
   *
   * @param isNew Whether the client has no tasks yet, so that it need not learn what fits no more.
   */
  missed(changed: readonly ChangedTask[], position: string | undefined, isNew: boolean): Uint8Array | undefined {
    const hasLeft = (task: ChangedTask): boolean => (this.filter.isEmpty ? task.isDeleted : !isNew && this.#mayHaveFitted(task));
    const events = changed.map((task) => this.#changeOf(task) ?? (hasLeft(task) ? goneEvent(task) : undefined));
    return listBytes(events.filter((event) => event !== undefined), position);
  }

  async #send(changed: readonly ChangedTask[], id: string | undefined): Promise<void> {
    const [first, ...others] = changed.map((task) => this.#eventOf(task)).filter((event) => event !== undefined);
    if (first !== undefined) await this.channel.send(new ListMessage([first, ...others], id));
  }

  #eventOf(task: ChangedTask): ListEvent | undefined {
    const change = this.#changeOf(task);
    if (this.filter.isEmpty) return change ?? (task.isDeleted ? goneEvent(task) : undefined);
    const hasFitted = this.#known.get(task.uuid) ?? (change === undefined && !this.#knowsAll && this.#mayHaveFitted(task));
    this.#know(task.uuid, change !== undefined);
    return change ?? (hasFitted ? goneEvent(task) : undefined);
  }

  #changeOf(task: ChangedTask): ListEvent | undefined {
    const { entry, sentIn } = task;
    if (entry === undefined) return undefined;
    if (!this.filter.isEmpty && (task.record === undefined || !this.filter.fits(task.record))) return undefined;
    return { event: 'change', data: entry, sentIn };
  }

  #mayHaveFitted({ isDeleted, record }: ChangedTask): boolean {
    return isDeleted || (record !== undefined && this.filter.mayHaveFitted(record));
  }

  #know(uuid: string, fits: boolean): void {
    this.#known.delete(uuid);
    if (fits || !this.#knowsAll) this.#known.set(uuid, fits);
    if (this.#known.size <= MOST_KNOWN) return;
    this.#known.delete(this.#known.keys().next().value!);
    this.#knowsAll = false;
  }
}

function goneEvent({ uuid, sentIn }: ChangedTask): ListEvent {
  return { event: 'gone', data: JSON.stringify({ task_uuid: uuid }), sentIn };
}

/** Events as bytes; `undefined` for none. Only the last has an id: the position after all of them, if it is given. */
function listBytes(events: readonly ListEvent[], id: string | undefined): Uint8Array | undefined {
  if (events.length === 0) return undefined;
  const last = events.length - 1;
  return Buffer.from(events.map(({ event, data }, at) => eventText({ event, data, ...(at === last && id !== undefined && { id }) })).join(''));
}

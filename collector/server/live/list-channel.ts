import type { FilteredTask, TaskFilter } from '../../../src/task-filter.ts';
import type { StoredTask, TaskPage, TaskReads } from '../../store/task-store.ts';
import { hasCutAttributes } from '../../record/record-json.ts';
import { reportUnreadable } from '../answers.ts';
import { listEntry, readMany } from '../read-many.ts';
import { Channel } from './channel.ts';
import type { ChannelMessage } from './channel.ts';
import { eventText } from './event-stream.ts';
import type { ListFilter } from './list-filter.ts';

/** How many pages of tasks that fit a filter are read when its first client connects. */
const LEARNT_PAGES = 10;
const PAGE = 200;
/** For how many tasks a list remembers whether they fit, and a stream which ones it has sent at its beginning. */
export const MOST_KNOWN = 20_000;

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

/** An event of a list. If its state was sent before, only clients that have connected since then get it. */
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

  /** The events for a client that connected after so many pages. */
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
 * All lists of one filter: each change of its tasks is encoded once, and sent to all clients. The channel has a position in
 * the store's changes. It moves to the next position in the turn of the event loop in which it sends the changes between
 * the two. So a list that begins in any turn gets all changes up to the position from the store, and all later ones from
 * the channel.
 */
export class ListChannel {
  readonly channel: Channel<ListMessage>;
  readonly filter: ListFilter;
  #at: ListPlace;
  /** The tasks for which the channel remembers whether they fit. Its clients may know those that do. */
  readonly #known = new Map<string, boolean>();
  /** Whether these are all tasks that fit. */
  #knowsAll = false;
  /** Tasks that changed after the position of the list and before they were read: they may have fitted at that position. */
  #changedBefore: ReadonlySet<string> = new Set();

  constructor(filter: ListFilter, at: ListPlace, maxBehindBytes: number) {
    this.filter = filter;
    this.#at = at;
    this.channel = new Channel(maxBehindBytes);
  }

  get at(): ListPlace {
    return this.#at;
  }

  /** Reads which tasks fit, the newest ones first. To be called once, before the first client is answered. */
  async learn(store: Pick<TaskReads, 'tasks' | 'changes'>): Promise<void> {
    if (this.filter.isEmpty) return;
    const { position } = this.#at;
    for await (const { tasks, isLast } of fittingPages(store, this.filter.filter)) {
      for (const { uuid } of tasks) this.#known.set(uuid, true);
      this.#knowsAll = isLast;
    }
    this.#changedBefore = await changedAfter(store, position);
  }

  /** Sends those of a page of changes that concern this list, and moves to the end of the page. Resolves when all readers have them. */
  send(changed: readonly ChangedTask[], at: ListPlace): Promise<void> {
    this.#at = at;
    return this.#send(changed, at.position);
  }

  /** Sends the tasks that fit now because they have run for long enough. */
  async sendLonger(store: Pick<TaskReads, 'tasks'>): Promise<void> {
    for await (const tasks of this.#longer(store)) {
      const [first, ...others] = longerEvents(tasks.filter(({ uuid }) => this.#known.get(uuid) !== true));
      for (const { uuid } of tasks) this.#know(uuid, true);
      if (first !== undefined) await this.channel.send(new ListMessage([first, ...others], undefined));
    }
  }

  /** Events for a client that reconnects: tasks that may have begun to fit meanwhile without a change of their own. */
  async *missedLonger(store: Pick<TaskReads, 'tasks'>): AsyncGenerator<Uint8Array, void> {
    for await (const tasks of this.#longer(store)) {
      const bytes = listBytes(longerEvents(tasks), undefined);
      if (bytes !== undefined) yield bytes;
    }
  }

  /**
   * Events for a client that reconnects, and was disconnected while these tasks changed: their bytes, if there are any, and
   * the tasks that were sent as changes.
   *
   * @param mayHave Whether the client may have a task, so that it needs `gone` where the task no longer fits.
   */
  missed(changed: readonly ChangedTask[], position: string | undefined, mayHave: (uuid: string) => boolean): { bytes: Uint8Array | undefined; sent: string[] } {
    const hasLeft = (task: ChangedTask): boolean => (this.filter.isEmpty ? task.isDeleted : mayHave(task.uuid) && this.#mayHaveFitted(task));
    const events: ListEvent[] = [];
    const sent: string[] = [];
    for (const task of changed) {
      const change = this.#changeOf(task);
      if (change !== undefined) sent.push(task.uuid);
      if (change !== undefined || hasLeft(task)) events.push(change ?? goneEvent(task));
    }
    return { bytes: listBytes(events, position), sent };
  }

  /** The running tasks that fit, if the filter is by duration. */
  async *#longer(store: Pick<TaskReads, 'tasks'>): AsyncGenerator<readonly StoredTask[], void> {
    const { longerThanMs, states = ['running'] } = this.filter.filter;
    if (longerThanMs === undefined || !states.includes('running')) return;
    for await (const { tasks } of fittingPages(store, { ...this.filter.filter, states: ['running'] })) yield tasks;
  }

  async #send(changed: readonly ChangedTask[], id: string | undefined): Promise<void> {
    const [first, ...others] = changed.map((task) => this.#eventOf(task)).filter((event) => event !== undefined);
    if (first !== undefined) await this.channel.send(new ListMessage([first, ...others], id));
  }

  #eventOf(task: ChangedTask): ListEvent | undefined {
    const change = this.#changeOf(task);
    if (this.filter.isEmpty) return change ?? (task.isDeleted ? goneEvent(task) : undefined);
    const hasFitted = change === undefined && this.#hasFitted(task);
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

  /** Whether a client may know a task that does not fit now. */
  #hasFitted(task: ChangedTask): boolean {
    const { uuid, isDeleted } = task;
    const known = this.#known.get(uuid);
    if (known === true) return true;
    const isUnknown = known === undefined && (!this.#knowsAll || this.#changedBefore.has(uuid));
    // A task begins to fit as time passes: another server may have sent it first.
    const isTimed = this.filter.filter.longerThanMs !== undefined && !isDeleted;
    return (isUnknown || isTimed) && this.#mayHaveFitted(task);
  }

  #know(uuid: string, fits: boolean): void {
    this.#known.delete(uuid);
    if (fits || !this.#knowsAll) this.#known.set(uuid, fits);
    if (this.#known.size <= MOST_KNOWN) return;
    this.#known.delete(this.#known.keys().next().value!);
    this.#knowsAll = false;
  }
}

/** The tasks that fit a filter, the newest first, page by page, as many as a list learns. */
async function* fittingPages(
  store: Pick<TaskReads, 'tasks'>,
  filter: TaskFilter,
): AsyncGenerator<{ readonly tasks: readonly StoredTask[]; readonly isLast: boolean }, void> {
  let cursor: string | undefined;
  for (let pages = 0; pages < LEARNT_PAGES; pages++) {
    const { tasks, next }: TaskPage = await store.tasks({ filter, limit: PAGE, ...(cursor !== undefined && { cursor }) });
    yield { tasks, isLast: next === undefined };
    if (next === undefined) return;
    cursor = next;
  }
}

/** The tasks that have changed after a position so far. */
export async function changedAfter(store: Pick<TaskReads, 'changes'>, position: string): Promise<Set<string>> {
  const changed = new Set<string>();
  for (let after = position; ; ) {
    const { uuids, position: next, more } = await store.changes({ after, limit: PAGE });
    for (const uuid of uuids) changed.add(uuid);
    if (!more) return changed;
    after = next;
  }
}

function longerEvents(tasks: readonly StoredTask[]): ListEvent[] {
  return tasks.flatMap((task) => {
    const data = listEntry(task);
    return data === undefined ? [] : [{ event: 'change', data, sentIn: undefined }];
  });
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

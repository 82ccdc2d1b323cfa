import { Slices } from '../../async.ts';
import { groupValues } from '../../options/read.ts';
import type { TaskStore } from '../../store/task-store.ts';
import type { StreamOptions } from './event-stream.ts';
import { ListChannel, readChanged } from './list-channel.ts';
import type { ChangedTask } from './list-channel.ts';
import type { ListFilter } from './list-filter.ts';
import { StoreWatch } from './store-watch.ts';
import type { WatcherGauge } from './store-watch.ts';
import type { TaskChannel } from './task-channel.ts';
import { TaskChannels } from './task-channels.ts';
import type { TaskView } from './task-view.ts';

/** How many changed tasks are read at a time. */
export const CHANGES_PAGE = 200;

/** The list streams of one filter. */
interface WatchedList {
  readonly channel: ListChannel;
  /** Settles when the channel has read which tasks fit. */
  readonly ready: Promise<void>;
  users: number;
}

/** The state in which a task was sent to the lists, and the number of the page that had it. */
interface Sent {
  readonly state: string;
  readonly page: number;
}

/**
 * The tasks of one store for all live streams and waiting requests of an app. The changes of a commit are read once
 * for all of them. Without a stream or request the store is not read.
 */
export class LiveTasks {
  readonly #store: TaskStore;
  readonly #watch: StoreWatch;
  readonly #maxBehindBytes: number;
  readonly #tasks: TaskChannels;
  /** By the keys of their filters. */
  readonly #lists = new Map<string, WatchedList>();
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Position in the store's changes up to which all changes have been sent, and in how many pages. */
  #position = '';
  #pages = 0;
  /** What this reading and the last one sent: a reading may already find a later change of a task. */
  #sent: readonly [Map<string, Sent>, Map<string, Sent>] = [new Map(), new Map()];

  constructor(store: TaskStore, options: StreamOptions | undefined, gauge?: WatcherGauge) {
    const { aliveMs, maxBehindBytes } = groupValues('serve.streams', options, { as: 'streams' });
    this.#store = store;
    this.#maxBehindBytes = maxBehindBytes;
    this.#tasks = new TaskChannels(store, maxBehindBytes);
    const work = {
      begin: (position: string): void => void (this.#position = position),
      readChanges: () => this.#readChanges(),
      readAgain: () => this.#readAgain(),
      keepAlive: () => this.#keepAlive(),
    };
    this.#watch = new StoreWatch(store, work, { aliveMs, gauge });
  }

  /** Whether a stream of the app is open, or a request waits for a task. */
  get isFollowed(): boolean {
    return this.#watch.isFollowed;
  }

  /** Adds a watcher; gives a function that removes it, to be called once or more. Rejects where the store fails. */
  enter(): Promise<() => void> {
    return this.#watch.enter();
  }

  /** Reads what has been committed so far, for a client that has seen more than this server. Rejects where the store fails. */
  catchUp(): Promise<void> {
    return this.#watch.catchUp();
  }

  /** The channel of a task in a view, for a watcher, until `release` is called once; `undefined` for an unknown task. */
  task(uuid: string, view: TaskView): Promise<{ channel: TaskChannel; release: () => void } | undefined> {
    return this.#tasks.channel(uuid, view);
  }

  /** The channel of the lists of a filter, for a watcher, until `release` is called once. */
  async list(filter: ListFilter): Promise<{ channel: ListChannel; release: () => void }> {
    let list = this.#lists.get(filter.key);
    if (list === undefined) {
      const at = { position: this.#position, page: this.#pages };
      const channel = new ListChannel(filter, at, this.#maxBehindBytes);
      list = { channel, ready: channel.learn(this.#store), users: 0 };
      this.#lists.set(filter.key, list);
    }
    const used = list;
    used.users++;
    const release = (): void => {
      if (--used.users === 0) this.#lists.delete(filter.key);
    };
    try {
      await used.ready;
    } catch (error) {
      release();
      throw error;
    }
    return { channel: used.channel, release };
  }

  /** Calls the listener after each commit of a task, for a watcher, until the returned function is called. */
  onCommit(uuid: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(uuid) ?? new Set();
    this.#listeners.set(uuid, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(uuid) === listeners) this.#listeners.delete(uuid);
    };
  }

  async #readChanges(): Promise<boolean> {
    this.#sent = [new Map(), this.#sent[0]];
    let isDone = true;
    for (let more = true; more;) {
      // A file that has replaced the store's is read from its beginning.
      const page = await this.#store.changes({ after: this.#position, limit: CHANGES_PAGE });
      isDone = await this.#tasks.advance(page.uuids);
      for (const uuid of page.uuids) for (const listener of this.#listeners.get(uuid) ?? []) listener();
      await this.#sendLists(page.uuids, page.position);
      ({ more } = page);
    }
    return isDone;
  }

  /** Sends a page of changes to all lists, also to those that begin meanwhile. If it fails, it has sent none of them. */
  async #sendLists(uuids: readonly string[], position: string): Promise<void> {
    const page = this.#pages + 1;
    const changed = this.#lists.size === 0 ? [] : await this.#changedTasks(uuids);
    const sending: Promise<void>[] = [];
    const slices = new Slices();
    for (const { channel } of this.#lists.values()) {
      sending.push(channel.send(changed, { position, page }));
      await slices.next();
    }
    this.#position = position;
    this.#pages = page;
    for (const { uuid, state, sentIn = page } of changed) this.#sent[0].set(uuid, { state, page: sentIn });
    await Promise.all(sending);
  }

  async #changedTasks(uuids: readonly string[]): Promise<ChangedTask[]> {
    const isWhole = [...this.#lists.values()].some(({ channel }) => channel.filter.wantsAttributes);
    const changed: ChangedTask[] = [];
    for await (const part of readChanged(this.#store, uuids, isWhole)) changed.push(...part);
    for (const task of changed) {
      const known = this.#sent[0].get(task.uuid) ?? this.#sent[1].get(task.uuid);
      if (known?.state === task.state) task.sentIn = known.page;
    }
    return changed;
  }

  /** Sends what changes without a commit: heartbeats, and tasks that begin to fit a filter as time passes. */
  async #readAgain(): Promise<void> {
    await this.#tasks.refresh();
    for (const { channel } of this.#lists.values()) await channel.sendLonger(this.#store);
  }

  async #keepAlive(): Promise<void> {
    await this.#tasks.keepAlive();
    for (const { channel } of this.#lists.values()) await channel.channel.keepAlive();
  }
}

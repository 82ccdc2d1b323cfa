import { clearTimeout, performance, setImmediate, setTimeout } from '../../timers.ts';
import { repeat, Slices } from '../../async.ts';
import { groupValues } from '../../options/read.ts';
import type { StoredTask, TaskStore } from '../../store/task-store.ts';
import { reportStoreFailure } from '../answers.ts';
import { listEntry, readMany } from '../read-many.ts';
import { eventText } from './event-stream.ts';
import type { StreamOptions } from './event-stream.ts';
import { Feed } from './feed.ts';
import type { FeedMessage } from './feed.ts';
import { TaskFeed } from './task-feed.ts';
import type { TaskView } from './task-feed.ts';

/** Changes of tasks as events of the list. */
export interface ListMessage extends FeedMessage {
  /** The same without what clients that joined before the latest reading have already; `undefined` if that is all. */
  readonly update: Uint8Array | undefined;
  /** The number of the reading, see {@link TaskWatchers.listJoined}. */
  readonly reading: number;
}

/** How many changed tasks are read at a time. */
export const CHANGES_PAGE = 200;
/** The least time between two readings, in milliseconds: the commits of that time are sent as one change. */
const PACE_MS = 20;
/** How often watched tasks are read without a commit, in milliseconds: a change of liveness is no commit. */
const REFRESH_MS = 2000;
const RETRY_MS = 500;

/** Counts the open streams. */
export interface WatcherGauge {
  inc(): void;
  dec(): void;
}

/**
 * Watches the tasks of one store for all streams and waiting requests of an app. While there is one, it listens for
 * commits and reads what each has changed: once, for any number of watchers. Without watchers it does nothing.
 */
export class TaskWatchers {
  /** Changes of all tasks. */
  readonly list: Feed<ListMessage>;
  readonly #store: TaskStore;
  readonly #aliveMs: number;
  readonly #maxBehindBytes: number;
  /** By UUID, then by view. */
  readonly #tasks = new Map<string, Map<string, WatchedTask>>();
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Watched tasks whose latest change could not be read: they are read again with the next reading. */
  #behind = new Set<string>();
  readonly #gauge: WatcherGauge | undefined;
  #watchers = 0;
  /** Position in the store's changes up to which everything is sent. */
  #position = '';
  /** The states that the list's readers were sent by the last two readings: a reading may find a task already changed again. */
  #sent: readonly [Map<string, string>, Map<string, string>] = [new Map(), new Map()];
  /** How many readings there were. */
  #readings = 0;
  #hasJoined = false;
  #ready: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  #due = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopWatching: () => void = () => undefined;

  constructor(store: TaskStore, options: StreamOptions | undefined, gauge?: WatcherGauge) {
    this.#store = store;
    this.#gauge = gauge;
    const { aliveMs, maxBehindBytes } = groupValues('serve.streams', options, { as: 'streams' });
    this.#aliveMs = aliveMs;
    this.#maxBehindBytes = maxBehindBytes;
    this.list = new Feed(this.#maxBehindBytes);
  }

  /** Position in the store's changes at which {@link list} is. */
  get position(): string {
    return this.#position;
  }

  /** Whether a stream of the app is open, or a request waits for a task. */
  get isFollowed(): boolean {
    return this.#watchers > 0;
  }

  /** Adds a watcher; gives a function that removes it, to be called once or more. Rejects where the store fails. */
  async enter(): Promise<() => void> {
    this.#watchers++;
    this.#gauge?.inc();
    let inside = true;
    const leave = (): void => {
      if (!inside) return;
      inside = false;
      this.#gauge?.dec();
      if (--this.#watchers === 0) this.#stop();
    };
    try {
      await (this.#ready ??= this.#start());
      return leave;
    } catch (error) {
      this.#ready = undefined;
      leave();
      throw error;
    }
  }

  /** To be called when a client joins {@link list} at {@link position}. Gives the number of the first reading for it. */
  listJoined(): number {
    this.#hasJoined = true;
    return this.#readings + 1;
  }

  /** Resolves when the changes that are being read are sent; `undefined` while nothing is read, so that no feed moves. */
  get reading(): Promise<void> | undefined {
    return this.#reading;
  }

  /**
   * The feed of a task, for a watcher, until `release` is called once. `undefined` for an unknown task.
   */
  async task(uuid: string, view: TaskView = { scopes: false, log: 'text' }): Promise<{ feed: TaskFeed; release: () => void } | undefined> {
    const key = `${view.scopes} ${view.log}`;
    const views = this.#tasks.get(uuid) ?? new Map<string, WatchedTask>();
    this.#tasks.set(uuid, views);
    let task = views.get(key);
    if (task === undefined) {
      task = { users: 0, feed: undefined, opening: this.#open(uuid, view) };
      views.set(key, task);
    }
    const used = task;
    used.users++;
    const release = (): void => {
      if (--used.users === 0) this.#drop(uuid, key, used);
    };
    try {
      used.feed = await used.opening;
    } catch (error) {
      release();
      throw error;
    }
    if (used.feed !== undefined) return { feed: used.feed, release };
    release();
    return undefined;
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

  /** Reads at once what has been committed, for a client that has seen more than this server. */
  catchUp(): Promise<void> {
    return this.#read();
  }

  async #start(): Promise<void> {
    // A reading for earlier watchers may still be running.
    while (this.#reading !== undefined) await this.#reading;
    // The listener comes first, then the position: a commit in between is sent twice rather than never.
    const stop = this.#store.watch(() => this.#wake());
    try {
      this.#position = (await this.#store.changes({ limit: 1 })).position;
    } catch (error) {
      stop();
      throw error;
    }
    const alive = repeat(this.#aliveMs, async () => {
      await this.#keepAlive();
      return this.#aliveMs;
    });
    const refresh = repeat(REFRESH_MS, async () => {
      await this.#refresh();
      return REFRESH_MS;
    });
    this.#stopWatching = () => {
      stop();
      void alive.stop();
      void refresh.stop();
    };
  }

  #stop(): void {
    this.#stopWatching();
    this.#stopWatching = () => undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = false;
    this.#behind.clear();
    this.#ready = undefined;
  }

  async #open(uuid: string, view: TaskView): Promise<TaskFeed | undefined> {
    const task = await this.#store.stored(uuid);
    return task && new TaskFeed(this.#store, task, view, this.#maxBehindBytes);
  }

  #drop(uuid: string, key: string, task: WatchedTask): void {
    const views = this.#tasks.get(uuid);
    if (views?.get(key) === task) views.delete(key);
    if (views?.size === 0) this.#tasks.delete(uuid);
  }

  #feeds(uuid: string): TaskFeed[] {
    return [...(this.#tasks.get(uuid)?.values() ?? [])].map(({ feed }) => feed).filter((feed) => feed !== undefined);
  }

  /** Reads at once if no reading was within the last {@link PACE_MS}, else after that time. */
  #wake(): void {
    this.#due = true;
    if (this.#timer === undefined && this.#reading === undefined) this.#later(0);
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#due) void this.#read();
    }, ms);
    this.#timer.unref();
  }

  async #read(): Promise<void> {
    while (this.#reading !== undefined) await this.#reading;
    const before = performance.now();
    this.#due = false;
    let done = true;
    this.#reading = this.#sendChanges().catch((error: unknown) => {
      reportStoreFailure(error);
      this.#due = true;
      done = false;
    });
    await this.#reading;
    this.#reading = undefined;
    if (this.#watchers === 0) return;
    if (this.#behind.size > 0) {
      this.#due = true;
      done = false;
    }
    this.#later(done ? PACE_MS : RETRY_MS);
    // Sending to thousands of clients takes long: the event loop is then free for other work for the same time.
    setImmediate(() => {
      const spent = performance.now() - before;
      if (done && spent > PACE_MS && this.#timer !== undefined) this.#later(spent);
    });
  }

  async #sendChanges(): Promise<void> {
    this.#readings++;
    this.#sent = [new Map(), this.#sent[0]];
    const hasJoined = this.#hasJoined;
    this.#hasJoined = false;
    for (;;) {
      // A file that has replaced the store's is read from its beginning.
      const { uuids, position, more } = await this.#store.changes({ after: this.#position, limit: CHANGES_PAGE });
      await this.#advanceAll([...this.#behind, ...uuids]);
      for (const uuid of uuids) for (const listener of this.#listeners.get(uuid) ?? []) listener();
      if (this.list.readers > 0) await this.#sendList(uuids, position, hasJoined);
      // Set last: where a reading fails, the whole page is read again.
      this.#position = position;
      if (!more) return;
    }
  }

  /** Moves those of the tasks on that are watched. One that can't be read is left behind, and the others go on. */
  async #advanceAll(uuids: readonly string[]): Promise<void> {
    const watched = new Set(uuids.filter((uuid) => this.#feeds(uuid).length > 0));
    this.#behind = watched;
    const slices = new Slices();
    for await (const part of readMany(this.#store, [...watched])) {
      for (const [uuid, task] of part) {
        await this.#advance(uuid, async (feed) => (task === undefined ? feed.gone() : feed.advance(task)));
        await slices.next();
      }
    }
  }

  async #advance(uuid: string, advance: (feed: TaskFeed) => Promise<void>): Promise<void> {
    this.#behind.delete(uuid);
    for (const [key, watched] of this.#tasks.get(uuid) ?? []) {
      const { feed } = watched;
      try {
        if (feed !== undefined) await advance(feed);
      } catch (error) {
        reportStoreFailure(error);
        this.#behind.add(uuid);
      }
      // The task may go on in another attempt: its next watcher opens a new feed.
      if (feed?.feed.ended === true) this.#drop(uuid, key, watched);
    }
  }

  /**
   * @param position The position in the store's changes after these tasks.
   * @param hasJoined Whether a client has joined since the last reading: it was not sent what that reading had found.
   */
  async #sendList(uuids: readonly string[], position: string, hasJoined: boolean): Promise<void> {
    const [sent, before] = this.#sent;
    let left = uuids.length;
    for await (const part of readMany(this.#store, uuids, 'list')) {
      left -= part.length;
      const changed: ListChange[] = [];
      const all: ListChange[] = [];
      for (const [uuid, task] of part) {
        const state = task === undefined ? GONE : stateOf(task);
        if (sent.get(uuid) === state) continue;
        all.push([uuid, task]);
        if (before.get(uuid) !== state) changed.push([uuid, task]);
        sent.set(uuid, state);
      }
      const id = left === 0 ? position : undefined;
      const update = listEvents(changed, id);
      const isMore = hasJoined && all.length > changed.length;
      const event = isMore ? listEvents(all, id) : update;
      if (event !== undefined) await this.list.publish({ event, update, reading: this.#readings });
    }
  }

  async #keepAlive(): Promise<void> {
    await this.list.keepAlive();
    for (const uuid of this.#tasks.keys()) for (const feed of this.#feeds(uuid)) await feed.feed.keepAlive();
  }

  /** Reads the watched tasks again: a change of liveness and a deletion are no commits. */
  async #refresh(): Promise<void> {
    while (this.#reading !== undefined) await this.#reading;
    this.#reading = this.#readAgain().catch(reportStoreFailure);
    await this.#reading;
    this.#reading = undefined;
    if (this.#due) this.#wake();
  }

  async #readAgain(): Promise<void> {
    const watched = [...this.#tasks.keys()].filter((uuid) => this.#feeds(uuid).length > 0);
    const slices = new Slices();
    for await (const part of readMany(this.#store, watched, 'list')) {
      for (const [uuid, task] of part) {
        await this.#advance(uuid, async (feed) => (task === undefined ? feed.gone() : feed.refresh(task)));
        await slices.next();
      }
    }
  }
}

interface WatchedTask {
  users: number;
  opening: Promise<TaskFeed | undefined>;
  feed: TaskFeed | undefined;
}

/** A task that has changed, or that was deleted. */
type ListChange = readonly [uuid: string, task: StoredTask | undefined];

/**
 * Changes of tasks as events of the list; `undefined` where there are none. Only the last event has an id: the position
 * after all of them, if it is given.
 */
export function listEvents(changes: readonly ListChange[], position: string | undefined): Uint8Array | undefined {
  const found = changes.map(listChange).filter((event) => event !== undefined);
  if (found.length === 0) return undefined;
  const isLast = (at: number): boolean => at === found.length - 1;
  const events = found.map((event, at) => eventText({ ...event, ...(isLast(at) && position !== undefined && { id: position }) }));
  return Buffer.from(events.join(''));
}

function listChange([uuid, task]: ListChange): { event: string; data: string } | undefined {
  if (task === undefined) return { event: 'gone', data: JSON.stringify({ task_uuid: uuid }) };
  const data = listEntry(task);
  return data === undefined ? undefined : { event: 'change', data };
}

/** The state of a task that was deleted, for {@link stateOf}. */
const GONE = 'gone';

/** A text that differs for each state of a task that a list shows. */
function stateOf({ version, state, liveness, cancel }: StoredTask): string {
  return `${version} ${state} ${liveness?.final ?? ''} ${cancel?.requested ?? ''} ${cancel?.heard ?? ''}`;
}

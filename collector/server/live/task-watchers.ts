import { clearInterval, clearTimeout, performance, setImmediate, setInterval, setTimeout } from '../../../src/timers.ts';
import { groupValues } from '../../options/read.ts';
import { recordJson } from '../../record/record-json.ts';
import type { StoredTask, TaskChanges, TaskStore } from '../../store/task-store.ts';
import { reportStoreFailure } from '../problem.ts';
import { eventText } from './event-stream.ts';
import type { StreamOptions } from './event-stream.ts';
import { Feed } from './feed.ts';
import type { FeedMessage } from './feed.ts';
import { TaskFeed } from './task-feed.ts';

/** Changes of tasks, in the form for lists. */
export interface ListMessage extends FeedMessage {
  readonly event: Uint8Array;
}

/** How many changed tasks are read at a time. */
export const CHANGES_PAGE = 200;
/** The least time between two readings, in milliseconds: commits in between are told as one. */
const PACE_MS = 20;
/** How often a watched task is read though nothing was committed: whether it lives is no commit. */
const REFRESH_MS = 2000;
const RETRY_MS = 500;

/** Counts who watches. */
export interface WatcherGauge {
  inc(): void;
  dec(): void;
}

/**
 * All who watch tasks of one store. While there is anybody it listens for commits, and after one it
 * reads what has changed: once, however many watch. With nobody it does nothing.
 */
export class TaskWatchers {
  /** Changes of all tasks. */
  readonly list: Feed<ListMessage>;
  readonly #store: TaskStore;
  readonly #aliveMs: number;
  readonly #maxBehindBytes: number;
  readonly #tasks = new Map<string, WatchedTask>();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #gauge: WatcherGauge | undefined;
  #watchers = 0;
  /** Change number up to which all is told. */
  #last = 0;
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

  /** How many watch now. */
  get watchers(): number {
    return this.#watchers;
  }

  /** Change number at which {@link list} is. */
  get last(): number {
    return this.#last;
  }

  /** Begins to watch; gives what ends it, to be called once or more. Rejects where the store fails. */
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

  /** Resolves with what was being read told; `undefined` while nothing is, when all feeds stand still. */
  get reading(): Promise<void> | undefined {
    return this.#reading;
  }

  /**
   * What is told of a task, for who has entered, until `release` is called once. `undefined` for an
   * unknown task.
   */
  async task(uuid: string): Promise<{ feed: TaskFeed; release: () => void } | undefined> {
    let task = this.#tasks.get(uuid);
    if (task === undefined) {
      task = { users: 0, feed: undefined, opening: this.#open(uuid) };
      this.#tasks.set(uuid, task);
    }
    const used = task;
    used.users++;
    const release = (): void => {
      if (--used.users === 0) this.#drop(uuid, used);
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

  /** Calls the listener after each commit of a task, for who has entered, until what is returned is called. */
  onCommit(uuid: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(uuid) ?? new Set();
    this.#listeners.set(uuid, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(uuid) === listeners) this.#listeners.delete(uuid);
    };
  }

  /** Reads now what was committed up to now, for a client that has seen more than this server. */
  catchUp(): Promise<void> {
    return this.#read();
  }

  async #start(): Promise<void> {
    // Somebody who has left may have begun to read.
    while (this.#reading !== undefined) await this.#reading;
    // First the ear, then the mark: what is committed in between is told twice rather than never.
    const stop = this.#store.watch(() => this.#wake());
    try {
      this.#last = (await this.#store.changes({ limit: 1 })).last;
    } catch (error) {
      stop();
      throw error;
    }
    const alive = setInterval(() => this.#alive(), this.#aliveMs);
    const refresh = setInterval(() => void this.#refresh(), REFRESH_MS);
    alive.unref();
    refresh.unref();
    this.#stopWatching = () => {
      stop();
      clearInterval(alive);
      clearInterval(refresh);
    };
  }

  #stop(): void {
    this.#stopWatching();
    this.#stopWatching = () => undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = false;
    this.#ready = undefined;
  }

  async #open(uuid: string): Promise<TaskFeed | undefined> {
    const task = await this.#store.stored(uuid);
    return task && new TaskFeed(this.#store, task, this.#maxBehindBytes);
  }

  #drop(uuid: string, task: WatchedTask): void {
    if (this.#tasks.get(uuid) === task) this.#tasks.delete(uuid);
  }

  /** There is something to read: at once after a while of silence, else at the next turn of the pace. */
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
    this.#reading = this.#tellChanges().catch((error: unknown) => {
      reportStoreFailure(error);
      this.#due = true;
      done = false;
    });
    await this.#reading;
    this.#reading = undefined;
    if (this.#watchers === 0) return;
    this.#later(done ? PACE_MS : RETRY_MS);
    // Sending to thousands takes its time: as much again is left to others.
    setImmediate(() => {
      const spent = performance.now() - before;
      if (done && spent > PACE_MS && this.#timer !== undefined) this.#later(spent);
    });
  }

  async #tellChanges(): Promise<void> {
    for (;;) {
      const { changes, last } = await this.#store.changes({ after: this.#last, limit: CHANGES_PAGE });
      if (last < this.#last) {
        // A store that was begun anew in the place of the old one counts anew.
        this.#last = 0;
        continue;
      }
      for (const { task } of changes) {
        const watched = this.#tasks.get(task.uuid);
        if (watched?.feed !== undefined) await this.#advance(watched.feed, watched, task);
        for (const listener of this.#listeners.get(task.uuid) ?? []) listener();
      }
      if (changes.length > 0) {
        // Last: where a reading fails, all of the page is read again.
        this.#last = changes.at(-1)!.change;
        if (this.list.readers > 0) this.#tellList(changes);
      }
      if (changes.length < CHANGES_PAGE) return;
    }
  }

  async #advance(feed: TaskFeed, watched: WatchedTask, task: StoredTask): Promise<void> {
    await feed.advance(task);
    // It may go on in another attempt: for who asks then it is opened anew.
    if (feed.feed.ended) this.#drop(task.uuid, watched);
  }

  #tellList(changes: TaskChanges['changes']): void {
    const event = Buffer.from(changes.map(listEvent).join(''));
    this.list.publish({ event, size: event.byteLength });
  }

  #alive(): void {
    this.list.alive();
    for (const { feed } of this.#tasks.values()) feed?.feed.alive();
  }

  /** Whether a task lives, and whether it still exists, is told by no commit. */
  async #refresh(): Promise<void> {
    while (this.#reading !== undefined) await this.#reading;
    this.#reading = this.#readAgain().catch(reportStoreFailure);
    await this.#reading;
    this.#reading = undefined;
    if (this.#due) this.#wake();
  }

  async #readAgain(): Promise<void> {
    for (const [uuid, watched] of this.#tasks) {
      const { feed } = watched;
      if (feed === undefined) continue;
      const task = await this.#store.stored(uuid);
      if (task === undefined) {
        feed.feed.end();
        this.#drop(uuid, watched);
      } else if (task.version === feed.version) await this.#advance(feed, watched, task);
    }
  }
}

interface WatchedTask {
  users: number;
  opening: Promise<TaskFeed | undefined>;
  feed: TaskFeed | undefined;
}

/** A task that has changed, for lists. */
export function listEvent({ change, task }: TaskChanges['changes'][number]): string {
  return eventText({ event: 'change', id: String(change), data: recordJson(task) });
}

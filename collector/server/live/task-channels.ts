import { Slices } from '../../async.ts';
import { recordFields, recordJson } from '../../record/record-json.ts';
import type { StoredTask, TaskForm, TaskStore } from '../../store/task-store.ts';
import { entityTag, reportStoreFailure, reportUnreadable } from '../answers.ts';
import { readMany } from '../read-many.ts';
import { TaskChannel } from './task-channel.ts';
import type { ReadTask } from './task-channel.ts';
import type { TaskView } from './task-view.ts';

/** A task that is watched, with a channel for each view in which it is. */
interface WatchedTask {
  /** What was read last; `undefined` while it is opening, and where there is no such task. */
  read: ReadTask | undefined;
  readonly opening: Promise<unknown>;
  readonly views: Map<string, { readonly channel: TaskChannel; users: number }>;
}

/** The channels of the tasks that are watched. A task is read once for all of them. */
export class TaskChannels {
  readonly #store: TaskStore;
  readonly #maxBehindBytes: number;
  readonly #tasks = new Map<string, WatchedTask>();
  /** Those whose latest change could not be read: they are read again with the next one. */
  #behind = new Set<string>();

  constructor(store: TaskStore, maxBehindBytes: number) {
    this.#store = store;
    this.#maxBehindBytes = maxBehindBytes;
  }

  /** The channel of a task in a view, until `release` is called once; `undefined` for an unknown task. */
  async channel(uuid: string, view: TaskView): Promise<{ channel: TaskChannel; release: () => void } | undefined> {
    const watched = this.#tasks.get(uuid) ?? this.#watched(uuid);
    try {
      await watched.opening;
    } finally {
      if (watched.read === undefined) this.#drop(uuid, watched);
    }
    if (watched.read === undefined) return undefined;
    const key = `${view.scopes} ${view.log}`;
    const used = watched.views.get(key) ?? { channel: new TaskChannel(this.#store, view, watched.read, this.#maxBehindBytes), users: 0 };
    watched.views.set(key, used);
    used.users++;
    const release = (): void => {
      if (--used.users > 0) return;
      watched.views.delete(key);
      if (watched.views.size === 0) this.#drop(uuid, watched);
    };
    return { channel: used.channel, release };
  }

  /** Moves those of the tasks on that are watched. Resolves to whether all could be read: one that could not waits alone. */
  async advance(uuids: readonly string[]): Promise<boolean> {
    const left = new Set([...this.#behind, ...uuids].filter((uuid) => this.#tasks.has(uuid)));
    this.#behind = left;
    await this.#readEach([...left], 'whole', async (watched, task, uuid) => {
      await this.#moveOn(watched, task);
      left.delete(uuid);
    });
    return left.size === 0;
  }

  /** Reads all again: heartbeats are no commits. */
  async refresh(): Promise<void> {
    await this.#readEach([...this.#tasks.keys()], 'list', async (watched, task) => {
      const known = watched.read?.task;
      if (task === undefined || known === undefined) return this.#moveOn(watched, task);
      if (task.version !== known.version || entityTag(task, 'json') === entityTag(known, 'json')) return;
      await this.#moveOn(watched, { ...task, summary: known.summary });
    });
  }

  async keepAlive(): Promise<void> {
    for (const watched of this.#tasks.values()) for (const { channel } of channelsOf(watched)) await channel.keepAlive();
  }

  #watched(uuid: string): WatchedTask {
    const opening = this.#store.stored(uuid).then((task) => {
      if (task !== undefined) watched.read = { task, fields: recordFields(recordJson(task)) };
    });
    const watched: WatchedTask = { read: undefined, views: new Map(), opening };
    this.#tasks.set(uuid, watched);
    return watched;
  }

  #drop(uuid: string, watched: WatchedTask): void {
    if (this.#tasks.get(uuid) === watched) this.#tasks.delete(uuid);
  }

  /** A task that fails does not hold up the others. */
  async #readEach(
    uuids: readonly string[],
    form: TaskForm,
    take: (watched: WatchedTask, task: StoredTask | undefined, uuid: string) => Promise<void>,
  ): Promise<void> {
    const slices = new Slices();
    for await (const part of readMany(this.#store, uuids, form)) {
      for (const [uuid, task] of part) {
        const watched = this.#tasks.get(uuid);
        try {
          if (watched !== undefined) await take(watched, task, uuid);
        } catch (error) {
          reportStoreFailure(error);
        }
        // The task may go on in another attempt: its next watcher opens new channels.
        if (watched !== undefined && channelsOf(watched).some(({ channel }) => channel.ended)) this.#drop(uuid, watched);
        await slices.next();
      }
    }
  }

  async #moveOn(watched: WatchedTask, task: StoredTask | undefined): Promise<void> {
    // It may have been read for its first client before this commit.
    await watched.opening.catch(() => undefined);
    if (watched.read === undefined) return;
    if (task === undefined) return ofEach(watched, (channel) => channel.gone());
    const read = readTask(task);
    if (read === undefined) return ofEach(watched, ({ channel }) => channel.end());
    watched.read = read;
    await ofEach(watched, (channel) => channel.advance(read));
  }
}

function channelsOf({ views }: WatchedTask): TaskChannel[] {
  return [...views.values()].map(({ channel }) => channel);
}

/** Does it for each channel, and rejects then where it has failed for one. */
async function ofEach(watched: WatchedTask, work: (channel: TaskChannel) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  for (const channel of channelsOf(watched)) await work(channel).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** `undefined`, and reported, for a record that can't be encoded: that ends the streams of its task alone. */
function readTask(task: StoredTask): ReadTask | undefined {
  try {
    return { task, fields: recordFields(recordJson(task)) };
  } catch (error) {
    reportUnreadable(task, error);
    return undefined;
  }
}

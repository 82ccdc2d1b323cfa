import { Slices } from '../../async.ts';
import { recordFields, recordJson } from '../../record/record-json.ts';
import type { StoredTask, TaskForm, TaskStore } from '../../store/task-store.ts';
import { entityTag, reportStoreFailure, reportUnreadable } from '../answers.ts';
import { readMany } from '../read-many.ts';
import { TaskChannel } from './task-channel.ts';
import type { ReadTask } from './task-channel.ts';
import type { TaskView } from './task-view.ts';

/** A task that is watched, with a channel for each view of it. */
interface WatchedTask {
  /** The task as it was read last; `undefined` while it is opening, and if there is no such task. */
  read: ReadTask | undefined;
  readonly opening: Promise<unknown>;
  /** The number of its clients, including those that wait for its opening. */
  users: number;
  /** Whether its channels have ended: the next client opens it anew, since the task may go on in another attempt. */
  isOver: boolean;
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
    watched.users++;
    const leave = (): void => {
      if (--watched.users === 0) this.#drop(uuid, watched);
    };
    try {
      await watched.opening;
    } catch (error) {
      leave();
      throw error;
    }
    const { read } = watched;
    if (read === undefined || watched.isOver) {
      leave();
      this.#drop(uuid, watched);
      return watched.isOver ? this.channel(uuid, view) : undefined;
    }
    const key = `${view.scopes} ${view.log}`;
    const used = watched.views.get(key) ?? { channel: new TaskChannel(this.#store, view, read, this.#maxBehindBytes), users: 0 };
    watched.views.set(key, used);
    used.users++;
    const release = (): void => {
      if (--used.users === 0) watched.views.delete(key);
      leave();
    };
    return { channel: used.channel, release };
  }

  /** Sends the changes of those of the tasks that are watched. Resolves to whether all could be read; the others are read again later. */
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
    const watched: WatchedTask = { read: undefined, opening, users: 0, isOver: false, views: new Map() };
    this.#tasks.set(uuid, watched);
    return watched;
  }

  #drop(uuid: string, watched: WatchedTask): void {
    if (this.#tasks.get(uuid) === watched) this.#tasks.delete(uuid);
  }

  /** The failure of one task does not delay the others. */
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
        if (watched?.isOver === true) this.#drop(uuid, watched);
        await slices.next();
      }
    }
  }

  async #moveOn(watched: WatchedTask, task: StoredTask | undefined): Promise<void> {
    // It may have been read for its first client before this commit.
    await watched.opening.catch(() => undefined);
    if (watched.read === undefined || watched.isOver) return;
    const read = task && readTask(task);
    // A deleted task, and a record that can't be encoded, end the streams of that task alone.
    watched.isOver = read === undefined;
    if (read !== undefined) watched.read = read;
    await ofEach(watched, (channel) => (read !== undefined ? channel.advance(read) : task === undefined ? channel.gone() : channel.channel.end()));
    watched.isOver = channelsOf(watched).some(({ channel }) => channel.ended);
  }
}

function channelsOf({ views }: WatchedTask): TaskChannel[] {
  return [...views.values()].map(({ channel }) => channel);
}

/** Calls a function for each channel, and rejects afterwards if one call failed. */
async function ofEach(watched: WatchedTask, work: (channel: TaskChannel) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  for (const channel of channelsOf(watched)) await work(channel).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** `undefined`, and reported, for a record that can't be encoded. */
function readTask(task: StoredTask): ReadTask | undefined {
  try {
    return { task, fields: recordFields(recordJson(task)) };
  } catch (error) {
    reportUnreadable(task, error);
    return undefined;
  }
}

import { pause, repeat, turn } from '../../async.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { performance } from '../../timers.ts';
import { reportStoreFailure } from '../answers.ts';

/** The least time between two readings, in milliseconds: the commits of that time are read together. */
const PACE_MS = 20;
/** How often watched tasks are read without a commit, in milliseconds: a heartbeat is no commit. */
const REFRESH_MS = 2000;
/** The time after a reading that failed, in milliseconds. */
const RETRY_MS = 500;

/** Counts the open streams. */
export interface WatcherGauge {
  inc(): void;
  dec(): void;
}

/** What a {@link StoreWatch} does while it has a watcher. Its readings never overlap. */
interface WatchWork {
  /** Begins at a position in the store's changes. */
  begin(position: string): void;
  /** Reads and sends what was committed. Rejects where the store fails; resolves to whether all of it could be read. */
  readChanges(): Promise<boolean>;
  /** Reads and sends what changes without a commit. */
  readAgain(): Promise<void>;
  /** Keeps connections alive on which nothing was sent. */
  keepAlive(): Promise<void>;
}

/** What is to be read: what was committed, or what changes without a commit. */
type Due = 'changes' | 'again';

/**
 * Watches a store for all open streams and waiting requests of an app: once, for any number of them. It is in one of these
 * modes, and whatever is to be read waits for the next `reading`:
 *
 * | mode | what happens | goes to |
 * | --- | --- | --- |
 * | `idle` | there is no watcher, and the store is not read | `opening` when the first watcher enters |
 * | `opening` | it listens for commits, then reads the position of the latest one | `resting`; `idle` where the store fails |
 * | `resting` | everything is sent | `reading` after a commit, every two seconds, and by {@link catchUp} |
 * | `reading` | reads what has changed, and gives it to the channels | `pausing` |
 * | `pausing` | commits gather, and other work has the event loop | `resting`, which `catchUp` brings about at once |
 *
 * When the last watcher has left, it goes from each mode to `idle`: from `reading` after the reading.
 */
export class StoreWatch {
  readonly #store: TaskStore;
  readonly #work: WatchWork;
  readonly #aliveMs: number;
  readonly #gauge: WatcherGauge | undefined;
  #watchers = 0;
  /** From the first watcher to the last; `undefined` while it is idle. */
  #session: Session | undefined;
  /** Resolves when no session runs any more. */
  #ended: Promise<void> = Promise.resolve();

  constructor(store: TaskStore, work: WatchWork, { aliveMs, gauge }: { aliveMs: number; gauge: WatcherGauge | undefined }) {
    this.#store = store;
    this.#work = work;
    this.#aliveMs = aliveMs;
    this.#gauge = gauge;
  }

  /** Whether a stream of the app is open, or a request waits for a task. */
  get isFollowed(): boolean {
    return this.#watchers > 0;
  }

  /** Adds a watcher; gives a function that removes it, to be called once or more. Rejects where the store fails. */
  async enter(): Promise<() => void> {
    this.#watchers++;
    this.#gauge?.inc();
    let isInside = true;
    const leave = (): void => {
      if (!isInside) return;
      isInside = false;
      this.#gauge?.dec();
      if (--this.#watchers === 0) this.#endSession();
    };
    try {
      await (this.#session ??= this.#beginSession()).opened;
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Reads what has been committed so far, for a watcher that has seen more than this server. Rejects where the store fails. */
  async catchUp(): Promise<void> {
    await this.#session?.nextReading();
  }

  #beginSession(): Session {
    const session = new Session();
    const opening = this.#ended.then(() => this.#open(session));
    session.opened = opening;
    this.#ended = opening.then(() => this.#run(session)).catch(() => {
      // `enter` rejects for the watchers that wait for the opening. The next watcher opens the store again.
      if (this.#session === session) this.#endSession();
    });
    return session;
  }

  #endSession(): void {
    this.#session?.end();
    this.#session = undefined;
  }

  async #open(session: Session): Promise<void> {
    if (session.isOver) return;
    // The listener comes first, then the position: a commit in between is sent twice rather than never.
    session.onEnd(this.#store.watch(() => session.need('changes')));
    this.#work.begin((await this.#store.changes({ limit: 1 })).position);
    if (session.isOver) return;
    const alive = repeat(this.#aliveMs, () => this.#work.keepAlive().then(() => this.#aliveMs));
    const again = repeat(REFRESH_MS, async () => {
      session.need('again');
      return REFRESH_MS;
    });
    for (const repeated of [alive, again]) session.onEnd(() => void repeated.stop());
  }

  async #run(session: Session): Promise<void> {
    while (!session.isOver) {
      session.enter('resting');
      await session.needed;
      // What else is committed in this turn is read with it.
      await turn();
      if (!session.enter('reading')) return;
      const begun = performance.now();
      const isDone = await this.#read(session);
      // In the next turn the messages of this one are written to their connections.
      await turn();
      if (!session.enter('pausing')) return;
      // Sending to thousands of clients takes long: the event loop is then free for other work for the same time.
      await session.pause(isDone ? Math.max(PACE_MS, performance.now() - begun) : RETRY_MS);
    }
  }

  /** Whether all could be read. */
  async #read(session: Session): Promise<boolean> {
    const { due, read } = session.take();
    try {
      const isDone = !due.has('changes') || (await this.#work.readChanges());
      if (!isDone) session.need('changes');
      if (due.has('again')) await this.#work.readAgain();
      read.resolve();
      return isDone;
    } catch (error) {
      reportStoreFailure(error);
      for (const each of due) session.need(each);
      read.reject(error);
      return false;
    }
  }
}

type Mode = 'opening' | 'resting' | 'reading' | 'pausing' | 'over';

/** What a {@link StoreWatch} has from its first watcher to its last. */
class Session {
  /** Set when it begins. */
  opened: Promise<void> = Promise.resolve();
  #mode: Mode = 'opening';
  #due = new Set<Due>();
  #needed: PromiseWithResolvers<void> = Promise.withResolvers();
  #next: PromiseWithResolvers<void> = nextReading();
  #pausing: AbortController | undefined;
  readonly #ends: (() => void)[] = [];

  get isOver(): boolean {
    return this.#mode === 'over';
  }

  /** Resolves when there is something to read, and at the end. */
  get needed(): Promise<void> {
    return this.#needed.promise;
  }

  /** Goes to a mode, unless it has ended. Returns whether it did. */
  enter(mode: Mode): boolean {
    if (this.isOver) return false;
    this.#mode = mode;
    return true;
  }

  need(due: Due): void {
    this.#due.add(due);
    this.#needed.resolve();
  }

  /** Settles with the next reading that begins, which is at once unless one is under way. */
  nextReading(): Promise<void> {
    this.need('changes');
    this.#pausing?.abort();
    return this.#next.promise;
  }

  /** What is to be read now, and what settles with that reading. */
  take(): { due: ReadonlySet<Due>; read: PromiseWithResolvers<void> } {
    const taken = { due: this.#due, read: this.#next };
    this.#due = new Set();
    this.#needed = Promise.withResolvers();
    this.#next = nextReading();
    return taken;
  }

  async pause(ms: number): Promise<void> {
    this.#pausing = new AbortController();
    await pause(ms, { signal: this.#pausing.signal, ref: false });
    this.#pausing = undefined;
  }

  /** To be called at the end; at once where that has come. */
  onEnd(call: () => void): void {
    if (this.isOver) call();
    else this.#ends.push(call);
  }

  end(): void {
    this.#mode = 'over';
    for (const call of this.#ends.splice(0)) call();
    this.#pausing?.abort();
    this.#needed.resolve();
    this.#next.resolve();
  }
}

/** Its failure is no unhandled rejection where no caller waits for it, as mostly. */
function nextReading(): PromiseWithResolvers<void> {
  const reading = Promise.withResolvers<void>();
  reading.promise.catch(() => undefined);
  return reading;
}

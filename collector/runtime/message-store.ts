import { STORE_METHODS, TaskStoreError } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { PendingCalls } from './messages.ts';
import type { Answer, FromThread, ToThread } from './messages.ts';

/** The store of the collector's thread, as the task's thread asks it by messages: so a process has one connection. */
export interface MessageStore {
  readonly store: TaskStore;
  answered(answer: Answer): void;
  /** The store has something new. */
  committed(): void;
  /** Another thread is asked from now on. */
  restarted(): void;
  /** The thread has ended: what it was asked is answered with this error. */
  ended(error: Error): void;
}

/** Options of {@link messageStore}. */
interface MessageStoreOptions {
  /** Posts a message, or throws why there is no thread that it could be posted to. */
  post: (message: ToThread) => void;
  /** Called before the first of some calls, and after the last of them: meanwhile the process must not end. */
  onPending: (isPending: boolean) => void;
}

export function messageStore({ post, onPending }: MessageStoreOptions): MessageStore {
  const calls = new PendingCalls(post);
  const listeners = new Set<() => void>();
  let isClosed = false;

  const ask = async (method: string, args: readonly unknown[]): Promise<unknown> => {
    if (isClosed) throw new TaskStoreError('UNAVAILABLE', 'the store is closed');
    const answer = calls.call(method, args);
    if (calls.size === 1) onPending(true);
    try {
      return await answer;
    } finally {
      if (calls.size === 0) onPending(false);
    }
  };

  /** Listeners are kept for the next thread where there is none. */
  const watchNext = (isWatched: boolean): void => {
    try {
      post({ type: 'watch', isWatched });
    } catch {
      // There is no thread just now: `restarted` comes with the next.
    }
  };

  const watch = (listener: () => void): (() => void) => {
    // Each call has its own entry, though the function may be the same.
    const entry = (): void => listener();
    listeners.add(entry);
    if (listeners.size === 1) watchNext(true);
    return () => {
      if (listeners.delete(entry) && listeners.size === 0) watchNext(false);
    };
  };

  const committed = (): void => {
    if (listeners.size === 0) return;
    watchNext(true);
    for (const listener of listeners) listener();
  };

  return {
    store: {
      ...(Object.fromEntries(STORE_METHODS.map((method) => [method, (...args: unknown[]) => ask(method, args)])) as unknown as TaskStore),
      watch,
      // The thread's store stays open: the collector needs it.
      async close() {
        isClosed = true;
        listeners.clear();
      },
    },
    answered: (answer) => calls.answered(answer),
    committed,
    restarted: committed,
    ended: (error) => calls.rejectAll(error),
  };
}

/** The thread's side of {@link TaskStore.watch}: one message until the other side wants the next, so that none pile up. */
export class WatchedCommits {
  readonly #store: TaskStore;
  readonly #post: (message: FromThread) => void;
  #unwatch: (() => void) | undefined;
  /** Whether the other side waits for a message. */
  #isAwaited = false;
  #hasNews = false;

  constructor(store: TaskStore, post: (message: FromThread) => void) {
    this.#store = store;
    this.#post = post;
  }

  watch(isWatched: boolean): void {
    if (!isWatched) {
      this.#unwatch?.();
      this.#unwatch = undefined;
      this.#hasNews = false;
      return;
    }
    if (this.#unwatch === undefined) {
      this.#unwatch = this.#store.watch(() => this.#committed());
      // The thread may have committed between the call and this message.
      this.#hasNews = true;
    }
    this.#isAwaited = true;
    if (this.#hasNews) this.#committed();
  }

  #committed(): void {
    this.#hasNews = !this.#isAwaited;
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#post({ type: 'committed' });
  }
}

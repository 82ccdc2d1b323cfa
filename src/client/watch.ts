/** How a watch and its server stand to each other. */
export interface Connection {
  /**
   * `connecting` until the first answer; `live`; `interrupted` while the server is unreachable, and what is known may be
   * old. The others are final: `ended` as the task has, `failed` as the server has refused, `closed` by the caller.
   */
  readonly connection: 'connecting' | 'live' | 'interrupted' | 'ended' | 'failed' | 'closed';
  /** When the next attempt follows, in milliseconds since the epoch; `undefined` where none waits. */
  readonly retryAt?: number | undefined;
  /** Why it is `interrupted` or `failed`. */
  readonly error?: WatchError | undefined;
}

export interface WatchError {
  /** Status of the HTTP answer; 0 where none came. */
  readonly status: number;
  /** What the server says, or else what has failed, for a person. */
  readonly detail: string;
}

/**
 * What a server has, followed. A snapshot never changes, and stays the same object as long as nothing has changed.
 *
 * As an async iterable it gives the latest snapshot when the caller asks for the next one, and ends after the final one.
 * To leave the loop closes the watch, unless others follow it.
 */
export interface Watch<Snapshot> extends AsyncIterable<Snapshot> {
  /** Calls the listener after each change; returns what ends that. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => Snapshot;
  /** Ends the connection and all retries. */
  readonly close: () => void;
}

/** A watch whose snapshots are set by its maker. */
export interface SetWatch<Snapshot> extends Watch<Snapshot> {
  /** Gives a snapshot to all who follow, unless the present one is final. */
  readonly set: (next: Snapshot) => void;
  /** Whether the present snapshot is final. */
  readonly isOver: () => boolean;
}

/** @param onOver Called with the final snapshot. */
export function setWatch<Snapshot extends Connection>(first: Snapshot, onOver: () => void): SetWatch<Snapshot> {
  const listeners = new Set<() => void>();
  let snapshot = first;

  const isOver = (): boolean => ['ended', 'failed', 'closed'].includes(snapshot.connection);
  const set = (next: Snapshot): void => {
    if (next === snapshot || isOver()) return;
    snapshot = next;
    if (isOver()) onOver();
    for (const listener of new Set(listeners)) {
      try {
        listener();
      } catch (error) {
        // It is reported as any error of the caller's code, and stops nothing.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
  const subscribe = (listener: () => void): (() => void) => {
    // The same function may subscribe twice.
    const own = (): void => listener();
    listeners.add(own);
    return () => void listeners.delete(own);
  };
  const close = (): void => set({ ...snapshot, connection: 'closed', retryAt: undefined });

  return {
    set,
    isOver,
    subscribe,
    close,
    getSnapshot: () => snapshot,
    async *[Symbol.asyncIterator]() {
      let given = first;
      let changed: (() => void) | undefined;
      const unsubscribe = subscribe(() => changed?.());
      try {
        while (snapshot.connection !== 'closed') {
          if (snapshot !== given) yield (given = snapshot);
          else if (isOver()) return;
          else await new Promise<void>((resolve) => (changed = resolve));
        }
      } finally {
        unsubscribe();
        if (listeners.size === 0) close();
      }
    },
  };
}

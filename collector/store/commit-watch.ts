import { clearInterval, setInterval } from '../../src/timers.ts';
/** How often it is looked for commits of other processes while somebody wants to know, in milliseconds. */
const POLL_MS = 50;

/** What {@link CommitWatch} asks the database. */
export interface CommitWatchOptions {
  /** A number that is another one after each commit of somebody else; not needed where there is nobody else. */
  othersVersion?: () => number;
}

/** Tells listeners of commits: of this store's own at once, of others' by looking, as long as there is a listener. */
export class CommitWatch {
  readonly #othersVersion: (() => number) | undefined;
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #seen: number | undefined;

  constructor({ othersVersion }: CommitWatchOptions = {}) {
    this.#othersVersion = othersVersion;
  }

  /** Adds a listener; gives what takes it away again. It holds no process. */
  add(listener: () => void): () => void {
    // A listener of its own for each call, though the function may be one.
    const own = (): void => listener();
    this.#listeners.add(own);
    if (this.#othersVersion !== undefined && this.#timer === undefined) {
      this.#seen = this.#version();
      this.#timer = setInterval(() => this.#look(), POLL_MS);
      this.#timer.unref();
    }
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  /** To be called after each commit of the store itself. */
  committed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const version = this.#version();
    if (version === undefined || version === this.#seen) return;
    this.#seen = version;
    this.committed();
  }

  /** `undefined` where it can't be had just now: it is looked again soon, and whoever reads will be told why. */
  #version(): number | undefined {
    try {
      return this.#othersVersion?.();
    } catch {
      return undefined;
    }
  }
}

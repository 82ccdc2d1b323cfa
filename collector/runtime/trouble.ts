import { describeFailure } from '../../src/failure.ts';

/** What a {@link Trouble} says; both in the words that follow `taskspan: `. */
export interface TroubleOptions {
  /** What does not work. Why is added. */
  readonly begins: string;
  /** What works again. */
  readonly ends: string;
  /** Told of each, in one line. */
  readonly report: (message: string) => void;
}

/** A trouble with so many causes says no more until it is over. */
const MOST_CAUSES = 20;

/** Something that is tried until it works: while it does not each cause is told once, and once that it works again. */
export class Trouble {
  readonly #options: TroubleOptions;
  readonly #told = new Set<string>();

  constructor(options: TroubleOptions) {
    this.#options = options;
  }

  /** Whether it was told and is not over. */
  get isOn(): boolean {
    return this.#told.size > 0;
  }

  /** A try has failed. */
  failed(error: unknown): void {
    const { message, name } = describeFailure(error);
    const cause = message || name;
    if (this.#told.has(cause) || this.#told.size >= MOST_CAUSES) return;
    this.#told.add(cause);
    this.#options.report(`${this.#options.begins}: ${cause}`);
  }

  /** A try has succeeded. */
  over(): void {
    if (!this.isOn) return;
    this.#told.clear();
    this.#options.report(this.#options.ends);
  }
}

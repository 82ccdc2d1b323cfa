/** The process that runs tasks, as its task spans name it. */
export interface Worker {
  /** Identity of this process's life, a UUID. */
  readonly id: string;
  /** Milliseconds between two signs of life; 0 while nobody gives them. */
  intervalMs: number;
}

/** This process. Whoever beats for it sets {@link Worker.intervalMs}. */
export const worker: Worker = { id: globalThis.crypto.randomUUID(), intervalMs: 0 };

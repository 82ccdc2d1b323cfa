import { Worker } from 'node:worker_threads';
import { reportOnce } from '../../../src/report.ts';
import { clearTimeout, setTimeout } from '../../timers.ts';
import { MalformedError } from './otlp-items.ts';
import type { ReceivedHeartbeat } from './otlp-items.ts';
import { readerProgram } from './reader-program.ts';
import { heartbeatsOf, readItems, slicesOf } from './readers.ts';
import type { Encoding, PostedHeartbeats, ReadSignal, Slice } from './readers.ts';

/** A body to read, or the question for the next slice of it. */
export type ToReader = BodyToRead | 'next';

/** A long body. */
export interface BodyToRead {
  readonly signal: ReadSignal;
  readonly encoding: Encoding;
  readonly body: Uint8Array;
}

/** What a body has beside facts. */
export interface RestOfBody {
  readonly rejected: number;
  readonly message: string;
  readonly heartbeats: ReadonlyMap<string, ReceivedHeartbeat>;
}

export type FromReader =
  | { readonly type: 'ready' }
  | ({ readonly type: 'slice' } & Slice)
  | ({ readonly type: 'end'; readonly heartbeats: PostedHeartbeats } & Omit<RestOfBody, 'heartbeats'>)
  | { readonly type: 'malformed'; readonly message: string };

/** Thrown for a body whose contents take more memory than the thread has. */
export class TooMuchMemoryError extends Error {
  override readonly name = 'TooMuchMemoryError';
}

/** How long the thread waits for the next long body before it ends. */
const IDLE_MS = 10_000;
/** What JSON of 64 MiB takes, and more; a body that takes more ends the thread and not the process. */
const HEAP_MB = 1024;

/**
 * Reads long bodies in a thread of its own, so that no turn of the event loop takes long: it gives their facts in slices,
 * one when the one before is stored. The thread is started for the first long body, and ends when none comes.
 *
 * Where no thread can be started, long bodies are read here, which is reported once.
 */
export class ReaderThread {
  #worker: Worker | undefined;
  #noThread: unknown;
  /** Resolves when the body before has been read. */
  #before: Promise<unknown> = Promise.resolve();
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** Waits for the thread's next message. */
  #waiting: PromiseWithResolvers<FromReader> | undefined;

  /**
   * Reads a body, after those that came before it. Rejects with a `MalformedError` for one that is no such request, and
   * with what `store` rejects with.
   *
   * @param store Stores one slice after the other.
   */
  read(body: BodyToRead, store: (slice: Slice) => Promise<void>): Promise<RestOfBody> {
    const reading = this.#before.then(() => this.#read(body, store));
    this.#before = reading.catch(() => {});
    return reading;
  }

  async #read(body: BodyToRead, store: (slice: Slice) => Promise<void>): Promise<RestOfBody> {
    clearTimeout(this.#idle);
    if (!(await this.#start())) return readHere(body, store);
    this.#worker?.ref();
    try {
      for (let message = await this.#ask(body); ; message = await this.#ask('next')) {
        if (message.type === 'end') return { ...message, heartbeats: heartbeatsOf(message.heartbeats) };
        if (message.type === 'slice') await store(message);
        if (message.type === 'malformed') throw new MalformedError(message.message);
      }
    } finally {
      this.#worker?.unref();
      this.#idle = setTimeout(() => void this.#worker?.terminate(), IDLE_MS);
      this.#idle.unref();
    }
  }

  /** Whether there is a thread. */
  async #start(): Promise<boolean> {
    if (this.#worker !== undefined) return true;
    if (this.#noThread !== undefined) return false;
    try {
      const worker = new Worker(readerProgram, {
        eval: typeof readerProgram === 'string',
        name: 'taskspan-reader',
        // Deno takes no flags here, and warns of no experiments.
        execArgv: 'deno' in process.versions ? [] : ['--disable-warning=ExperimentalWarning'],
        // Without NODE_OPTIONS: a telemetry preload has no business here.
        env: { ...process.env, NODE_OPTIONS: '' },
        resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
      });
      const ready = this.#next();
      worker.on('message', (message: FromReader) => this.#waiting?.resolve(message));
      worker.on('error', (error: NodeJS.ErrnoException) => {
        this.#waiting?.reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? new TooMuchMemoryError('the body takes too much memory to be read') : error);
      });
      worker.on('exit', (code) => {
        if (this.#worker === worker) this.#worker = undefined;
        this.#waiting?.reject(new Error(`the thread that reads long bodies has ended with code ${code}`));
      });
      await ready;
      this.#worker = worker;
      return true;
    } catch (error) {
      this.#noThread = error;
      reportOnce('reader thread', 'no thread can be started for long bodies: one of more than 1 MiB holds up everything else while it is read', error);
      return false;
    }
  }

  #ask(message: ToReader): Promise<FromReader> {
    const port = this.#worker;
    if (port === undefined) return Promise.reject(new Error('the thread that reads long bodies has ended'));
    const next = this.#next();
    port.postMessage(message);
    return next;
  }

  #next(): Promise<FromReader> {
    this.#waiting = Promise.withResolvers<FromReader>();
    return this.#waiting.promise;
  }
}

async function readHere({ signal, encoding, body }: BodyToRead, store: (slice: Slice) => Promise<void>): Promise<RestOfBody> {
  const received = readItems(signal, encoding, Buffer.from(body.buffer, body.byteOffset, body.length));
  for (const slice of slicesOf(received.facts)) await store(slice);
  return received;
}

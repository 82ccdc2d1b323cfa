import type { Context } from 'hono';
import { checkKeys } from '../../../src/arguments.ts';
import { received } from '../../../src/failure.ts';
import type { CommitObserver } from '../../store/committer.ts';
import { isTaskStore } from '../../store/task-store.ts';
import type { TaskStore } from '../../store/task-store.ts';

/** How much a receiver takes at a time. */
export interface ReceiverLimits {
  /**
   * The longest body, in bytes after decompression, from 1024. A longer one is answered with 413,
   * and its sender does not try again. Default 20 MiB, as the OpenTelemetry Collector has it.
   */
  maxBodyBytes?: number;
  /**
   * How many bytes of bodies may wait for the store at a time, at least as many as one body. Who comes
   * when they do is answered with 429, and tries again. Default 64 MiB.
   */
  maxWaitingBytes?: number;
}

export interface ReceiverOptions extends ReceiverLimits {
  /** Where the tasks go. It stays the caller's: the receiver never closes it. */
  store: TaskStore;
  /**
   * The answer to a request that may not be made, as `application/problem+json`; `undefined` to one that may.
   * A request of a web page, which `Origin` tells, never may. Default: all others may.
   */
  refusal?: (c: Context) => Response | undefined;
  /** Counts what comes. Default: nobody does. */
  observer?: ReceiverObserver;
}

/** Counts what a receiver does, and the commits that it makes. */
export interface ReceiverObserver extends CommitObserver {
  /** A request has been answered. */
  answered(signal: 'traces' | 'logs', status: number): void;
  /** So many spans or log records of a request can't be taken. */
  rejected(items: number): void;
}

const OPTIONS = ['store', 'refusal', 'observer', 'maxBodyBytes', 'maxWaitingBytes'] satisfies (keyof ReceiverOptions)[];

const DEFAULT_BODY_BYTES = 20 * 1024 * 1024;
const DEFAULT_WAITING_BYTES = 64 * 1024 * 1024;
const LEAST_BODY_BYTES = 1024;

/** Throws a `TypeError` or `RangeError` that names the option, what was expected and what came. */
export function resolveReceiver(options: ReceiverOptions): ReceiverOptions & Required<ReceiverLimits> {
  checkKeys('createReceiver', options, OPTIONS);
  if (!isTaskStore(options.store)) throw new TypeError(`createReceiver: expected a store, got ${received(options.store)}`);
  return { ...options, ...resolveLimits(options) };
}

/** The limits, each one checked, and the defaults for the rest. */
export function resolveLimits({ maxBodyBytes = DEFAULT_BODY_BYTES, maxWaitingBytes }: ReceiverLimits): Required<ReceiverLimits> {
  checkBytes('maxBodyBytes', maxBodyBytes, LEAST_BODY_BYTES);
  const waiting = maxWaitingBytes ?? Math.max(DEFAULT_WAITING_BYTES, maxBodyBytes);
  checkBytes('maxWaitingBytes', waiting, maxBodyBytes);
  return { maxBodyBytes, maxWaitingBytes: waiting };
}

function checkBytes(name: string, bytes: unknown, least: number): void {
  if (Number.isSafeInteger(bytes) && (bytes as number) >= least) return;
  throw new RangeError(`${name}: expected a whole number of at least ${least} bytes, got ${received(bytes)}`);
}

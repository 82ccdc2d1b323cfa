import type { Context } from 'hono';
import { checkKeys } from '../../../src/arguments.ts';
import { received } from '../../../src/failure.ts';
import { groupValues, memberName, valueSource } from '../../options/read.ts';
import type { OptionContext } from '../../options/read.ts';
import type { CommitObserver } from '../../store/committer.ts';
import { isTaskStore } from '../../store/task-store.ts';
import type { TaskStore } from '../../store/task-store.ts';

/** How much a receiver keeps in memory. */
export interface ReceiverLimits {
  /**
   * The longest body in bytes, after decompression, from 1024. A longer one is answered with 413,
   * and its sender does not retry. Default 20 MiB, as in the OpenTelemetry Collector.
   */
  maxBodyBytes?: number;
  /**
   * How many bytes of bodies may wait for the store at a time, at least as many as one body. A request
   * beyond them is answered with 429, and its sender retries. Default 64 MiB.
   */
  maxWaitingBytes?: number;
}

export interface ReceiverOptions extends ReceiverLimits {
  /** Where tasks are stored. The receiver never closes it. */
  store: TaskStore;
  /**
   * Gives the answer to a request that is not allowed, as `application/problem+json`; `undefined` for one that is
   * allowed. A request of a web page, which has `Origin`, is never allowed. Default: all others are.
   */
  refusal?: (c: Context) => Response | undefined;
  /** Counts requests, items and commits. Default: they are not counted. */
  observer?: ReceiverObserver;
}

/** Counts the requests of a receiver, and its commits. */
export interface ReceiverObserver extends CommitObserver {
  /** A request has been answered. */
  answered(signal: 'traces' | 'logs', status: number): void;
  /** So many spans or log records of a request have been rejected. */
  rejected(items: number): void;
}

const OPTIONS = ['store', 'refusal', 'observer', 'maxBodyBytes', 'maxWaitingBytes'] satisfies (keyof ReceiverOptions)[];

/** Checks the options. Throws a `TypeError` or `RangeError` that names the option, the expected and the received value. */
export function resolveReceiver(options: ReceiverOptions): ReceiverOptions & Required<ReceiverLimits> {
  checkKeys('createReceiver', options, OPTIONS);
  if (!isTaskStore(options.store)) throw new TypeError(`createReceiver: expected a store, got ${received(options.store)}`);
  const { maxBodyBytes, maxWaitingBytes } = options;
  return { ...options, ...resolveLimits({ maxBodyBytes, maxWaitingBytes }, { as: '' }) };
}

/**
 * The limits with their defaults. Throws a `TypeError` or `RangeError` that names the option or the variable.
 *
 * @param given The group `serve.receive`.
 */
export function resolveLimits(given: object, context: OptionContext = {}): Required<ReceiverLimits> {
  const limits = groupValues('serve.receive', given, context);
  const { maxBodyBytes, maxWaitingBytes } = limits;
  if (maxWaitingBytes >= maxBodyBytes) return limits;
  const { as = 'serve.receive' } = context;
  const waiting = (given as ReceiverLimits).maxWaitingBytes;
  const source = valueSource('serve.receive.maxWaitingBytes', waiting, { ...context, as: memberName(as, 'maxWaitingBytes') });
  if (source === undefined) return { maxBodyBytes, maxWaitingBytes: maxBodyBytes };
  throw new RangeError(`${source}: expected a whole number of at least ${maxBodyBytes}, got ${maxWaitingBytes}`);
}

import type { MessagePort } from 'node:worker_threads';
import { describeFailure } from '../../src/failure.ts';
import { CONTROL } from '../capture/segment.ts';
import type { HeartbeatSettings } from '../store/heartbeat.ts';
import { TaskStoreError } from '../store/task-store.ts';
import type { Cancellation, TaskStoreErrorCode } from '../store/task-store.ts';
import type { CollectorOptions, CollectorReady } from './collector.ts';
import type { FactLocation } from './fact-destination.ts';

/** The messages between the task's thread and the collector's: what they are, and calls that are answered. */

/** What the thread is started with. */
export interface ThreadData extends Pick<CollectorOptions, 'serve' | 'upkeep' | 'workerId'> {
  control: Int32Array;
  segments: SharedSegment[];
  location: FactLocation;
  heartbeat: HeartbeatSettings | undefined;
  /** Whether the task's thread sends the traces of lost tasks. */
  sendsLostTraces: boolean;
  /**
   * Takes {@link Cancellation}s for the task's thread, which can receive them without a turn of its event loop. Each is
   * counted in the ring's shared memory, after it was posted.
   */
  cancelPort: MessagePort;
}

export interface SharedSegment {
  id: number;
  memory: SharedArrayBuffer;
}

export type ToThread =
  | { type: 'segment'; segment: SharedSegment }
  | { type: 'freed'; id: number }
  /** A request to report the next commit, or to stop reporting. */
  | { type: 'watch'; isWatched: boolean }
  /** A method of the store. */
  | Call
  | Answer
  /** Task code has received the request to cancel of this number. */
  | { type: 'heard'; number: number }
  | { type: 'close' };

export type FromThread =
  | ({ type: 'ready' } & CollectorReady)
  /** The store was replaced by one that knows nothing of what is open. */
  | { type: 'replaced' }
  /** The store has something new. */
  | { type: 'committed' }
  /** A line to report. */
  | { type: 'report'; message: string }
  /** Traces of lost tasks to send. */
  | Call
  | Answer;

interface Call {
  type: 'call';
  id: number;
  method: string;
  args: readonly unknown[];
}

export type Answer = { type: 'answer'; id: number } & ({ value: unknown } | { failure: Failure });

/** An error, as far as it can be posted: a copy that the port makes would have no `code`. */
interface Failure {
  name: string;
  message: string;
  code: string | number | undefined;
}

/** Passes a request to cancel to the task's thread, which may block its event loop. */
export function postCancellation(port: MessagePort, control: Int32Array, cancellation: Cancellation): void {
  port.postMessage(cancellation);
  Atomics.add(control, CONTROL.cancellations, 1);
}

/** Calls of methods in another thread, which wait for their answers. */
export class PendingCalls {
  readonly #post: (call: Call) => void;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  /** @param post Posts a call, or throws why that is not possible. */
  constructor(post: (call: Call) => void) {
    this.#post = post;
  }

  get size(): number {
    return this.#pending.size;
  }

  call(method: string, args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, answer);
    try {
      this.#post({ type: 'call', id, method, args });
    } catch (error) {
      this.#pending.delete(id);
      answer.reject(error);
    }
    return answer.promise;
  }

  answered(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('failure' in answer) pending?.reject(errorOf(answer.failure));
    else pending?.resolve(answer.value);
  }

  /** No answer will come any more. */
  rejectAll(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** Makes the call and gives its answer. Never rejects. */
export async function answerTo({ id, method, args }: Call, target: object): Promise<Answer> {
  try {
    const call = (target as Readonly<Record<string, (...given: readonly unknown[]) => unknown>>)[method]!;
    return { type: 'answer', id, value: await call.apply(target, [...args]) };
  } catch (error) {
    const { name, message } = describeFailure(error);
    const { code } = (error ?? {}) as { code?: unknown };
    return { type: 'answer', id, failure: { name, message, code: typeof code === 'string' || typeof code === 'number' ? code : undefined } };
  }
}

function errorOf({ name, message, code }: Failure): Error {
  if (name === 'TaskStoreError') return new TaskStoreError(code as TaskStoreErrorCode, message);
  const error = name === 'RangeError' ? new RangeError(message) : name === 'TypeError' ? new TypeError(message) : new Error(message);
  return code === undefined ? error : Object.assign(error, { code });
}

import { isCount } from './arguments.ts';
import { received } from './failure.ts';

/** Called before each item is taken, with how many are done of how many. An error that it throws ends the iteration. */
type Step = (done: number, total: number | undefined) => void;

/** Counts the items of an iterable while they are taken: an item is done when the next one is requested. */
export function countEach<T>(
  items: Iterable<T> | AsyncIterable<T>,
  given: number | undefined,
  step: Step,
): IterableIterator<T> | AsyncIterableIterator<T> {
  if (isIterable(items)) return countSync(items, given ?? sizeOf(items), step);
  if (isAsyncIterable(items)) return countAsync(items, given ?? sizeOf(items), step);
  throw new TypeError(`each: expected an iterable or an async iterable, got ${received(items)}`);
}

function* countSync<T>(items: Iterable<T>, total: number | undefined, step: Step): Generator<T, undefined> {
  let done = 0;
  step(done, total);
  for (const item of items) {
    yield item;
    step(++done, total);
  }
}

/**
 * Counts asynchronous items. It is no async generator, which would cost each item three turns of the microtask queue.
 */
function countAsync<T>(items: AsyncIterable<T>, total: number | undefined, step: Step): AsyncIterableIterator<T> {
  const inner = items[Symbol.asyncIterator]();
  let taken = 0;
  let reported = -1;
  let isOver = false;
  const receive = (result: IteratorResult<T>): void => {
    if (!result.done) taken++;
    // Where several loops share the iterator, another loop may still process the last item.
    else if (reported === taken) isOver = true;
  };
  // `for await` closes an iterator when the loop's body throws, but not when the iterator itself throws.
  const stopped = async (reason: unknown): Promise<never> => {
    isOver = true;
    try {
      await inner.return?.();
    } catch {
      // As in a loop: the reason that stopped it counts, not what its closing throws.
    }
    throw reason;
  };
  const counted: AsyncIterableIterator<T> = {
    next() {
      try {
        // The items taken count, not the requests: a caller may request several at once, and after the end.
        if (!isOver) step((reported = taken), total);
      } catch (reason) {
        return stopped(reason);
      }
      const result = Promise.resolve(inner.next());
      // Not in the caller's promise: so the caller waits no longer, and gets an error itself.
      result.then(receive, ignore);
      return result;
    },
    return(value?: unknown) {
      isOver = true;
      return inner.return?.(value) ?? Promise.resolve({ done: true, value: undefined as never });
    },
    throw(error?: unknown) {
      isOver = true;
      return inner.throw?.(error) ?? Promise.reject(error);
    },
    [Symbol.asyncIterator]: () => counted,
  };
  return counted;
}

function ignore(): void {
  // The caller has the same promise, and handles the error.
}

/** The number of items, if it is known. A string's length counts UTF-16 units, not the characters that it iterates. */
function sizeOf(items: object | string): number | undefined {
  if (typeof items === 'string') return undefined;
  try {
    const { length, size } = items as { length?: unknown; size?: unknown };
    return [length, size].find(isCount);
  } catch {
    return undefined;
  }
}

function isIterable<T>(items: Iterable<T> | AsyncIterable<T>): items is Iterable<T> {
  return typeof (items as Partial<Iterable<T>> | null)?.[Symbol.iterator] === 'function';
}

function isAsyncIterable<T>(items: Iterable<T> | AsyncIterable<T>): items is AsyncIterable<T> {
  return typeof (items as Partial<AsyncIterable<T>> | null)?.[Symbol.asyncIterator] === 'function';
}

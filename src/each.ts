import { isCount } from './arguments.ts';
import { received } from './failure.ts';

/** Told before each item is asked for how many are done, of how many. What it throws ends the iteration. */
type Step = (done: number, total: number | undefined) => void;

/** Counts the items of an iterable as they are taken: an item is done when the next is asked for. */
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

/** Not an async generator: that would cost each item three turns of the microtask queue. */
function countAsync<T>(items: AsyncIterable<T>, total: number | undefined, step: Step): AsyncIterableIterator<T> {
  const inner = items[Symbol.asyncIterator]();
  let given = 0;
  let told = -1;
  let over = false;
  const receive = (result: IteratorResult<T>): void => {
    if (!result.done) given++;
    // Whoever shares the iterator may still have the last item in hand.
    else if (told === given) over = true;
  };
  // `for await` closes an iterator whose body throws, not one that throws itself.
  const stopped = async (reason: unknown): Promise<never> => {
    over = true;
    try {
      await inner.return?.();
    } catch {
      // As in a loop: what stopped it rules over what its closing throws.
    }
    throw reason;
  };
  const counted: AsyncIterableIterator<T> = {
    next() {
      try {
        // What has been given, not what has been asked for: several may ask at once, and after the end.
        if (!over) step((told = given), total);
      } catch (reason) {
        return stopped(reason);
      }
      const result = Promise.resolve(inner.next());
      // Beside it: whoever waits for the item waits no longer, and hears of an error.
      result.then(receive, ignore);
      return result;
    },
    return(value?: unknown) {
      over = true;
      return inner.return?.(value) ?? Promise.resolve({ done: true, value: undefined as never });
    },
    throw(error?: unknown) {
      over = true;
      return inner.throw?.(error) ?? Promise.reject(error);
    },
    [Symbol.asyncIterator]: () => counted,
  };
  return counted;
}

function ignore(): void {
  // Whoever asked has the same promise.
}

/** A length of UTF-16 units would not count the characters that a string iterates. */
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

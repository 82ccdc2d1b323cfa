import { received } from './failure.ts';
import type { EachOptions } from './scope.ts';

/** Told after each item how many are done, of how many. */
type Step = (done: number, total: number | undefined) => void;

/** Counts the items of an iterable as they are taken: an item is done when the next is asked for. */
export function countEach<T>(
  items: Iterable<T> | AsyncIterable<T>,
  options: EachOptions | undefined,
  step: Step,
): IterableIterator<T> | AsyncIterableIterator<T> {
  const total = options?.total ?? sizeOf(items);
  if (isIterable(items)) return countSync(items, total, step);
  if (isAsyncIterable(items)) return countAsync(items, total, step);
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
  let done = -1;
  let over = false;
  const counted: AsyncIterableIterator<T> = {
    next() {
      if (!over) step(++done, total);
      const result = inner.next();
      // The step for the last item is counted by the call that finds the end: nothing to undo here.
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

function sizeOf(items: unknown): number | undefined {
  if (typeof items === 'string') return undefined;
  const { length, size } = items as { length?: unknown; size?: unknown };
  if (typeof length === 'number') return length;
  return typeof size === 'number' ? size : undefined;
}

function isIterable<T>(items: Iterable<T> | AsyncIterable<T>): items is Iterable<T> {
  return typeof (items as Partial<Iterable<T>> | null)?.[Symbol.iterator] === 'function';
}

function isAsyncIterable<T>(items: Iterable<T> | AsyncIterable<T>): items is AsyncIterable<T> {
  return typeof (items as Partial<AsyncIterable<T>> | null)?.[Symbol.asyncIterator] === 'function';
}

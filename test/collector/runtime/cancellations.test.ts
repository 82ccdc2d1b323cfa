import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { watchCancellations } from '../../../collector/runtime/duties.ts';
import type { Cancellation } from '../../../collector/store/task-store.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

const BEGUN = 'requests to cancel tasks can not be read: away';
const ENDED = 'requests to cancel tasks are read again';

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

function watching(cancellations: () => Promise<Cancellation[]>): { stop: () => void; told: string[] } {
  const told: string[] = [];
  const watch = watchCancellations({
    store: { cancellations }, workerId: 'w', hasLiveWork: () => true, cancel: () => undefined, report: (message) => told.push(message),
  });
  watch.wake();
  return { stop: () => watch.stop(), told };
}

test('a store that can not be asked for requests to cancel is reported once, and so is the end of the outage', async () => {
  let isAway = true;
  const { told, stop } = watching(() => (isAway ? Promise.reject(new Error('away')) : Promise.resolve([])));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told).toEqual([BEGUN]);
  isAway = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told).toEqual([BEGUN, ENDED]);
  stop();
});

test('a watch that stops while the store is unreachable reports no end of the outage', async () => {
  let answer: ((none: []) => void) | undefined;
  const { told, stop } = watching(() => (answer === undefined ? Promise.reject(new Error('away')) : new Promise((resolve) => (answer = resolve))));
  await vi.advanceTimersByTimeAsync(1000);
  answer = () => undefined;
  await vi.advanceTimersByTimeAsync(1000);
  stop();
  answer([]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(told).toEqual([BEGUN]);
});

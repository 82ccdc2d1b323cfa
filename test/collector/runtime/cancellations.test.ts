import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { watchCancellations } from '../../../collector/runtime/duties.ts';
import type { Cancellation } from '../../../collector/store/task-store.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

const BEGUN = 'requests to cancel tasks can not be read: unreachable';
const ENDED = 'requests to cancel tasks are read again';

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

function watching(cancellations: () => Promise<Cancellation[]>): { stop: () => void; reports: string[] } {
  const reports: string[] = [];
  const watch = watchCancellations({
    store: { cancellations, cancellationHeard: () => Promise.resolve() }, workerId: 'w', hasLiveWork: () => true, cancel: () => undefined, report: (message) => reports.push(message),
  });
  watch.wake();
  return { stop: () => watch.stop(), reports };
}

test('a store that can not be asked for requests to cancel is reported once, and so is the end of the outage', async () => {
  let isDown = true;
  const { reports, stop } = watching(() => (isDown ? Promise.reject(new Error('unreachable')) : Promise.resolve([])));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(reports).toEqual([BEGUN]);
  isDown = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(reports).toEqual([BEGUN, ENDED]);
  stop();
});

test('a watch that stops while the store is unreachable reports no end of the outage', async () => {
  let answer: ((none: []) => void) | undefined;
  const { reports, stop } = watching(() => (answer === undefined ? Promise.reject(new Error('unreachable')) : new Promise((resolve) => (answer = resolve))));
  await vi.advanceTimersByTimeAsync(1000);
  answer = () => undefined;
  await vi.advanceTimersByTimeAsync(1000);
  stop();
  answer([]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(reports).toEqual([BEGUN]);
});

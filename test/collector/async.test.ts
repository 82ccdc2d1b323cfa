import { expect, test } from 'vitest';
import { OutageReporter, pause, repeat, within } from '../../collector/async.ts';

function outage(): { reporter: OutageReporter; reports: string[] } {
  const reports: string[] = [];
  const reporter = new OutageReporter({
    begins: 'it does not work', ends: 'it works again', report: (message) => reports.push(message),
  });
  return { reporter, reports };
}

test('an outage is reported once for each cause while it lasts, and once when it is over', () => {
  const { reporter, reports } = outage();
  reporter.succeeded();
  for (const cause of ['unreachable', 'locked', 'unreachable', 'locked']) reporter.failed(new Error(cause));
  reporter.succeeded();
  reporter.succeeded();
  expect(reports).toEqual(['it does not work: unreachable', 'it does not work: locked', 'it works again']);
});

test('an outage that comes back is reported again', () => {
  const { reporter, reports } = outage();
  for (let round = 0; round < 2; round++) {
    reporter.failed(new RangeError(''));
    reporter.succeeded();
  }
  expect(reports).toEqual(['it does not work: RangeError', 'it works again', 'it does not work: RangeError', 'it works again']);
});

test('an outage that has another cause each time does not fill the logs', () => {
  const { reporter, reports } = outage();
  for (let port = 0; port < 1000; port++) reporter.failed(new Error(`unreachable at ${port}`));
  reporter.succeeded();
  expect(reports).toHaveLength(21);
});

test('a pause that is longer than a timer can be does not end at once', async () => {
  expect(await within(50, pause(2 ** 40))).toBe(false);
});

test('a pause ends when its signal aborts, also when it was aborted before', async () => {
  const stopped = new AbortController();
  const pauses = [pause(60_000, { signal: stopped.signal })];
  stopped.abort();
  await Promise.all([...pauses, pause(60_000, { signal: stopped.signal })]);
});

test('what is repeated ends by itself or is stopped, and the work under way is waited for', async () => {
  let times = 0;
  const work = Promise.withResolvers<number>();
  const second = Promise.withResolvers<void>();
  const repeated = repeat(0, async () => {
    if (++times === 1) return 0;
    second.resolve();
    return work.promise;
  });
  await second.promise;
  const stopped = repeated.stop();
  expect(await within(20, stopped)).toBe(false);
  work.resolve(0);
  await stopped;
  expect(times).toBe(2);
});

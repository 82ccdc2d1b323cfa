import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hrTimeOf, microsOf, TaskClock } from '../../src/clock.ts';

const START = 1_700_000_000_000;

/** A time source that a test moves, in milliseconds. */
function source(): { wall: number; monotonic: number; clock: TaskClock } {
  const times = { wall: START, monotonic: 5 };
  return Object.assign(times, { clock: new TaskClock({ wall: () => times.wall, monotonic: () => times.monotonic }) });
}

describe('a task clock', () => {
  test('begins with wall time and goes on with monotonic time', () => {
    const time = source();
    expect(time.clock.now()).toBe(START * 1000);
    time.monotonic += 1.5;
    expect(time.clock.now()).toBe(START * 1000 + 1500);
  });

  test('never gives one time twice, however fast it is read', () => {
    const { clock } = source();
    const times = Array.from({ length: 1000 }, () => clock.now());
    expect(times).toEqual(times.map((_, at) => START * 1000 + at));
  });

  test('is back on time after it was read faster than time passes', () => {
    const time = source();
    for (let at = 0; at < 100; at++) time.clock.now();
    time.monotonic += 1;
    expect(time.clock.now()).toBe(START * 1000 + 1000);
  });

  test('ignores wall time that goes back', () => {
    const time = source();
    time.clock.now();
    time.wall -= 3_600_000;
    time.monotonic += 10;
    expect(time.clock.now()).toBe((START + 10) * 1000);
  });

  test('ignores wall time that is ahead by up to a second', () => {
    const time = source();
    time.wall += 1002;
    time.monotonic += 2;
    expect(time.clock.now()).toBe((START + 2) * 1000);
  });

  test('jumps forward when wall time is ahead by more, as after sleep, and goes on from there', () => {
    const time = source();
    time.clock.now();
    time.wall += 60_000;
    time.monotonic += 1;
    expect(time.clock.now()).toBe((START + 60_000) * 1000);
    time.monotonic += 10;
    expect(time.clock.now()).toBe((START + 60_010) * 1000);
    time.wall -= 60_000;
    time.monotonic += 1;
    expect(time.clock.now()).toBe((START + 60_011) * 1000);
  });

  test('gives whole numbers that only grow, whatever time does', () => {
    const step = fc.record({
      wall: fc.oneof(fc.integer({ min: -10_000, max: 10_000 }), fc.double({ min: -5, max: 5, noNaN: true })),
      // The clock compares itself with wall time once a millisecond.
      monotonic: fc.double({ min: 1.001, max: 3000, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const time = source();
        let last = time.clock.now();
        for (const { wall, monotonic } of steps) {
          time.wall += wall;
          time.monotonic += monotonic;
          const now = time.clock.now();
          expect(Number.isSafeInteger(now)).toBe(true);
          expect(now).toBeGreaterThan(last);
          // Wall time is never ahead by more than a second; the microsecond is rounded.
          expect(time.wall * 1000 - now).toBeLessThanOrEqual(1_000_001);
          last = now;
        }
      }),
    );
  });

  test('reads the time of the machine by default', () => {
    const before = Date.now();
    const now = new TaskClock().now();
    // A clock that differs by two milliseconds or less is used for the next one.
    expect(now).toBeGreaterThan((before - 2) * 1000);
  });
});

describe("OpenTelemetry's time", () => {
  test.each([
    [0, [0, 0]],
    [1, [0, 1000]],
    [999_999, [0, 999_999_000]],
    [1_000_000, [1, 0]],
    [1_700_000_000_123_456, [1_700_000_000, 123_456_000]],
  ] as const)('of %d microseconds is %j, and back', (micros, time) => {
    expect(hrTimeOf(micros)).toEqual(time);
    expect(microsOf([...time])).toBe(micros);
  });

  test('is rounded to whole microseconds', () => {
    expect(microsOf([1, 1_499])).toBe(1_000_001);
    expect(microsOf([1, 1_500])).toBe(1_000_002);
  });
});

describe('clocks of one process', () => {
  test('agree to the microsecond, whatever part of a millisecond has passed when each is made', () => {
    const times = { wall: () => Math.floor(START + times.elapsed), monotonic: () => times.elapsed, elapsed: 0.9 };
    const clocks = [0.3, 1.4, 0.7, 1000.2].map((pause) => {
      times.elapsed += pause;
      return new TaskClock(times);
    });
    const [first, ...others] = clocks.map((clock) => clock.now());
    expect(others).toEqual([1, 2, 3].map((ahead) => first! + ahead));
  });

  test('give times that only grow, whichever is read', () => {
    const pause = fc.oneof(fc.double({ min: 0, max: 1.5, noNaN: true }), fc.double({ min: 0, max: 3000, noNaN: true }));
    const step = fc.record({ pause, wall: fc.integer({ min: -20, max: 20 }), asked: fc.nat(4), isNew: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const times = { wall: () => Math.floor(times.now), monotonic: () => times.elapsed, now: START, elapsed: 0 };
        const clocks = [new TaskClock(times)];
        let last = 0;
        for (const { pause: elapsed, wall, asked, isNew } of steps) {
          times.elapsed += elapsed;
          times.now += elapsed + wall;
          if (isNew) clocks.push(new TaskClock(times));
          const now = clocks[asked % clocks.length]!.now();
          expect(now).toBeGreaterThan(last);
          last = now;
        }
      }),
    );
  });

  test.each([-500, 500])('measure durations, also after wall time was set by %d ms', (set) => {
    const times = { wall: () => times.now, monotonic: () => times.elapsed, now: START, elapsed: 0 };
    const pass = (ms: number): void => {
      times.now += ms;
      times.elapsed += ms;
    };
    const older = new TaskClock(times);
    older.now();
    times.now += set;
    const newer = new TaskClock(times);
    newer.now();
    for (let n = 0; n < 10; n++) {
      for (const clock of [older, newer]) {
        older.now();
        const from = clock.now();
        pass(90);
        expect(clock.now() - from).toBeGreaterThan(89_990);
      }
    }
  });

  test('go back with wall time that was set back by more than a second, for what begins after that', () => {
    const times = { wall: () => times.now, monotonic: () => times.elapsed, now: START, elapsed: 0 };
    const before = new TaskClock(times);
    const from = before.now();
    times.now -= 3_600_000;
    times.elapsed += 10;
    const after = [new TaskClock(times), new TaskClock(times), new TaskClock(times)];
    const given = after.flatMap((clock) => [before, clock].map((asked) => asked.now()));
    expect(given.filter((time) => time < from)).toEqual([0, 1, 2].map((ahead) => (START - 3_600_000) * 1000 + ahead));
    expect(given.filter((time) => time > from)).toEqual([0, 1, 2].map((ahead) => from + 10_000 + ahead));
  });
});

test('a clock that is made later begins later, so that consecutive tasks have their order', () => {
  const times: number[] = [];
  for (let task = 0; task < 1000; task++) {
    const clock = new TaskClock();
    times.push(clock.now(), clock.now());
  }
  expect(times.findIndex((time, index) => index > 0 && time <= times[index - 1]!)).toBe(-1);
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { untilWoken } from '../../../collector/capture/ring-reader.ts';
import type { Fact } from '../../../src/fact.ts';
import { cases } from '../record/arbitrary-task.ts';
import { anyFact, notification, SPANS } from './arbitrary-fact.ts';
import { readAll, WrittenRing } from './written-ring.ts';

/** Sizes at which a segment holds from one fact to all. */
const segmentBytes = fc.constantFrom(1024, 1024, 1536, 4096, 1024 * 1024);

describe('a fact in the ring', () => {
  test('is read as it was written, whatever its contents', () => {
    fc.assert(
      fc.property(anyFact, segmentBytes, (fact, size) => {
        const ring = new WrittenRing({ segmentBytes: size });
        ring.write(fact);
        expect(readAll(ring.reader())).toEqual([fact]);
      }),
      cases(1000),
    );
  });

  test.each([
    ['nothing', ''],
    ['a megabyte', 'x'.repeat(1024 * 1024)],
    ['a megabyte of characters beyond the first plane', '🎉'.repeat(256 * 1024)],
    ['half a million accents', 'é'.repeat(500_000)],
    ['200 characters of ASCII', 'x'.repeat(200)],
    ['ASCII with one other character at its end', `${'x'.repeat(95)}é`],
    ['control characters', '\0\x1b\n\u2028'],
  ])('may be %s, and the next one is read too', (_what, message) => {
    const ring = new WrittenRing();
    const facts = [notification(1, message), notification(2, 'next'), notification(3, message)];
    for (const fact of facts) ring.write(fact);
    expect(readAll(ring.reader())).toEqual(facts);
  });
});

/** What is done with a ring, step by step. */
type Step =
  | { do: 'write'; facts: Fact[] }
  | { do: 'read'; bytes: number; facts: number }
  | { do: 'acknowledge' }
  | { do: 'die' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), facts: fc.array(anyFact, { maxLength: 12 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('read' as const), bytes: fc.integer({ min: 512, max: 8000 }), facts: fc.integer({ min: 1, max: 10 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('acknowledge' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const) }) },
);

describe('facts in the ring', () => {
  test('are read in their order, stay until they are acknowledged, and go to the next reader if they were not', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), segmentBytes, (steps, size) => {
        const ring = new WrittenRing({ segmentBytes: size });
        const written: Fact[] = [];
        let reader = ring.reader();
        let read = 0;
        let acknowledged = 0;
        const take = (facts: readonly Fact[]): void => {
          expect(facts).toEqual(written.slice(read, read + facts.length));
          read += facts.length;
        };
        for (const step of steps) {
          if (step.do === 'write') {
            for (const fact of step.facts) ring.write(fact);
            written.push(...step.facts);
          } else if (step.do === 'read') {
            const facts = reader.read(step.bytes, step.facts);
            expect(facts.length).toBeLessThanOrEqual(step.facts);
            take(facts);
          } else if (step.do === 'acknowledge') {
            reader.acknowledge();
            acknowledged = read;
          } else {
            reader = ring.reader();
            read = acknowledged;
          }
          expect(reader.hasFacts).toBe(read < written.length);
          expect(ring.ring.isDrained).toBe(acknowledged === written.length);
        }
        take(readAll(reader));
        expect(read).toBe(written.length);
        reader.acknowledge();
        expect(ring.ring.isDrained).toBe(true);
        expect(ring.ring.droppedFacts).toBe(0);
      }),
      cases(500),
    );
  });

  test('of several spans and attempts are still whose they were for a reader that begins in the middle of a segment', () => {
    const ring = new WrittenRing();
    const facts = Array.from({ length: 60 }, (_, at) => notification(at, `line ${at}`, SPANS[(at * 4) % SPANS.length]));
    for (const fact of facts) ring.write(fact);
    for (let at = 0; at < facts.length; at += 7) {
      const reader = ring.reader();
      expect(reader.read(1024 * 1024, 7)).toEqual(facts.slice(at, at + 7));
      reader.acknowledge();
    }
  });

  test('are given at least one at a time, however few bytes are asked for', () => {
    const ring = new WrittenRing();
    ring.write(notification(1, 'one'));
    ring.write(notification(2, 'two', SPANS[1]));
    const reader = ring.reader();
    expect(reader.read(1, 10)).toEqual([notification(1, 'one')]);
    expect(reader.read(1, 10)).toEqual([notification(2, 'two', SPANS[1])]);
    expect(reader.read(1, 10)).toEqual([]);
  });

  test('wake a reader that sleeps, and are one read where they are written in one turn', async () => {
    const ring = new WrittenRing();
    const reader = ring.reader();
    const woken = untilWoken(ring.ring);
    ring.write(notification(1, 'one'));
    ring.write(notification(2, 'two'));
    await woken;
    expect(reader.read(1024 * 1024, 10).length).toBe(2);
  });

  test('are not taken any more once the ring is closed', () => {
    const ring = new WrittenRing();
    ring.write(notification(1, 'one'));
    ring.ring.close();
    ring.write(notification(2, 'two'));
    expect(readAll(ring.reader())).toEqual([notification(1, 'one')]);
    expect(ring.ring.droppedFacts).toBe(0);
  });
});

describe('the memory of the ring', () => {
  test('is used again while the reader keeps up', () => {
    const ring = new WrittenRing({ segmentBytes: 4096 });
    const reader = ring.reader();
    let segments = 1;
    const { onSegment } = ring.ring;
    ring.ring.onSegment = (segment) => {
      segments++;
      onSegment!(segment);
    };
    const facts = Array.from({ length: 5000 }, (_, at) => notification(at, `line ${at}`, SPANS[at % SPANS.length]));
    const read: Fact[] = [];
    for (const fact of facts) {
      ring.write(fact);
      if (fact.seq % 10 !== 9) continue;
      read.push(...readAll(reader));
      reader.acknowledge();
    }
    expect(read).toEqual(facts);
    expect(segments).toBeLessThanOrEqual(3);
  });

  test('is given back after a rush, and all is read that was written in it and after', () => {
    const ring = new WrittenRing({ segmentBytes: 1024 });
    const reader = ring.reader();
    const freed = new Set<number>();
    const { onFreed } = ring.ring;
    ring.ring.onFreed = (id) => {
      freed.add(id);
      onFreed!(id);
    };
    const rush = Array.from({ length: 500 }, (_, at) => notification(at, 'x'.repeat(at)));
    for (let round = 0; round < 3; round++) {
      for (const fact of rush) expect(ring.write(fact)).toBe(true);
      expect(readAll(reader)).toEqual(rush);
      reader.acknowledge();
    }
    expect(freed.size).toBeGreaterThan(100);
    expect(ring.ring.segments.length).toBe(1);
  });

  test('has a limit: what comes beyond it is dropped and counted, and there is room again when all is committed', () => {
    const options = fc.record({ segmentBytes: fc.constant(1024), limitBytes: fc.integer({ min: 2048, max: 20_000 }) });
    const small = fc.string({ maxLength: 120 });
    fc.assert(
      fc.property(options, fc.array(fc.array(small, { minLength: 1, maxLength: 60 }), { maxLength: 5 }), (limits, rounds) => {
        const ring = new WrittenRing(limits);
        const reader = ring.reader();
        let seq = 0;
        let droppedFacts = 0;
        for (const messages of rounds) {
          const kept: Fact[] = [];
          for (const message of messages) {
            const fact = notification(seq++, message);
            if (ring.write(fact)) kept.push(fact);
            else droppedFacts++;
          }
          expect(kept.length).toBeGreaterThan(0);
          expect(readAll(reader)).toEqual(kept);
          reader.acknowledge();
          expect(ring.ring.droppedFacts).toBe(droppedFacts);
        }
        expect(ring.write(notification(seq, 'last'))).toBe(true);
      }),
      cases(300),
    );
  });

  test('holds what is not acknowledged, though it was read, against its limit', () => {
    const ring = new WrittenRing({ segmentBytes: 1024, limitBytes: 4096 });
    const reader = ring.reader();
    let kept = 0;
    while (ring.write(notification(kept, 'x'.repeat(100)))) kept++;
    expect(readAll(reader).length).toBe(kept);
    expect(ring.write(notification(kept, 'x'.repeat(100)))).toBe(false);
    expect(readAll(ring.reader()).length).toBe(kept);
  });

  test('is reported as full once for each time that it is', () => {
    const ring = new WrittenRing({ segmentBytes: 1024, limitBytes: 4096 });
    const reader = ring.reader();
    let reported = 0;
    ring.ring.onFull = () => reported++;
    for (let time = 1; time <= 3; time++) {
      for (let seq = 0; seq < 100; seq++) ring.write(notification(seq, 'x'.repeat(100)));
      expect(reported).toBe(time);
      readAll(reader);
      reader.acknowledge();
    }
  });

  test('has room for a large fact when all is committed, whatever it was used for before', () => {
    const ring = new WrittenRing({ limitBytes: 1024 * 1024 });
    const reader = ring.reader();
    for (let seq = 0; ring.ring.droppedFacts === 0; seq++) ring.write(notification(seq, 'x'.repeat(100)));
    readAll(reader);
    reader.acknowledge();
    expect(ring.write(notification(1, 'x'.repeat(100_000)))).toBe(true);
    expect(readAll(reader)).toEqual([notification(1, 'x'.repeat(100_000))]);
  });
});

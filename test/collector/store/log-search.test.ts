import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchLog } from '../../../collector/store/log-search.ts';
import type { FindQuery, LogMatch } from '../../../collector/store/task-store.ts';
import { cases } from '../record/arbitrary-task.ts';

/** Searches a log whose rows begin at these places, each the index of a character. */
async function searched(rows: readonly string[], query: FindQuery): Promise<{ matches: LogMatch[]; lookedTo: number; more: boolean; reads: number }> {
  const offsets = rows.map((_, at) => Buffer.byteLength(rows.slice(0, at).join('')));
  let reads = 0;
  const found = await searchLog(query, Buffer.byteLength(rows.join('')), async (from) => {
    reads++;
    const at = offsets.findLastIndex((offset) => offset <= from);
    return { offset: offsets[at]!, text: rows[at]! };
  });
  return { ...found!, reads };
}

/** Where a text stands in a log, found in the whole of it. */
function placesIn(log: string, text: string): { offset: number; bytes: number }[] {
  const pattern = new RegExp(Array.from(text, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`).join(''), 'giu');
  return [...log.matchAll(pattern)].map(({ index, 0: { length } }) => ({
    offset: Buffer.byteLength(log.slice(0, index)),
    bytes: Buffer.byteLength(log.slice(index, index + length)),
  }));
}

const place = ({ offset, bytes }: LogMatch): { offset: number; bytes: number } => ({ offset, bytes });

describe('a search', () => {
  // K and ſ are longer in UTF-8 than the letters that they are without case.
  const letter = fc.constantFrom('a', 'A', 'k', 'K', '\u212a', 's', 'ſ', 'é', 'É', 'ß', 'ẞ', '🎉', '𐐀', '𐐨', '.', ' ', '\n');
  const anyRow = fc.string({ unit: letter, minLength: 0, maxLength: 12 });
  const sought = fc.string({ unit: letter.filter((each) => each !== '\n'), minLength: 1, maxLength: 4 });

  test('finds all places of a text, also where rows meet, however often it is interrupted', async () => {
    const rows = fc.array(anyRow, { minLength: 1, maxLength: 8 }).map((texts) => [...texts.filter((each) => each !== ''), '\n']);
    await fc.assert(
      fc.asyncProperty(rows, sought, fc.integer({ min: 1, max: 3 }), async (log, query, limit) => {
        const expected = placesIn(log.join(''), query);
        expect((await searched(log, { text: query })).matches.map(place)).toEqual(expected);
        const found: LogMatch[] = [];
        for (let after = 0, more = true; more; ) {
          const answer = await searched(log, { text: query, after, limit });
          expect(answer.matches.length).toBeLessThanOrEqual(limit);
          found.push(...answer.matches);
          expect(answer.lookedTo).toBeGreaterThanOrEqual(after);
          ({ lookedTo: after, more } = answer);
        }
        expect(found.map(place)).toEqual(expected);
      }),
      cases(500),
    );
  });

  test('from any byte on finds what begins there or later, and shows the line in which it stands', async () => {
    const log = '\t - Write\n\tWrote ✓ row 1\n\tWROTE row 2\n';
    const bytes = Buffer.from(log);
    for (let after = 0; after <= bytes.length; after++) {
      const { matches, lookedTo, more } = await searched([log], { text: 'wrote', after });
      expect(matches.map(({ offset }) => offset)).toEqual([bytes.indexOf('Wrote'), bytes.indexOf('WROTE')].filter((offset) => offset >= after));
      expect([lookedTo, more]).toEqual([bytes.length, false]);
      for (const { line, text: shown } of matches) expect(bytes.toString('utf8', line, line + Buffer.byteLength(shown))).toMatch(/^\twrote.* row \d$/i);
    }
  });

  test('takes every character literally', async () => {
    const log = '\ta.b a*b [x] (y) {1} \\d ^$ |/ 100%\n';
    for (const text of ['a.b', 'a*b', '[x]', '(y)', '{1}', '\\d', '^$', '|/', '100%', '-']) {
      expect((await searched([log], { text })).matches.length).toBe(log.includes(text) ? 1 : 0);
    }
  });

  test('shows of a long line what is around the place, in whole characters', async () => {
    const rows = ['🎉'.repeat(3000), `${'🎉'.repeat(3000)}needle${'🎉'.repeat(3000)}`, `${'🎉'.repeat(10)}\n`];
    const { matches: [match, ...others] } = await searched(rows, { text: 'NEEDLE' });
    expect(others).toEqual([]);
    const { offset, bytes, line, text } = match!;
    expect([offset, bytes, line]).toEqual([6000 * 4, 6, 6000 * 4 - 400]);
    expect(text).toBe(`${'🎉'.repeat(100)}needle${'🎉'.repeat(397)}`);
  });

  test('of one call reads 32 MiB at the most, and then the next one goes on', async () => {
    const row = `${'x'.repeat(64 * 1024 - 1)}\n`;
    const bytes: number[] = [];
    const read = async (from: number, most: number): Promise<{ offset: number; text: string }> => {
      bytes.push(most);
      return { offset: from, text: row };
    };
    const logBytes = 600 * row.length;
    // A machine under load may reach the limit of time first.
    let [after, calls] = [0, 0];
    for (let more = true; more; calls++) {
      const before = bytes.length;
      const answer = (await searchLog({ text: 'y', after }, logBytes, read))!;
      expect(bytes.length - before).toBeLessThanOrEqual(512);
      expect(answer.lookedTo).toBeGreaterThan(after);
      ({ lookedTo: after, more } = answer);
    }
    expect(calls).toBeGreaterThan(1);
    expect(new Set(bytes)).toEqual(new Set([64 * 1024]));
    expect(after).toBe(logBytes);
  });

  test.each([['', 'got ""'], ['x'.repeat(201), 'got 201'], ['a\nb', String.raw`got "a\nb"`]])('for %j is refused', async (text, got) => {
    await expect(searched(['\tx\n'], { text })).rejects.toThrow(new RangeError(`find: expected 1 to 200 characters of one line, ${got}`));
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import { batches, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import type { StoreWith } from './task-store-contract.ts';

/** The logs that every `TaskStore` gives. */
export function describeLogs(name: string, storeWith: StoreWith): void {
  describe(`${name}: a log`, () => {
    const TEXTS = ['x', 'é', '行を書く', '🎉🎉', 'a longer line of ASCII', 'é'.repeat(40)];
    const logOfTask = (length: number): { appends: Fact[][]; text: string } => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      for (let at = 0; at < length; at++) attempt.notify(TEXTS[at % TEXTS.length]!);
      const text = task.facts.slice(1).map((_, at) => `\t${TEXTS[at % TEXTS.length]}\n`).join('');
      return { appends: batches(task.facts, [1, 2, 5]), text };
    };
    const { appends, text: TEXT } = logOfTask(40);
    const BYTES = Buffer.from(TEXT);

    test('is whole where nothing else is asked for', async () => {
      const store = await storeWith(...appends);
      expect(await store.log(UUID)).toEqual({ offset: 0, text: TEXT, version: appends.length, logBytes: BYTES.length });
    });

    test('has entries that are all of its text, read piece by piece from any byte on', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      attempt.notify('one', { row: 1 });
      const scope = attempt.scope('Read');
      scope.notify('two\nlines');
      scope.notify('long ✓\n'.repeat(30_000));
      scope.fail({ name: 'TypeError', message: 'no' });
      attempt.passOn();
      const store = await storeWith(...batches(task.facts, [3, 1]));
      const { text } = (await store.log(UUID))!;
      expect((await store.task(UUID))!.log_lines).toBe(text.split('\n').length - 1);
      const whole = (await store.logEntries(UUID, { from: 0, limit: Infinity }))!;
      expect(whole.entries.map((entry) => entry.text).join('') === text).toBe(true);
      expect(whole.entries.map(({ kind, spanId }) => [kind, spanId === scope.ref.spanId])).toEqual([
        ['message', false], ['scope', true], ['message', true], ['message', true], ['outcome', true], ['end', false],
      ]);
      expect(whole.entries[0]).toEqual({ offset: 0, time: task.facts[1]!.time, spanId: attempt.ref.spanId, kind: 'message', text: '\tone\n', attributes: { row: 1 } });
      const found: typeof whole.entries = [];
      for (let from = 0; from < whole.logBytes; ) {
        const { entries } = (await store.logEntries(UUID, { from, limit: 8 }))!;
        found.push(...entries);
        from = entries.at(-1)!.offset + Buffer.byteLength(entries.at(-1)!.text);
      }
      expect(found).toEqual(whole.entries);
      const long = whole.entries[3]!;
      expect((await store.logEntries(UUID, { from: long.offset + 100_000, limit: 1 }))!.entries).toEqual([long]);
      expect((await store.logEntries(UUID, { from: whole.logBytes, limit: 1 }))!.entries).toEqual([]);
      expect(await store.logEntries('00000000-0000-4000-8000-000000000000', { from: 0, limit: 1 })).toBeUndefined();
    });

    test('is empty of a task that has said nothing, and beyond its end', async () => {
      const store = await storeWith(appends[0]!);
      expect(await store.log(UUID)).toEqual({ offset: 0, text: '', version: 1, logBytes: 0 });
      const full = await storeWith(...appends);
      for (const from of [BYTES.length, BYTES.length + 1, 1e9]) {
        expect(await full.log(UUID, { from })).toMatchObject({ offset: BYTES.length, text: '' });
      }
    });

    test('read page by page, each from where the one before ended, is the whole text', async () => {
      const store = await storeWith(...appends);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), async (limits) => {
          let text = '';
          for (let from = 0, turn = 0; from < BYTES.length; turn++) {
            const limit = limits[turn % limits.length]!;
            const page = (await store.log(UUID, { from, limit }))!;
            const bytes = Buffer.byteLength(page.text);
            expect(page.offset).toBe(from);
            expect(bytes).toBeGreaterThan(0);
            expect(bytes).toBeLessThanOrEqual(Math.max(limit, 4));
            text += page.text;
            from += bytes;
          }
          expect(text).toBe(TEXT);
        }),
        cases(100),
      );
    });

    test('read from anywhere never cuts a character, and is the text that stands there', async () => {
      const store = await storeWith(...appends);
      const range = fc.record({ from: fc.nat(BYTES.length), limit: fc.option(fc.nat(200), { nil: undefined }) });
      await fc.assert(
        fc.asyncProperty(range, async ({ from, limit }) => {
          const { offset, text } = (await store.log(UUID, { from, ...(limit !== undefined && { limit }) }))!;
          expect(offset).toBeGreaterThanOrEqual(from);
          expect(offset).toBeLessThanOrEqual(from + 3);
          const bytes = Buffer.from(text);
          expect(BYTES.subarray(offset, offset + bytes.length).equals(bytes)).toBe(true);
          expect(text).not.toContain('\ufffd');
          if (limit === undefined) expect(offset + bytes.length).toBe(BYTES.length);
          else expect(bytes.length).toBeLessThanOrEqual(Math.max(limit, 4));
        }),
        cases(300),
      );
    });

    test('ends with a whole line where one fits into the limit', async () => {
      const store = await storeWith(...appends);
      const first = Buffer.byteLength('\tx\n\té\n');
      expect(await store.log(UUID, { limit: first })).toMatchObject({ text: '\tx\n\té\n' });
      expect(await store.log(UUID, { limit: first + 5 })).toMatchObject({ text: '\tx\n\té\n' });
      expect(await store.log(UUID, { limit: first - 1 })).toMatchObject({ text: '\tx\n' });
      expect(await store.log(UUID, { from: first, limit: 5 })).toMatchObject({ offset: first, text: '\t行' });
    });

    test('read from its end begins with a line, the first that lies within so many bytes', async () => {
      const store = await storeWith(...appends);
      for (let last = 1; last <= BYTES.length + 20; last++) {
        const { offset, text } = (await store.log(UUID, { from: -last }))!;
        const begin = Math.max(0, BYTES.length - last);
        const line = begin === 0 ? 0 : BYTES.indexOf(10, begin - 1) + 1;
        expect({ last, offset, text }).toEqual({ last, offset: line, text: BYTES.toString('utf8', line) });
      }
    });

    test('read from its end with a limit is a part of that, from the beginning of a line too', async () => {
      const store = await storeWith(...appends);
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: BYTES.length + 20 }), fc.nat(120), async (last, limit) => {
          const { offset, text } = (await store.log(UUID, { from: -last, limit }))!;
          expect(BYTES.toString('utf8', offset, offset + Buffer.byteLength(text))).toBe(text);
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(Math.max(limit, 4));
          if (text !== '') expect(offset === 0 || BYTES[offset - 1] === 10).toBe(true);
        }),
        cases(200),
      );
    });

    test('has an offset for ever: what is committed later stands behind it', async () => {
      const store = await storeWith(...appends.slice(0, 4));
      const before = (await store.log(UUID))!;
      for (const facts of appends.slice(4)) await store.append(facts);
      expect((await store.log(UUID, { limit: before.logBytes }))!.text).toBe(before.text);
      expect((await store.log(UUID, { from: before.logBytes }))!.text).toBe(TEXT.slice(before.text.length));
    });

    test('is searched without regard to case, with places that are those of its bytes', async () => {
      const store = await storeWith(...appends);
      const places: { offset: number; text: string }[] = [];
      for (let after = 0, more = true; more; ) {
        const found = (await store.find(UUID, { text: 'LINE OF ascii', after, limit: 2 }))!;
        places.push(...found.matches);
        ({ lookedTo: after, more } = found);
      }
      const expected = [...TEXT.matchAll(/line of/g)].map(({ index }) => Buffer.byteLength(TEXT.slice(0, index)));
      expect(expected.length).toBeGreaterThan(5);
      expect(places.map(({ offset }) => offset)).toEqual(expected);
      expect(new Set(places.map(({ text }) => text))).toEqual(new Set(['\ta longer line of ASCII']));
      expect(await store.find(UUID, { text: '🎉É' })).toEqual({ matches: [], lookedTo: BYTES.length, more: false, version: appends.length, logBytes: BYTES.length });
      expect(await store.find(UUID, { text: 'x', after: BYTES.length + 5 })).toMatchObject({ matches: [], more: false });
      expect(await store.find('00000000-0000-4000-8000-000000000000', { text: 'x' })).toBeUndefined();
      await expect(store.find(UUID, { text: '' })).rejects.toThrow(RangeError);
    });

    test('of one commit that is longer than a row is searched where its rows meet too', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      attempt.notify('needle '.repeat(40_000));
      const store = await storeWith(task.facts);
      const { text } = (await store.log(UUID))!;
      let found = 0;
      for (let after = 0, more = true; more; ) {
        const { matches, lookedTo, more: goesOn } = (await store.find(UUID, { text: 'NEEDLE', after, limit: 10_000 }))!;
        for (const { offset } of matches) expect(text.startsWith('needle', offset)).toBe(true);
        found += matches.length;
        [after, more] = [lookedTo, goesOn];
      }
      expect(found).toBe(40_000);
    });

    test('of two megabytes in one commit is read in part and as a whole', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      attempt.notify('first');
      attempt.notify('é'.repeat(1024 * 1024));
      attempt.notify('last');
      const store = await storeWith(task.facts);
      const { logBytes, text } = (await store.log(UUID))!;
      expect(logBytes).toBe(Buffer.byteLength(text));
      expect(text.length).toBe(7 + 2 + 1024 * 1024 + 6);
      expect(await store.log(UUID, { from: -8 })).toMatchObject({ text: '\tlast\n', offset: logBytes - 6 });
      expect(await store.log(UUID, { from: 8, limit: 5 })).toMatchObject({ text: 'éé', offset: 8 });
    });
  });
}

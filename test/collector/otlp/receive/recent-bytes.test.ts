import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { RecentBytes } from '../../../../collector/otlp/receive/wire-reader.ts';

/** Of few different bytes, so that many begin or end alike. */
const piece = fc.uint8Array({ maxLength: 70, max: 2 });

it('what is found is what was kept for these very bytes, wherever they stand', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(9), (pieces, before) => {
      const recent = new RecentBytes<string>();
      for (const bytes of pieces) {
        const text = bytes.join();
        const [here, there] = [at(before, bytes), at(0, bytes)];
        const found = recent.get(here.view, here.start, here.end);
        expect([undefined, text]).toContain(found);
        recent.set(here.view, here.start, here.end, text);
        expect(recent.get(there.view, there.start, there.end)).toBe(bytes.length <= 64 ? text : undefined);
      }
    }),
  );
});

it('nothing at all is a piece too, and unknown at first', () => {
  const recent = new RecentBytes<string>();
  const { view } = at(0, new Uint8Array(0));
  expect(recent.get(view, 0, 0)).toBeUndefined();
  recent.set(view, 0, 0, '');
  expect(recent.get(view, 0, 0)).toBe('');
});

function at(start: number, bytes: Uint8Array): { view: DataView; start: number; end: number } {
  const end = start + bytes.length;
  const body = new Uint8Array(end + 3).fill(7);
  body.set(bytes, start);
  return { view: new DataView(body.buffer), start, end };
}

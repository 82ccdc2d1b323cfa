import { expect, it } from 'vitest';
import { BodyRoom } from '../../../../collector/otlp/receive/body-room.ts';

const never = new Promise<never>(() => {});

it('a body that stalls is cut off, and gives its room back', async () => {
  const room = new BodyRoom({ most: 100, longestBody: 100, longestStallMs: 5 });
  const share = room.share(undefined);
  expect(share.hold(100)).toBe(true);
  expect(room.share(undefined).hold(1)).toBe(false);
  expect(await share.arriving(never)).toBeUndefined();
  expect(share.isCutOff).toBe(true);
  expect(room.share(undefined).hold(100)).toBe(true);
});

it('a body that has arrived is not cut off while it waits for the store', async () => {
  const room = new BodyRoom({ most: 100, longestBody: 100, longestStallMs: 1 });
  const share = room.share(undefined);
  expect(share.hold(100)).toBe(true);
  expect(await share.arriving(Promise.resolve('whole'))).toBe('whole');
  expect(share.isCutOff).toBe(false);
  expect(room.share(undefined).hold(1)).toBe(false);
  share.release();
  expect(room.share(undefined).hold(100)).toBe(true);
});

it('the bodies of one connection hold at most half of the room together, or one body', () => {
  const [one, other] = [{ bytesRead: 0 }, { bytesRead: 0 }] as never[];
  const room = new BodyRoom({ most: 100, longestBody: 30 });
  expect([room.share(one).hold(30), room.share(one).hold(20), room.share(one).hold(1), room.share(other).hold(50)]).toEqual([true, true, false, true]);
  const small = new BodyRoom({ most: 100, longestBody: 100 });
  expect(small.share(one).hold(100)).toBe(true);
});

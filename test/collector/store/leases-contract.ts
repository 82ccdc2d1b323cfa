import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { StoreWith } from './task-store-contract.ts';

/** What every store promises about duties that one process at a time has. */
export function describeLeases(name: string, storeWith: StoreWith): void {
  describe(`${name}: a duty`, () => {
    // The clock of the machine stands still, but for what a test lets pass.
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date'] });
      onTestFinished(() => void vi.useRealTimers());
    });

    function pass(ms: number): void {
      vi.setSystemTime(Date.now() + ms);
    }

    test('is the first holder\'s, who keeps it for as long as it asks again in time', async () => {
      const store = await storeWith();
      expect(await store.lease('sweep', 'one', 1000)).toBe(true);
      expect(await store.lease('sweep', 'other', 1000)).toBe(false);
      pass(900);
      expect(await store.lease('sweep', 'one', 1000)).toBe(true);
      pass(900);
      expect(await store.lease('sweep', 'other', 1000)).toBe(false);
    });

    test('is another one\'s when its time is over, or when its holder gives it up', async () => {
      const store = await storeWith();
      await store.lease('sweep', 'one', 1000);
      pass(1001);
      expect(await store.lease('sweep', 'other', 1000)).toBe(true);
      expect(await store.lease('sweep', 'one', 1000)).toBe(false);
      await store.lease('sweep', 'one', 0);
      expect(await store.lease('sweep', 'one', 1000)).toBe(false);
      await store.lease('sweep', 'other', 0);
      expect(await store.lease('sweep', 'one', 1000)).toBe(true);
    });

    test('that was taken before the clock was set back is not kept for longer than it could be', async () => {
      const store = await storeWith();
      await store.lease('sweep', 'one', 1000);
      pass(-3_600_000);
      expect(await store.lease('sweep', 'other', 1000)).toBe(true);
    });

    test('is kept where the clock was set back by less than its time', async () => {
      const store = await storeWith();
      await store.lease('sweep', 'one', 1000);
      pass(-100);
      expect(await store.lease('sweep', 'other', 1000)).toBe(false);
      expect(await store.lease('sweep', 'one', 1000)).toBe(true);
    });

    test('has nothing to do with other duties', async () => {
      const store = await storeWith();
      await store.lease('sweep', 'one', 1000);
      expect(await store.lease('lost-traces', 'other', 1000)).toBe(true);
    });
  });
}

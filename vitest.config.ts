import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

const ROUNDS = 'test/faults/rounds.test.ts';

/** `unit` is what `npm test` runs; `e2e` needs real peers, `faults` takes minutes: `.ci/run` runs them. */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', ROUNDS],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'faults',
          include: [ROUNDS],
        },
      },
    ],
  },
});

export default config;

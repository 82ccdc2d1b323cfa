import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

const ROUNDS = 'test/faults/rounds.test.ts';

const SDK_3 = fileURLToPath(new URL('test/sdk-3/', import.meta.url));

/** OpenTelemetry's packages are those of the workspace `test/sdk-3`, whichever file asks for one. */
const onSdk3: NonNullable<ViteUserConfig['plugins']>[number] = {
  name: 'on-sdk-3',
  enforce: 'pre',
  resolveId(source) {
    if (source === '@opentelemetry/sdk-trace-node') return `${SDK_3}sdk-trace-node.ts`;
    return source.startsWith('@opentelemetry/') ? this.resolve(source, `${SDK_3}package.json`, { skipSelf: true }) : undefined;
  },
};

/** What a test and a poll may take where the machine is loaded; one that fails takes as long. */
const PATIENT = { testTimeout: 120_000, expect: { poll: { timeout: 30_000 } } } as const;

/**
 * `unit` and `sdk-3` are what `npm test` runs. `.ci/run` runs the others too: `e2e` needs real peers, `projects` installs
 * packages, `faults` takes minutes.
 */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/projects/**', 'test/sdk-3/**', ROUNDS],
          ...PATIENT,
        },
      },
      {
        plugins: [onSdk3],
        test: {
          name: 'sdk-3',
          include: ['test/sdk-3/*.test.ts', 'test/src/**/*.test.ts', 'test/collector/capture/capture.test.ts', 'test/collector/{runtime/task-span-processor,runtime/shutdown,export/*}.test.ts'],
          ...PATIENT,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          ...PATIENT,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'projects',
          include: ['test/projects/*.test.ts'],
          globalSetup: 'test/projects/packed.ts',
          ...PATIENT,
          testTimeout: 300_000,
          maxWorkers: 2,
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

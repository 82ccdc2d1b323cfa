import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

const ROUNDS = 'test/faults/rounds.test.ts';

/**
 * Files that need a process of their own: they replace modules, or say `@isolated` since what they look at is once in a
 * process. All others share processes, and the modules in them: most of the time of a short test would be their loading.
 */
const ISOLATED = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && /\bvi\.mock\(|@isolated/.test(readFileSync(`test/${file}`, 'utf8')))
  .map((file) => `test/${file}`);

/** Tests of what SDK 3 does itself: providers, processors, exporters, spans and the context. */
const ON_SDK_3 = [
  'test/sdk-3/*.test.ts',
  'test/src/{carrier,context-with-span,continue-task,current-scope,seed-example,spans,without-sdk}.test.ts',
  'test/collector/capture/capture.test.ts',
  'test/collector/{runtime/task-span-processor,runtime/shutdown,export/*}.test.ts',
];

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

/** `npm test` runs these. Tests that start several processes say that they may take longer, as they do on a loaded machine. */
const QUICK = {
  globalSetup: 'test/support/global-setup.ts',
  setupFiles: 'test/support/setup.ts',
  testTimeout: 20_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 60_000, interval: 10 } },
  // Many tests wait for processes that they have started.
  maxWorkers: availableParallelism() + 1,
} as const;

/** What needs real peers or installs packages. Limits end a test that hangs: no machine is slow enough to reach them otherwise. */
const SLOW = { testTimeout: 300_000, hookTimeout: 300_000, expect: { poll: { timeout: 60_000 } } } as const;

/**
 * `unit`, `isolated` and `sdk-3` are what `npm test` runs. `.ci/run` runs the others too: `e2e` needs real peers, `projects`
 * installs packages, `faults` takes minutes.
 */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/projects/**', 'test/sdk-3/**', ROUNDS, ...ISOLATED],
          ...QUICK,
          isolate: false,
        },
      },
      {
        test: {
          name: 'isolated',
          include: ISOLATED,
          ...QUICK,
        },
      },
      {
        plugins: [onSdk3],
        test: {
          name: 'sdk-3',
          include: ON_SDK_3,
          ...QUICK,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          ...SLOW,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'projects',
          include: ['test/projects/*.test.ts'],
          globalSetup: 'test/projects/packed.ts',
          ...SLOW,
          // A project is installed anew where the registry has failed.
          testTimeout: 900_000,
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

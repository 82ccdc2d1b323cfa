import { expect, test } from 'vitest';
import { join } from 'node:path';
import { besides, dropsLate, LIMITS, recordedIn, REFERENCE, run, SAMPLERS, UUID } from './beside-a-provider.ts';
import type { Row } from './beside-a-provider.ts';
import { installed } from './project.ts';
import { spanSink } from './span-sink.ts';
import { temporaryFolder } from '../support/node-process.ts';

/** Both lines of OpenTelemetry's SDK; 3.x needs a newer API. */
const SDKS = [
  {
    SDK: '2',
    packages: { '@opentelemetry/sdk-trace-node': '2.12.1', '@opentelemetry/exporter-trace-otlp-http': '0.223.1' },
  },
  {
    SDK: '3',
    packages: {
      '@opentelemetry/api': '1.10.0',
      '@opentelemetry/context-async-hooks': '3.1.0',
      '@opentelemetry/exporter-trace-otlp-http': '0.301.0',
      '@opentelemetry/sdk-trace': '3.1.0',
    },
  },
] as const;

const LOG = `	Begins
	 - Read
	 - Parse
	Parsed
	 - Decode
	UTF-8
		Successfully completed
		Time spent: 0h0m
	 - Write
${Array.from({ length: 200 }, (_, index) => `\tRow ${index + 1}\n`).join('')}	 - Index
	Indexed by another process
		Successfully completed
		Time spent: 0h0m
	 - Send mail
		Successfully completed
		Time spent: 0h0m
	 - Write (continued)
		Successfully completed
		Time spent: 0h0m
	 - Check
		Failed
		Time spent: 0h0m
		See error message:
TypeError: 200 rows have no city
	  | caused by Error: the column is missing
	Task Finished - 2 out of 3 jobs finished
`;

const SPANS = [
  'Check in Import customers',
  'Decode in Parse',
  'Import customers',
  'Index in Write',
  'Parse in span of the application',
  'Read in Import customers',
  'Send mail in Send mail',
  'Send mail in Write',
  'Write in Import customers',
  'enqueue Import',
  'span of the application in Read',
];

const PROGRAMS = ['program.mjs', 'program.cjs'] as const;

const OFF = ['always_off', 'traceidratio 0'] as const;

test('the reference run has what its task code reported', async () => {
  const project = await installed('providers');
  const { stderr, failures, task, child, sampled, theirs, ours } = await run(project, await spanSink(), REFERENCE);
  expect({ stderr, failures, sampled, theirs }).toEqual({ stderr: '', failures: [], sampled: true, theirs: [] });
  expect(task.log).toBe(LOG);
  expect(task.record).toMatchObject({
    task_name: 'Import customers',
    state: 'completed',
    jobs: { total: 5, finished: 4, failed: 1, running: 0 },
    exception: '200 rows have no city',
    result: { rows: 200 },
    attributes: {
      queue: 'nightly',
      tenant: 'a tenant with a long name',
      tags: ['red', 'green', 'blue'],
      sizes: [1, 2, 3],
      dry: false,
      share: 0.25,
      rows: 5,
      customer: 'known only now',
    },
    facts_missing: 0,
  });
  expect(child.log).toBe('\tSent\n\tTask Finished\n');
  expect(ours).toEqual(SPANS);
});

test.each(SDKS)("a task is recorded whole beside an application's own provider, of SDK $SDK", async ({ SDK, packages }) => {
  const project = await installed('providers', { packages });
  const setUp = 'own provider';
  const { seen, expected } = await besides(project, [
    ...PROGRAMS.flatMap((program): Row[] => [
      { setUp, program, env: { SDK }, when: 'first', spansOf: 'theirs' },
      { setUp, program, env: { SDK }, when: 'second', spansOf: 'theirs' },
      { setUp, program, env: { SDK }, when: 'midway', spansOf: 'ours' },
      { setUp: 'own provider with TaskSpanProcessor', program, env: { SDK }, when: 'alone', spansOf: 'theirs' },
      { setUp: 'own provider with TaskSpanProcessor', program, env: { SDK, SAMPLER: 'always_off' }, when: 'alone', spansOf: 'none' },
    ]),
    ...OFF.map((SAMPLER): Row => ({ setUp, env: { SDK, SAMPLER }, when: 'first', spansOf: 'none' })),
    // A provider of SDK 3.x does not read the environment.
    ...(SDK === '2' ? LIMITS : []).map((env): Row => ({
      setUp: 'own provider with TaskSpanProcessor',
      env: { SDK, ...env },
      when: 'alone',
      spansOf: 'theirs',
      lacksRows: dropsLate(env),
    })),
  ]);
  expect(seen).toEqual(expected);
});

test('of two providers with a processor each the provider that is called records a task, and both record a task that is sampled out', async () => {
  const project = await installed('providers', { packages: SDKS[0].packages });
  const sink = await spanSink();
  const setUp = 'two providers with a TaskSpanProcessor each';
  const reference = await run(project, sink, REFERENCE);
  for (const SAMPLER of ['always_on', 'always_off']) {
    const OTHER_STORE = join(await temporaryFolder(), 'other.sqlite');
    const { stderr, task } = await run(project, sink, { setUp, when: 'alone', env: { SDK: '2', SAMPLER, OTHER_STORE } });
    expect({ stderr, task }).toEqual({ stderr: '', task: reference.task });
    const other = recordedIn(OTHER_STORE, UUID);
    if (SAMPLER === 'always_off') expect(await other).toEqual(reference.task);
    else await expect(other).rejects.toThrow(': 404');
  }
});

test('a task is recorded whole without a provider, and under any limit and sampler of the environment', async () => {
  const project = await installed('providers');
  const setUp = 'none';
  const { seen, expected } = await besides(project, [
    ...PROGRAMS.map((program): Row => ({ setUp, program, when: 'first', spansOf: 'ours' })),
    { setUp, when: 'preloaded', preloads: ['taskspan/register'], spansOf: 'ours' },
    { setUp, when: 'first', env: { OTEL_SDK_DISABLED: 'true' }, spansOf: 'none' },
    // Without a context manager no span is active, so the task has nothing on which to set `rows`.
    { setUp, when: 'first', env: { TASKSPAN_REGISTER_PROVIDER: 'false' }, spansOf: 'none', lacksRows: true },
    ...LIMITS.map((env): Row => ({ setUp, when: 'first', env, spansOf: 'ours', lacksRows: dropsLate(env) })),
    ...SAMPLERS.map((env): Row => ({ setUp, when: 'first', env, spansOf: 'none' })),
  ]);
  expect(seen).toEqual(expected);
});

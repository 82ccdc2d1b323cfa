import { expect, test } from 'vitest';
import { besides, dropsLate, LIMITS, run, SAMPLERS } from './beside-a-provider.ts';
import type { Row, Run } from './beside-a-provider.ts';
import { installed, versions } from './project.ts';
import { spanSink } from './span-sink.ts';

/** OpenTelemetry's SDK for Node.js: 3.x from 0.300 on, 2.x before. */
const NODE_SDKS = versions(
  [
    { sdk: '0.301.0', autoInstrumentations: '0.82.0', api: '1.10.0' },
    { sdk: '0.223.0', autoInstrumentations: '0.81.2', api: '1.9.1' },
  ],
  [
    { sdk: '0.300.0', autoInstrumentations: '0.82.0', api: '1.10.0' },
    { sdk: '0.200.0', autoInstrumentations: '0.60.0', api: '1.9.1' },
  ],
);

const PROGRAMS = ['program.mjs', 'program.cjs'] as const;

const ENVIRONMENTS = [
  ...LIMITS.map((env): Omit<Row, keyof Run> & { env: NonNullable<Run['env']> } => ({ env, spansOf: 'theirs', lacksRows: dropsLate(env) })),
  ...SAMPLERS.map((env) => ({ env, spansOf: 'none' as const })),
];

test.each(NODE_SDKS)('a task is recorded whole beside NodeSDK $sdk', async ({ sdk, api }) => {
  const project = await installed('providers', {
    packages: { '@opentelemetry/api': api, '@opentelemetry/sdk-node': sdk, '@opentelemetry/exporter-trace-otlp-http': sdk },
  });
  const setUp = 'NodeSDK';
  const { seen, expected } = await besides(project, [
    ...PROGRAMS.flatMap((program): Row[] => [
      { setUp, program, when: 'first', spansOf: 'theirs' },
      { setUp, program, when: 'second', spansOf: 'theirs' },
      { setUp, program, when: 'preloaded', preloads: ['taskspan/register'], spansOf: 'theirs' },
      { setUp, program, when: 'midway', spansOf: 'ours' },
    ]),
    // Where OpenTelemetry logs, nothing is registered twice.
    { setUp, when: 'first', env: { OTEL_LOG_LEVEL: 'error' }, spansOf: 'theirs' },
    { setUp, when: 'second', env: { OTEL_LOG_LEVEL: 'error' }, spansOf: 'theirs' },
    ...ENVIRONMENTS.map((environment): Row => ({ setUp, when: 'first', ...environment })),
    // Theirs is not made: then ours is not either, by the same variable.
    { setUp, when: 'first', env: { OTEL_SDK_DISABLED: 'true' }, spansOf: 'none' },
  ]);
  expect(seen).toEqual(expected);
  const late = await run(project, await spanSink(), { setUp, when: 'midway', env: { OTEL_LOG_LEVEL: 'error' } });
  expect(late.stderr).toContain('Attempted duplicate registration of API: trace');
  expect(late.stderr).not.toContain('taskspan: ');
});

test.each(NODE_SDKS)('a task is recorded whole beside auto-instrumentations-node/register $autoInstrumentations', async ({ autoInstrumentations, api }) => {
  const project = await installed('providers', {
    packages: { '@opentelemetry/api': api, '@opentelemetry/auto-instrumentations-node': autoInstrumentations },
  });
  const theirs = '@opentelemetry/auto-instrumentations-node/register';
  // With its detectors for clouds it warns that there is none.
  const env = { OTEL_NODE_RESOURCE_DETECTORS: 'env,process', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' };
  const ours = 'taskspan/register';
  const row = { setUp: 'none', when: 'preloaded', env, spansOf: 'theirs' } as const;
  const { seen, expected } = await besides(project, [
    ...PROGRAMS.flatMap((program): Row[] => [
      { ...row, program, preloads: [theirs, ours] },
      { ...row, program, preloads: [ours, theirs] },
    ]),
    // As OpenTelemetry's operator for Kubernetes has it.
    { ...row, env: { ...env, NODE_OPTIONS: `--require ${theirs} --import ${ours}` } },
  ]);
  expect(seen).toEqual(expected);
});

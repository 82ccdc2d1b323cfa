import { expect, test } from 'vitest';
import { besides } from './beside-a-provider.ts';
import type { Row } from './beside-a-provider.ts';
import { ALL, installed, versions } from './project.ts';

/** From Sentry 11 on it registers a provider only where it is asked to. Its spans are its own since some version 10. */
const SENTRIES = versions(
  [
    { sentry: '11.12.0', setUp: 'Sentry with OpenTelemetry', hasSdkSpans: false },
    { sentry: '10.78.0', setUp: 'Sentry', hasSdkSpans: false },
    { sentry: '9.47.2', setUp: 'Sentry', hasSdkSpans: true },
  ],
  [
    { sentry: '11.0.0', setUp: 'Sentry with OpenTelemetry', hasSdkSpans: false },
    { sentry: '10.0.0', setUp: 'Sentry', hasSdkSpans: true },
    { sentry: '9.0.0', setUp: 'Sentry', hasSdkSpans: true },
  ],
);

const PROGRAMS = ['program.mjs', 'program.cjs'] as const;

/** The rate at which traces are sampled; without one Sentry does not trace. */
const OFF = ALL ? ['', '0'] : [''];

test.each(SENTRIES)('a task is recorded whole beside Sentry $sentry', async ({ sentry, setUp, hasSdkSpans }) => {
  const project = await installed('providers', { packages: { '@sentry/node': sentry } });
  // Its sampler adds an attribute to the first span of a trace. What is set on a span that is not the SDK's can't be read.
  const traced = { spansOf: 'theirs', ...(hasSdkSpans ? { added: { 'sentry.sample_rate': 1 }, service: 'node' } : { lacksRows: true }) } as const;
  const { seen, expected } = await besides(project, [
    ...PROGRAMS.flatMap((program): Row[] => [
      { setUp, program, env: { RATE: '1' }, when: 'first', ...traced },
      { setUp, program, env: { RATE: '1' }, when: 'second', ...traced },
      { setUp, program, env: { RATE: '1' }, when: 'preloaded', preloads: ['taskspan/register'], ...traced },
      { setUp, program, env: { RATE: '1' }, when: 'midway', spansOf: 'ours' },
      ...OFF.flatMap((RATE): Row[] => [
        { setUp, program, env: { RATE }, when: 'first', spansOf: 'none' },
        { setUp, program, env: { RATE }, when: 'second', spansOf: 'none' },
      ]),
    ]),
    ...(sentry.startsWith('11.') ? WITHOUT_OPENTELEMETRY : []),
  ]);
  expect(seen).toEqual(expected);
});

const WITHOUT_OPENTELEMETRY = PROGRAMS.map((program): Row => ({ setUp: 'Sentry', program, env: { RATE: '1' }, when: 'first', spansOf: 'ours' }));

import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { describe, expect, test } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { reportOnce } from '../../src/report.ts';
import { diagnosed } from './support/diagnosed.ts';
import { processor } from './support/processor.ts';
import { recorded } from './support/recorded.ts';
import { thrown } from './support/thrown.ts';

/** @isolated A process reports each cause once. */
describe('a failure of tracing', () => {
  test('is reported by diag, once per cause', () => {
    const warnings = diagnosed();
    const onStart: SpanProcessor['onStart'] = (span) => {
      if (span.name.startsWith('Unlucky')) throw new Error('no start');
    };
    recorded({ before: [processor({ onStart, onEnd: () => thrown(new Error('no end')) })] });
    const updater = new TaskUpdater({ taskName: 'T' });
    for (const name of ['Unlucky 1', 'Unlucky 2', 'Lucky 1', 'Lucky 2']) updater.scope(name, () => undefined);
    expect(warnings).toEqual([
      'taskspan: a span could not be started and is missing from the trace: no start',
      'taskspan: the end of a scope could not be recorded: no end',
    ]);
  });

  test('a second plan is reported by diag', () => {
    recorded();
    const warnings = diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.plan(1);
    updater.plan(2);
    expect(warnings).toEqual(['taskspan: "T" has a plan already: a scope\'s first plan counts']);
  });
});

describe('reportOnce', () => {
  test('reports a cause once', () => {
    const warnings = diagnosed();
    reportOnce('a', 'first');
    reportOnce('a', 'second');
    reportOnce('b', 'third', new Error('why'));
    expect(warnings).toEqual(['taskspan: first', 'taskspan: third: why']);
  });

  test('reports a cause once for all copies of the package in a process', async () => {
    const path: string = '../../src/report.ts?another-copy';
    const copy = (await import(path)) as { reportOnce: typeof reportOnce };
    expect(copy.reportOnce).not.toBe(reportOnce);
    const warnings = diagnosed();
    copy.reportOnce('of each copy', 'by the other copy');
    reportOnce('of each copy', 'by this copy');
    expect(warnings).toEqual(['taskspan: by the other copy']);
  });

  test('reports a new cause after any number of others, and an old one again', () => {
    const warnings = diagnosed();
    for (let at = 0; at < 5000; at++) reportOnce(`cause ${at}`, `${at}`);
    expect(warnings).toHaveLength(5000);
    reportOnce('cause 4999', 'again');
    reportOnce('cause 4001', 'again');
    expect(warnings).toHaveLength(5000);
    reportOnce('cause 3000', 'again');
    expect(warnings).toHaveLength(5001);
  });
});

import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { describe, expect, test } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { reportOnce } from '../../src/report.ts';
import { diagnosed } from './support/diagnosed.ts';
import { processor } from './support/processor.ts';
import { recorded } from './support/recorded.ts';
import { thrown } from './support/thrown.ts';

/** @isolated A process reports each cause once. */
describe('a trouble with tracing', () => {
  test('is told by diag, once per cause', () => {
    const told = diagnosed();
    const onStart: SpanProcessor['onStart'] = (span) => {
      if (span.name.startsWith('Unlucky')) throw new Error('no start');
    };
    recorded({ before: [processor({ onStart, onEnd: () => thrown(new Error('no end')) })] });
    const updater = new TaskUpdater({ taskName: 'T' });
    for (const name of ['Unlucky 1', 'Unlucky 2', 'Lucky 1', 'Lucky 2']) updater.scope(name, () => undefined);
    expect(told).toEqual([
      'taskspan: a span could not be started and is missing from the trace: no start',
      'taskspan: the end of a scope could not be recorded: no end',
    ]);
  });

  test('a second plan is told by diag', () => {
    recorded();
    const told = diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.plan(1);
    updater.plan(2);
    expect(told).toEqual(['taskspan: "T" has a plan already: a scope\'s first plan counts']);
  });
});

describe('reportOnce', () => {
  test('tells a cause once', () => {
    const told = diagnosed();
    reportOnce('a', 'first');
    reportOnce('a', 'second');
    reportOnce('b', 'third', new Error('why'));
    expect(told).toEqual(['taskspan: first', 'taskspan: third: why']);
  });

  test('is not silenced by however many causes there were, and forgets those of long ago', () => {
    const told = diagnosed();
    for (let at = 0; at < 5000; at++) reportOnce(`cause ${at}`, `${at}`);
    expect(told).toHaveLength(5000);
    reportOnce('cause 4999', 'again');
    reportOnce('cause 4001', 'again');
    expect(told).toHaveLength(5000);
    reportOnce('cause 3000', 'again');
    expect(told).toHaveLength(5001);
  });
});

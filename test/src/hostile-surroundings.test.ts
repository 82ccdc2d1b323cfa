import { context, diag, DiagLogLevel, propagation, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { memoryStore, TaskSpanProcessor } from '../../collector/index.ts';
import { TaskUpdater } from '../../src/index.ts';
import { report, reportOnce } from '../../src/report.ts';
import { diagnosed } from './support/diagnosed.ts';
import { processor } from './support/processor.ts';
import { recorded } from './support/recorded.ts';
import { capturedStdout } from './support/stdout.ts';
import { caught, thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

/** Runs task code, and collects the errors that reach it. */
async function undisturbed(updater: TaskUpdater): Promise<void> {
  const error = new Error('its own');
  expect(updater.scope('Sync', () => 42)).toBe(42);
  expect(await updater.scope('Async', async (scope) => turn().then(() => scope.scope('Inside', () => 43)))).toBe(43);
  updater.scope('Talks', (scope) => {
    for (let at = 0; at < 200; at++) scope.notify(`line ${at}`);
    scope.progress(1, 2);
    scope.plan(2);
  });
  updater.setResult(1);
  expect(updater.scope('Breaks', () => thrown(error))).toBeUndefined();
  expect(caught(() => updater.raiseLatestException())).toBe(error);
  expect(caught(() => updater.raiseLatestException())).toBe(error);
}

/** Sets a logger that throws, and returns a function that repairs it: the API's own calls to replace it would throw too. */
function throwingDiag(): () => void {
  let broken = false;
  const log = (): void => {
    if (broken) throw new Error('a logger that throws');
  };
  diag.setLogger({ error: log, warn: log, info: log, debug: log, verbose: log }, DiagLogLevel.ALL);
  const mend = (): void => {
    broken = false;
    diag.disable();
  };
  onTestFinished(mend);
  broken = true;
  return mend;
}

describe('a diag logger that throws', () => {
  test('harms neither the task nor its notifications', async () => {
    const { log, attempts } = recorded();
    const mend = throwingDiag();
    const updater = new TaskUpdater({ taskName: 'T' });
    await undisturbed(updater);
    updater.notify('too late');
    updater.scope('Too late', () => undefined);
    mend();
    expect((await log(updater)).match(/line \d+/g)).toHaveLength(200);
    const talks = (await attempts(updater))[0]!.scopes.find(({ name }) => name === 'Talks');
    expect(talks).toMatchObject({ notification_count: 200, done: 1, total: 2 });
  });

  test('does not throw out of reportOnce', () => {
    throwingDiag();
    report('a failure');
    report('a failure', new Error('why'));
    reportOnce('hostile surroundings', 'a failure');
  });
});

describe("a foreign span processor", () => {
  test.each(['before', 'after'] as const)('that throws in onStart, %s ours, does not reach the task', async (place) => {
    const printed = capturedStdout();
    recorded({ [place]: [processor({ onStart: () => thrown(new Error('onStart')) })] });
    await undisturbed(new TaskUpdater({ taskName: 'T', verbose: true }));
    expect(printed()).toMatch(/\tTask Finished - 3 out of 4 jobs finished\n$/);
  });

  test('that throws in onStart of one scope keeps that scope out of the trace, not out of the record', async () => {
    const onStart: SpanProcessor['onStart'] = (span) => {
      if (span.name === 'Unlucky') throw new Error('onStart');
    };
    const { record, attempts } = recorded({ before: [processor({ onStart })] });
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Lucky', () => undefined);
    expect(updater.scope('Unlucky', (scope) => scope.scope('Inside', () => 42))).toBe(42);
    updater.scope('Unlucky', () => thrown(new Error('still recorded')));
    updater.insertFinalUpdate();
    expect((await attempts(updater))[0]!.scopes.map(({ name }) => name)).toEqual(['Lucky', 'Unlucky', 'Unlucky']);
    expect(await record(updater)).toMatchObject({
      state: 'failed',
      exception: 'still recorded',
      jobs: { total: 3, finished: 2, failed: 1, running: 0 },
    });
    expect((await record(updater)).log).toMatch(/\tTask Finished - 2 out of 3 jobs finished\n$/);
  });

  test.each(['before', 'after'] as const)('that throws in onEnd, %s ours, does not reach the task', async (place) => {
    const printed = capturedStdout();
    const { log } = recorded({ [place]: [processor({ onEnd: () => thrown(new Error('onEnd')) })] });
    const updater = new TaskUpdater({ taskName: 'T', verbose: true });
    await undisturbed(updater);
    expect(printed()).toMatch(/\t - Breaks\n\t\tFailed\n(.|\n)*\tTask Finished - 3 out of 4 jobs finished\n$/);
    expect((await log(updater)).match(/line \d+/g)).toHaveLength(200);
    if (place === 'after') expect(await log(updater)).toBe(printed());
  });

});

describe('standard output', () => {
  test('that can not be written harms nothing', async () => {
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => thrown(new Error('EPIPE')));
    onTestFinished(() => write.mockRestore());
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T', verbose: true });
    await undisturbed(updater);
    write.mockRestore();
    expect(await record(updater)).toMatchObject({ finished: true, jobs: { total: 4, finished: 3, failed: 1 } });
  });
});

describe('code that suppresses tracing', () => {
  test('runs its scopes recorded, without a trace of their own', async () => {
    const { spans, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const value = context.with(suppressTracing(context.active()), () =>
      updater.scope('Suppressed', (scope) => {
        scope.notify('heard');
        return scope.scope('Inside', () => 42);
      }),
    );
    expect(value).toBe(42);
    updater.complete();
    expect((await spans()).map(({ name }) => name)).toEqual(['T']);
    expect(await record(updater)).toMatchObject({ trace_id: updater.traceId, jobs: { total: 1 } });
  });

  test('leaves no scope that later makes a trace of its own', async () => {
    const { spans, attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const suppressed = context.with(suppressTracing(context.active()), () => updater.scope('Suppressed'));
    suppressed.scope('Inside', () => undefined);
    suppressed.complete();
    updater.complete();
    expect(new Set((await spans()).map((span) => span.spanContext().traceId))).toEqual(new Set([updater.traceId]));
    expect(await attempts(updater)).toHaveLength(1);
  });
});

describe('a user who ends our span by hand', () => {
  test('does not break the scope', async () => {
    const { record, attempts } = recorded();
    diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    const value = updater.scope('Job', (job) => {
      trace.getActiveSpan()!.end();
      job.notify('after the end of the span');
      return job.scope('Inside', () => 42);
    });
    expect(value).toBe(42);
    updater.insertFinalUpdate();
    expect((await attempts(updater))[0]!.scopes).toMatchObject([
      { name: 'Job', outcome: 'completed', scopes: [{ name: 'Inside', outcome: 'completed' }] },
    ]);
    expect(await record(updater)).toMatchObject({ finished: true, status: 1 });
  });
});

describe('an unreachable store', () => {
  test('does not reach the task', { timeout: 60_000 }, async () => {
    const warnings = diagnosed();
    const store = memoryStore();
    store.append = () => Promise.reject(new Error('the store is unreachable'));
    const provider = new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store })] });
    provider.register();
    onTestFinished(async () => {
      trace.disable();
      context.disable();
      propagation.disable();
      await provider.shutdown();
    });
    await undisturbed(new TaskUpdater({ taskName: 'T' }));
    await provider.forceFlush();
    expect(warnings).toContain('taskspan: facts could not be committed, trying again: the store is unreachable');
  });
});

test('a provider that writes into the attributes of each span gets its own every time', async () => {
  const { log, spans } = recorded();
  const provider = trace.getTracerProvider();
  trace.disable();
  let number = 0;
  trace.setGlobalTracerProvider({
    getTracer(...args) {
      const tracer = provider.getTracer(...args);
      return {
        startActiveSpan: tracer.startActiveSpan.bind(tracer),
        startSpan(name, options, base) {
          if (options?.attributes !== undefined && name !== 'One') options.attributes[`tenant.${++number}`] = true;
          return tracer.startSpan(name, options, base);
        },
      };
    },
  });
  const updater = new TaskUpdater({ taskName: 'T' });
  for (const name of ['Zero', 'One', 'Two']) updater.scope(name, (scope) => scope.notify('said'));
  updater.complete();
  expect(await log(updater)).toContain('3 out of 3 jobs finished');
  const tenants = (await spans()).map(({ name, attributes }) => [name, Object.keys(attributes).filter((key) => key.startsWith('tenant'))]);
  expect(Object.fromEntries(tenants)).toEqual({ T: ['tenant.1'], Zero: ['tenant.2'], One: [], Two: ['tenant.3'] });
});

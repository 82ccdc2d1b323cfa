import { trace } from '@opentelemetry/api';
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { expect, onTestFinished, test } from 'vitest';
import { memoryStore, TaskSpanProcessor } from '../../collector/index.ts';
import { runTask } from '../../src/index.ts';
import { flushed, recorded } from '../src/support/recorded.ts';

test('the suites of this project run on SDK 3.x', async () => {
  const { provider, span } = recorded();
  provider.getTracer('any').startSpan('any').end();
  expect(provider).toBeInstanceOf(TracerProvider);
  // By the version that the loaded module has: an installed package may not be the loaded one.
  expect((await span('any')).resource.attributes['telemetry.sdk.version']).toBe('3.1.0');
  expect(apiVersion()).toBe('1.10.0');
});

/** The API leaves its version with what it keeps for all copies of itself. */
function apiVersion(): unknown {
  const kept = (globalThis as Record<symbol, unknown>)[Symbol.for('opentelemetry.js.api.1')];
  return (kept as { version?: unknown } | undefined)?.version;
}

test('a provider of SDK 3.x takes the processor and the sampler as they are', async () => {
  const store = memoryStore();
  // The cast is for this repository alone, which has the types of two API versions; an application has one.
  const processor = new TaskSpanProcessor({ store, beatIntervalMs: 0, retention: false }) as unknown as SpanProcessor;
  const provider = new TracerProvider({ sampler: new AlwaysOffSampler(), spanProcessors: [processor] });
  trace.setGlobalTracerProvider(provider);
  onTestFinished(async () => {
    trace.disable();
    await provider.shutdown();
  });
  const uuid = runTask('On 3.x', (updater) => {
    updater.scope('Work', (scope) => scope.notify('done'));
    return updater.taskUuid;
  });
  await flushed(provider);
  expect((await store.log(uuid))?.text).toBe(
    '\t - Work\n\tdone\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\tTask Finished - 1 out of 1 jobs finished\n',
  );
});

import { configureGlobal } from 'fast-check';
import { afterAll, aroundAll, expect } from 'vitest';
import { sharedValues } from './shared-values.ts';
import { testFile } from './test-file.ts';

// The seed that the run has printed.
configureGlobal({ seed: Number(process.env['TASKSPAN_TEST_SEED']) });

// What a process keeps begins anew in each file: a cause is reported once, an open task is ended by whatever ends all tasks
// of the process, and it is known whether a collector has ever run.
const { capture, reported, 'live-tasks': live } = sharedValues();
reported?.clear();
live?.clear();
if (capture !== undefined) capture.everStarted = false;

aroundAll((run) => testFile.run(String(expect.getState().testPath), run));

/**
 * The files of a run share processes: a file that leaves a provider, a context manager, a propagator or a logger changes
 * the next file, and so does a collector that still runs.
 */
afterAll(() => {
  const api = (globalThis as Record<symbol, object | undefined>)[Symbol.for('opentelemetry.js.api.1')] ?? {};
  const left = Object.keys(api).filter((slot) => slot !== 'version');
  if (left.length > 0) throw new Error(`the tests of this file leave OpenTelemetry's ${left.join(', ')} registered`);
  const { always, byProvider } = sharedValues().capture ?? {};
  const running = (always?.size ?? 0) + (byProvider?.size ?? 0);
  if (running > 0) throw new Error(`the tests of this file leave ${running} collectors running: each needs its close(), shutdown() or stop()`);
});

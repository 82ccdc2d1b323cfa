import { configureGlobal } from 'fast-check';
import { afterAll } from 'vitest';

// The seed that the run has printed.
configureGlobal({ seed: Number(process.env['TASKSPAN_TEST_SEED']) });

/** The files of a run share processes: a file that leaves a provider, a context manager, a propagator or a logger changes the next file. */
afterAll(() => {
  const api = (globalThis as Record<symbol, object | undefined>)[Symbol.for('opentelemetry.js.api.1')] ?? {};
  const left = Object.keys(api).filter((slot) => slot !== 'version');
  if (left.length > 0) throw new Error(`the tests of this file leave OpenTelemetry's ${left.join(', ')} registered`);
});

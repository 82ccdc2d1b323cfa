import { configureGlobal } from 'fast-check';

/** Gives every property test of a run the seed that the run has printed. */
configureGlobal({ seed: Number(process.env['TASKSPAN_TEST_SEED']) });

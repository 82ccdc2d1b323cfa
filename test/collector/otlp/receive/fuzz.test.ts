import { diag, DiagLogLevel } from '@opentelemetry/api';
import { expect, it, onTestFinished } from 'vitest';
import { createReceiver, createTasksApp, memoryStore } from '../../../../collector/index.ts';
import { isAllowed, nextMutant, post, randomOf } from './fuzz.ts';

const SEEDS = [1, 2, 3];
const MUTANTS = 1000;

/** @isolated What other files leave behind reports too, and is no fault of the receiver. */
it.each(SEEDS)('changed bodies are answered with 200 or 400, and what they bring can be read (seed %i; `npm run fuzz` has more)', async (seed) => {
  const store = memoryStore();
  const app = createReceiver({ store });
  const tasks = createTasksApp({ store, listen: false });
  const random = randomOf(seed);
  const statuses: number[] = [];
  // Where a body could not be read for another reason than its own.
  const reported: unknown[] = [];
  const report = (...args: unknown[]): void => void reported.push(args);
  diag.setLogger({ error: report, warn: report, info: report, debug: report, verbose: report }, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  onTestFinished(() => diag.disable());
  for (let number = 0; number < MUTANTS; number++) {
    const mutant = nextMutant(random);
    const { status } = await post(app, mutant);
    if (!isAllowed(status)) throw new Error(`mutant ${number} of seed ${seed} is answered with ${status}: ${Buffer.from(mutant.body).toString('base64')}`);
    statuses.push(status);
  }
  expect(reported).toEqual([]);
  // Neither are all good nor all bad: else nothing was tried.
  expect(new Set(statuses)).toEqual(new Set([200, 400]));
  const { tasks: list } = await store.tasks({ limit: 1000 });
  expect(list.length).toBeGreaterThan(0);
  for (const { uuid } of list) {
    for (const path of [`/tasks/${uuid}`, `/tasks/${uuid}/scopes`]) {
      const response = await tasks.request(path);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ task_uuid: uuid });
    }
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>)['stringValue']).toBeUndefined();
});

import { expect, test } from 'vitest';
import { Heartbeat } from '../../../collector/store/heartbeat.ts';
import type { HeartbeatOptions } from '../../../collector/store/heartbeat.ts';
import { bootTime } from '../../../collector/store/measured-silence.ts';
import type { Beat, StoredTask, TaskStore } from '../../../collector/store/task-store.ts';
import { BACKENDS, factsOf, NOW, uuidOf } from './stored-task.ts';

const INTERVAL_MS = 5000;
const UUID = uuidOf(1);

/** A store with a task of a worker, which has died. Its machine's clock stands at 1,000,000 ms. */
class Machine {
  readonly store: TaskStore;
  boot = 'this start';
  ms = 1_000_000;
  /** What happens in each pause of a reader. */
  meanwhile: () => Promise<void> | void = () => undefined;
  readonly failures: unknown[] = [];
  readonly #worker: string;

  constructor(store: TaskStore) {
    this.store = store;
    this.#worker = globalThis.crypto.randomUUID();
  }

  async runTask(): Promise<void> {
    const facts = factsOf(UUID);
    await this.store.append(
      facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, workerId: this.#worker, workerIntervalMs: INTERVAL_MS } : fact)),
    );
    await this.beat();
  }

  async beat(more: Partial<Beat> = {}): Promise<void> {
    const written = { boot: this.boot, ms: this.ms };
    await this.store.beat([{ workerId: this.#worker, host: 'here', pid: 1, intervalMs: INTERVAL_MS, time: NOW, busySince: null, written, ...more }]);
  }

  /** A process begins to read. Resolves to how often it has waited. */
  async read(options: Partial<HeartbeatOptions> = {}): Promise<number> {
    let pauses = 0;
    const reader = new Heartbeat({
      workerId: globalThis.crypto.randomUUID(),
      intervalMs: INTERVAL_MS,
      lostFinalMs: 600_000,
      store: this.store,
      clock: () => ({ boot: this.boot, ms: this.ms }),
      onFailure: (error) => this.failures.push(error),
      ...options,
    });
    await reader.search(async (ms) => {
      pauses++;
      this.ms += ms;
      await this.meanwhile();
    });
    return pauses;
  }

  async task(): Promise<StoredTask> {
    return (await this.store.stored(UUID))!;
  }
}

test.each(BACKENDS)('a reader %s finds at its first look that a worker of its machine has died', async (_, open) => {
  const machine = new Machine(open());
  await machine.runTask();
  machine.ms += 14_000;
  expect(await machine.read()).toBe(0);
  expect((await machine.task()).state).toBe('running');
  machine.ms += 1000;
  expect(await machine.read()).toBe(1);
  expect(await machine.task()).toMatchObject({ state: 'lost', version: 1, liveness: { heard: NOW, final: false } });
  // The next reader has nothing to add until that is for good.
  expect(await machine.read()).toBe(0);
  machine.ms += 600_000;
  expect(await machine.read()).toBe(1);
  expect(await machine.task()).toMatchObject({ state: 'lost', liveness: { heard: NOW, final: true } });
  expect(await machine.read()).toBe(0);
  expect(machine.failures).toEqual([]);
});

test.each(BACKENDS)('a reader %s leaves the state where the worker is heard before its second look', async (_, open) => {
  const machine = new Machine(open());
  await machine.runTask();
  machine.ms += 3_600_000;
  machine.meanwhile = () => machine.beat();
  expect(await machine.read()).toBe(1);
  expect((await machine.task()).state).toBe('running');
});

test.each(BACKENDS)('a reader %s looks again where the machine stood still in its pause', async (_, open) => {
  const machine = new Machine(open());
  await machine.runTask();
  machine.ms += 20_000;
  let stoodStill = 0;
  machine.meanwhile = async () => {
    if (stoodStill++ > 0) return machine.beat();
    machine.ms += 3_600_000;
  };
  expect(await machine.read()).toBe(2);
  expect((await machine.task()).state).toBe('running');
});

test.each(BACKENDS)('a reader %s leaves the state where it can not write', async (_, open) => {
  const machine = new Machine(open());
  await machine.runTask();
  machine.ms += 3_600_000;
  const failure = new Error('attempt to write a readonly database');
  const store = new Proxy(machine.store, {
    get: (target, key: keyof TaskStore) =>
      key === 'beat' ? () => Promise.reject(failure) : (target[key] as (...args: unknown[]) => unknown).bind(target),
  });
  expect(await machine.read({ store })).toBe(0);
  expect((await machine.task()).state).toBe('running');
  expect(machine.failures).toEqual([failure]);
});

test.each([
  ['after another start of the machine', (machine: Machine) => void (machine.boot = 'the next start')],
  ['whose heartbeats come from elsewhere', (machine: Machine) => machine.store.workers().then(([worker]) => machine.store.beat([{
    workerId: worker!.id, host: 'elsewhere', pid: 1, intervalMs: INTERVAL_MS, time: NOW, busySince: null,
  }]))],
])('a reader leaves the state of a worker %s', async (_, happen) => {
  const machine = new Machine(BACKENDS[0]![1]());
  await machine.runTask();
  await happen(machine);
  machine.ms += 3_600_000;
  expect(await machine.read()).toBe(0);
  expect((await machine.task()).state).toBe('running');
});

test.runIf(process.platform === 'linux')('the clock of a machine counts from its start, which has an id', () => {
  const { boot, ms } = bootTime()!;
  expect(boot).toMatch(/^[0-9a-f-]{36} /);
  expect(bootTime()!.boot).toBe(boot);
  expect(bootTime()!.ms).toBeGreaterThanOrEqual(ms);
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Heartbeat } from '../../../collector/store/heartbeat.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { StoredTask, TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { cases } from '../record/arbitrary-task.ts';

const INTERVAL_MS = 1000;
/** A process looks five times in an interval. */
const LOOK_MS = 200;
const LOST_FINAL_MS = 10_000;

/** Processes of one machine, and their time. */
class Machine {
  readonly store: TaskStore;
  /** Milliseconds that the machine was awake. */
  awake = 0;
  wall = 1_700_000_000_000;
  readonly processes: SimulatedProcess[] = [];

  constructor(store: TaskStore = memoryStore()) {
    this.store = store;
  }

  process(lostFinalMs: number = LOST_FINAL_MS): SimulatedProcess {
    const process = new SimulatedProcess(this, `worker-${this.processes.length}`, lostFinalMs);
    this.processes.push(process);
    return process;
  }

  /** Time passes, and each process that runs looks when it has to. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += LOOK_MS) {
      this.awake += LOOK_MS;
      this.wall += LOOK_MS;
      for (const process of this.processes) if (process.runs) await process.heartbeat.look();
    }
  }

  /** The machine's processes stand still, and with Linux the monotonic clock does too. */
  sleep(ms: number, monotonicGoesOn: boolean): void {
    this.wall += ms;
    if (monotonicGoesOn) this.awake += ms;
  }
}

class SimulatedProcess {
  readonly id: string;
  readonly heartbeat: Heartbeat;
  readonly told: string[] = [];
  runs = true;
  loopTicks = 0;
  readonly #machine: Machine;

  constructor(machine: Machine, id: string, lostFinalMs: number) {
    this.id = id;
    this.#machine = machine;
    this.heartbeat = new Heartbeat({
      workerId: id,
      intervalMs: INTERVAL_MS,
      lostFinalMs,
      store: machine.store,
      loopTicks: () => this.loopTicks,
      report: (message) => this.told.push(message),
      time: { wall: () => machine.wall, monotonic: () => machine.awake },
    });
  }

  /** Its one task. */
  get uuid(): string {
    return `54bf5712-b9ec-11e9-afdd-${this.id.slice(7).padStart(12, '0')}`;
  }

  async startTask(): Promise<void> {
    await this.#machine.store.append([startOf(this.uuid, this.id)]);
  }

  async task(): Promise<StoredTask> {
    return (await this.#machine.store.stored(this.uuid))!;
  }
}

function startOf(taskUuid: string, workerId: string): Fact {
  const spanId = taskUuid.slice(-12).padStart(16, 'a');
  const span = { taskUuid, traceId: 'b'.repeat(32), spanId, taskSpanId: spanId };
  return {
    kind: 'task-start', span, seq: 0, time: 1_700_000_000_000_000, name: 'TEST', attempt: 1, attributes: {}, workerId,
    workerIntervalMs: INTERVAL_MS, sampled: true,
  };
}

/** A machine with a process that has a task, and one that only listens. */
async function workerAndListener(): Promise<{ machine: Machine; worker: SimulatedProcess; listener: SimulatedProcess }> {
  const machine = new Machine();
  const [worker, listener] = [machine.process(), machine.process()];
  await worker.startTask();
  await machine.pass(2000);
  return { machine, worker, listener };
}

describe('a worker that falls silent', () => {
  test('is lost after three intervals and no sooner, and for good after the time that was set', async () => {
    const { machine, worker } = await workerAndListener();
    worker.runs = false;
    const { heard } = (await worker.task()).liveness!;
    await machine.pass(2000);
    expect((await worker.task()).state).toBe('running');
    await machine.pass(2000);
    expect(await worker.task()).toMatchObject({ state: 'lost', liveness: { heard, final: false } });
    await machine.pass(4000);
    expect((await worker.task()).liveness).toMatchObject({ final: false });
    await machine.pass(4000);
    expect(await worker.task()).toMatchObject({ state: 'lost', version: 1, liveness: { heard, final: true } });
    expect(await machine.store.workers()).toEqual([]);
  });

  test('has its silence counted on by a process that begins to listen when the listener is gone', async () => {
    const { machine, worker, listener } = await workerAndListener();
    worker.runs = false;
    await machine.pass(8000);
    listener.runs = false;
    machine.process();
    await machine.pass(5000);
    expect((await worker.task()).liveness).toMatchObject({ final: true });
  });

  test('is lost no sooner when many listen', async () => {
    const { machine, worker } = await workerAndListener();
    for (let more = 0; more < 20; more++) machine.process();
    await machine.pass(1000);
    worker.runs = false;
    await machine.pass(2000);
    expect((await worker.task()).state).toBe('running');
  });

  test.each(['lost', 'lost for good'])('and returns when it was %s', async (how) => {
    const { machine, worker } = await workerAndListener();
    worker.runs = false;
    await machine.pass(how === 'lost' ? 5000 : 15_000);
    expect((await worker.task()).state).toBe('lost');
    worker.runs = true;
    await machine.pass(LOOK_MS);
    expect((await worker.task()).state).toBe(how === 'lost' ? 'running' : 'lost');
  });
});

describe('no worker is lost', () => {
  test.each([
    ['forward by a day', 86_400_000],
    ['back by a day', -86_400_000],
  ])('when wall time jumps %s', async (_, ms) => {
    const { machine, worker } = await workerAndListener();
    machine.sleep(ms, false);
    for (let look = 0; look < 30; look++) {
      await machine.pass(LOOK_MS);
      expect((await worker.task()).state).toBe('running');
    }
  });

  test.each([true, false])('when the machine sleeps for an hour and the listener wakes first (monotonic time goes on: %s)', async (goesOn) => {
    const { machine, worker } = await workerAndListener();
    worker.runs = false;
    machine.sleep(3_600_000, goesOn);
    await machine.pass(1000);
    expect((await worker.task()).state).toBe('running');
    worker.runs = true;
    await machine.pass(1000);
    expect(await worker.task()).toMatchObject({ state: 'running', liveness: { final: false } });
  });

  test('while the store can not be written, by the process that writes it first', async () => {
    const inner = memoryStore();
    let away = false;
    const store = new Proxy(inner, {
      get: (target, key: keyof TaskStore) =>
        away && (key === 'beat' || key === 'silence')
          ? () => Promise.reject(new Error('disk full'))
          : (target[key] as (...args: unknown[]) => unknown).bind(target),
    });
    const machine = new Machine(store);
    const [listener, worker] = [machine.process(), machine.process()];
    await worker.startTask();
    await machine.pass(2000);
    away = true;
    await machine.pass(60_000);
    away = false;
    await machine.pass(LOOK_MS);
    expect((await worker.task()).state).toBe('running');
    expect(listener.runs).toBe(true);
  });

  test('that never stopped, whatever becomes of others, and one that is finished stays so', { timeout: 60_000 }, async () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.record({ what: fc.constant('pass' as const), ms: fc.integer({ min: LOOK_MS, max: 5000 }) }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('toggle' as const), which: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('sleep' as const), ms: fc.integer({ min: -1e6, max: 1e7 }), goesOn: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('begin' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), fc.nat(4), async (actions, steady) => {
        const machine = new Machine();
        for (let count = 0; count < 5; count++) await machine.process(4000 + 1000 * count).startTask();
        const finished = new Set<SimulatedProcess>();
        // Back from a pause, but not yet heard: a listener that comes to look first may still judge by the pause.
        const returning = new Set<SimulatedProcess>();
        for (const step of actions) {
          if (step.what === 'sleep') machine.sleep(step.ms, step.goesOn && step.ms > 0);
          else if (step.what === 'begin') machine.process();
          else if (step.what === 'pass') await machine.pass(step.ms);
          else if (step.which !== steady) {
            const process = machine.processes[step.which]!;
            process.runs = !process.runs;
            if (process.runs) returning.add(process);
          }
          for (const process of machine.processes.slice(0, 5)) {
            const task = await process.task();
            if (process.id === `worker-${steady}`) expect(task.state).toBe('running');
            if (step.what === 'pass' && process.runs && !finished.has(process) && !isFinished(task)) expect(task.state).toBe('running');
            if (step.what === 'pass' && process.runs && !returning.has(process)) expect(isFinished(task)).toBe(finished.has(process));
            if (finished.has(process)) expect(isFinished(task)).toBe(true);
            if (isFinished(task)) finished.add(process);
          }
          if (step.what === 'pass') returning.clear();
        }
        // The steady one listens: in the end all who stand still are lost for good.
        await machine.pass(20_000);
        for (const process of machine.processes.slice(0, 5)) {
          const isOver = isFinished(await process.task());
          if (!returning.has(process)) expect(isOver).toBe(finished.has(process) || !process.runs);
        }
      }),
      cases(120),
    );
  });
});

describe('a process', () => {
  test('that has no live task writes nothing while it is alone', async () => {
    const machine = new Machine();
    const [worker] = [machine.process()];
    const beats: unknown[] = [];
    const beat = machine.store.beat.bind(machine.store);
    machine.store.beat = (told) => {
      beats.push(told);
      return beat(told);
    };
    await machine.pass(10_000);
    expect(beats).toEqual([]);
    await worker.startTask();
    await machine.pass(10_000);
    expect(beats).toHaveLength(10);
  });

  test('that can not write the store reports it once, and once that it can again, also when its tasks have ended meanwhile', async () => {
    const machine = new Machine();
    const { store } = machine;
    const [beat, workers] = [store.beat.bind(store), store.workers.bind(store)];
    let [isFull, hasWorkers] = [false, true];
    store.beat = (told) => (isFull ? Promise.reject(new Error('disk full')) : beat(told));
    store.workers = () => (hasWorkers ? workers() : Promise.resolve([]));
    const worker = machine.process();
    await worker.startTask();
    await machine.pass(2000);
    isFull = true;
    await machine.pass(60_000);
    const begun = ['heartbeats can not be stored or read, trying again: disk full'];
    expect(worker.told).toEqual(begun);
    hasWorkers = false;
    await machine.pass(2000);
    expect(worker.told).toEqual(begun);
    isFull = false;
    await machine.pass(2000);
    expect(worker.told).toEqual([...begun, 'heartbeats are stored and read again']);
  });

  test('whose event loop stands still is busy since it last turned, and at once not when it turns again', async () => {
    const { machine, worker } = await workerAndListener();
    worker.loopTicks++;
    await machine.pass(LOOK_MS);
    const turned = machine.wall * 1000;
    await machine.pass(800);
    expect((await worker.task()).liveness).toMatchObject({ busySince: null });
    await machine.pass(2000);
    expect(await worker.task()).toMatchObject({ state: 'running', liveness: { busySince: turned } });
    worker.loopTicks++;
    await machine.pass(LOOK_MS);
    expect((await worker.task()).liveness).toMatchObject({ busySince: null });
  });

  test('that stood still as a whole was not busy', async () => {
    const { machine, worker } = await workerAndListener();
    worker.loopTicks++;
    await machine.pass(LOOK_MS);
    machine.sleep(3_600_000, true);
    await machine.pass(LOOK_MS);
    worker.loopTicks++;
    expect((await worker.task()).liveness).toMatchObject({ busySince: null });
  });
});

/** Whether a task will not go on: it has ended, or is lost for good. */
function isFinished({ state, liveness }: StoredTask): boolean {
  if (state === 'lost') return liveness?.final === true;
  return state !== 'queued' && state !== 'running';
}

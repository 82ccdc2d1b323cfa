import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createTasksApp, sqliteStore } from '../collector/index.ts';
import type { Fact, TaskStore } from '../collector/index.ts';
import { Listener } from '../collector/record/liveness.ts';
import { medianOf } from './figure.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import type { Effort } from './rounds.ts';

const WORKERS = 100;
const TASKS = 10_000;
const INTERVAL_MS = 5000;
/** How often each process checks the workers in a second. */
const CHECKS_A_SECOND = 2;

/**
 * What 10,000 live tasks of 100 workers cost the store: heartbeats, checks of the
 * workers, the loss of a worker, and reads, against the reads of as many tasks without heartbeats.
 */
export function measure(effort: Effort): Promise<Figure[]> {
  return inFolder(async (folder) => {
    const path = join(folder, 'heartbeats.sqlite');
    const beating = await storeOf(path, INTERVAL_MS);
    const silent = await storeOf(join(folder, 'silent.sqlite'), 0);
    const times = effort.quick ? 100 : 2000;
    const figures = [
      ...(await heartbeats(beating, times)),
      ...(await checks(beating, times / 2)),
      ...(await reads(beating, silent, times / 2)),
      ...(await losses(beating, Math.min(times, WORKERS - 1))),
    ];
    await Promise.all([beating.close(), silent.close()]);
    return figures;
  });
}

async function storeOf(path: string, workerIntervalMs: number): Promise<TaskStore> {
  const store = sqliteStore(path);
  const facts = Array.from({ length: TASKS }, (_, task) => start(task, workerIntervalMs));
  for (let at = 0; at < TASKS; at += 1000) await store.append(facts.slice(at, at + 1000));
  return store;
}

function start(task: number, workerIntervalMs: number): Fact {
  const spanId = task.toString(16).padStart(16, '0');
  const span = { taskUuid: uuidOf(task), traceId: spanId.repeat(2), spanId, taskSpanId: spanId };
  return {
    kind: 'task-start', span, seq: 0, time: Date.now() * 1000, name: 'Import customers', attempt: 1,
    attributes: { queue: 'imports' }, workerId: workerOf(task % WORKERS), workerIntervalMs, sampled: true,
  };
}

function uuidOf(task: number): string {
  return `54bf5712-b9ec-41e9-afdd-${task.toString(16).padStart(12, '0')}`;
}

function workerOf(worker: number): string {
  return `0190b1c4-7e5f-4000-8000-${worker.toString(16).padStart(12, '0')}`;
}

async function heartbeats(store: TaskStore, times: number): Promise<Figure[]> {
  const before = bytesWritten();
  const beat = (turn: number): Promise<void> =>
    store.beat([
      { workerId: workerOf(turn % WORKERS), host: 'bench', pid: turn, intervalMs: INTERVAL_MS, time: Date.now() * 1000, busySince: null },
    ]);
  const one = await timeEach(times, beat);
  const aSecond = (WORKERS * 1000) / INTERVAL_MS;
  return [
    { name: `a heartbeat, ${WORKERS} workers with ${TASKS} live tasks`, unit: 'µs', ours: one },
    { name: 'rows written by heartbeats', unit: 'rows/s', ours: aSecond, target: { of: 'ours', most: 100 } },
    { name: 'share of a second in which heartbeats hold the lock', unit: '%', ours: (one * aSecond) / 1e4, target: { of: 'ours', most: 1 } },
    { name: 'bytes handed to write(), a heartbeat', unit: 'bytes', ours: (bytesWritten() - before) / times },
  ];
}

async function checks(store: TaskStore, times: number): Promise<Figure[]> {
  const listener = new Listener({ lostFinalMs: 600_000, longestLookMs: 750 });
  const one = await timeEach(times, async (turn) => void listener.look(await store.workers(), turn));
  return [
    { name: `a check of ${WORKERS} workers`, unit: 'µs', ours: one },
    { name: 'share of a process\'s thread that checks take', unit: '%', ours: (one * CHECKS_A_SECOND) / 1e4, target: { of: 'ours', most: 1 } },
  ];
}

async function reads(beating: TaskStore, silent: TaskStore, times: number): Promise<Figure[]> {
  const apps = [beating, silent].map((store) => createTasksApp({ store, listen: false }));
  const paths = { 'a page of 50 records': '/tasks', 'the running tasks': '/tasks?state=running', 'one record': `/tasks/${uuidOf(4711)}` };
  const figures: Figure[] = [];
  for (const [name, path] of Object.entries(paths)) {
    const rounds: number[][] = [[], []];
    for (let round = 0; round < 11; round++) {
      for (const side of [round % 2, 1 - (round % 2)]) {
        rounds[side]!.push(await timeEach(times / 10, async () => void (await (await apps[side]!.request(path)).text())));
      }
    }
    const [ours, bare] = [rounds[0]!, rounds[1]!];
    const ratios = ours.map((micros, round) => micros / bare[round]!);
    const ratio = { median: medianOf(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
    figures.push({
      name: `${name} (bare: no heartbeats)`, unit: 'µs', ours: medianOf(ours), bare: medianOf(bare), ratio, target: { of: 'ratio', most: 1.5 },
    });
  }
  return figures;
}

/** Each worker dies once, with its 100 live tasks. */
async function losses(store: TaskStore, times: number): Promise<Figure[]> {
  const workers = await store.workers();
  const lost = await timeEach(times, (turn) => {
    const { id, beats: received } = workers[turn]!;
    return store.silence([{ id, beats: received, silentMs: 15_000, lost: true, final: false }]);
  });
  return [{ name: `the loss of a worker with ${TASKS / WORKERS} live tasks`, unit: 'µs', ours: lost }];
}

/** The kernel's count of bytes; `NaN` where the kernel has none (only Linux has). */
function bytesWritten(): number {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  } catch {
    return NaN;
  }
}

/** Median time of one call, in microseconds. */
async function timeEach(times: number, work: (turn: number) => Promise<void>): Promise<number> {
  const micros: number[] = [];
  for (let turn = 0; turn < times; turn++) {
    const from = performance.now();
    await work(turn);
    micros.push((performance.now() - from) * 1000);
  }
  return medianOf(micros);
}

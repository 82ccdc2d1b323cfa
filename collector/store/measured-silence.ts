import { readFileSync, readlinkSync } from 'node:fs';
import { measuredSilence } from '../record/liveness.ts';
import type { BootTime, Silence } from '../record/liveness.ts';
import { monotonicMs } from '../timers.ts';
import type { Beat, TaskStore } from './task-store.ts';

/*
 * A process that begins to read a store finds at once which workers of this machine have died before, without listening
 * to them for three intervals: each heartbeat has the time of the machine's monotonic clock, which is the same for all
 * its processes and stands still while the machine sleeps.
 */

let boot: string | undefined | null;

/** The time of this machine's monotonic clock; `undefined` where the system does not show which start it counts from. */
export function bootTime(): BootTime | undefined {
  boot ??= bootId();
  return boot === null ? undefined : { boot, ms: monotonicMs() };
}

function bootId(): string | null {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return id === '' ? null : `${id} ${timeNamespace()}`;
  } catch {
    return null;
  }
}

/** A container may have a monotonic clock of its own. */
function timeNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/time');
  } catch {
    return '';
  }
}

const ownWorkers = new Set<string>();

/** Notes that a worker is this process, so that the start of one of its tasks is a heartbeat of this machine. */
export function markOwnWorker(workerId: string): void {
  ownWorkers.add(workerId);
}

/** When a worker's task is committed here: the time of this machine, if the worker is this process. */
export function startWritten(workerId: string): BootTime | undefined {
  return ownWorkers.has(workerId) ? bootTime() : undefined;
}

/** How long a worker that seems lost has to be silent on, after the store could be written: it may have waited for that. */
const SECOND_LOOK_MS = 1000;
/** A pause that took longer by this factor: the machine stood still meanwhile, and so the workers. */
const LATE = 1.5;

/** Options of {@link findSilentWorkers}. */
interface SilenceSearch {
  store: Pick<TaskStore, 'beat' | 'workers' | 'silence'>;
  /** The worker that is not looked at: this process. */
  workerId: string;
  /** Makes the heartbeat that shows whether the store can be written. */
  heartbeat: () => Beat;
  /** The silence after which a worker's tasks are lost for good, in milliseconds. */
  lostFinalMs: number;
  clock: () => BootTime | undefined;
  /** Resolves after this time, or earlier where the search is to end. */
  wait: (ms: number) => Promise<void>;
  signal: AbortSignal;
}

/**
 * Stores the silence of the workers of this machine that fell silent before. Where none seems silent it only reads, once.
 * Otherwise it writes a heartbeat, looks again a second later, and stores the silence of those that are silent still.
 *
 * Rejects where the store can't be read or written.
 */
export async function findSilentWorkers({ store, workerId, heartbeat, lostFinalMs, clock, wait, signal }: SilenceSearch): Promise<void> {
  const look = async (): Promise<Silence[]> => {
    const now = clock();
    if (now === undefined) return [];
    const others = (await store.workers()).filter(({ id }) => id !== workerId);
    return others.map((worker) => measuredSilence(worker, now, lostFinalMs)).filter((silence) => silence !== undefined);
  };
  const seen = new Map((await look()).map(({ id, beats }) => [id, beats]));
  if (seen.size === 0) return;
  await store.beat([heartbeat()]);
  let passed = Infinity;
  while (passed > LATE * SECOND_LOOK_MS) {
    const before = clock()!.ms;
    await wait(SECOND_LOOK_MS);
    if (signal.aborted) return;
    passed = clock()!.ms - before;
  }
  const silent = (await look()).filter(({ id, beats }) => seen.get(id) === beats);
  if (silent.length > 0) await store.silence(silent);
}

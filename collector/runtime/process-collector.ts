import { describeFailure } from '../../src/failure.ts';
import { report } from '../../src/report.ts';
import { cancelLiveTask, worker } from '../../src/worker.ts';
import { FLUSH_MS, within } from '../async.ts';
import { readingEnd, untilWoken } from '../capture/ring-reader.ts';
import { reportLost } from '../capture/ring-writer.ts';
import type { RingWriter } from '../capture/ring-writer.ts';
import { hasLiveWork } from '../capture/segment.ts';
import { markListened } from '../store/heartbeat.ts';
import type { HeartbeatSettings } from '../store/heartbeat.ts';
import { unavailableStore } from '../store/store-at.ts';
import { redacted } from '../options/kinds.ts';
import { isSqliteStore, isTaskStore } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { CollectorThread } from './collector-thread.ts';
import { Collector } from './collector.ts';
import type { CollectorFailure, CollectorOptions, CollectorReady } from './collector.ts';
import { destinationAt } from './fact-destination.ts';
import type { FactLocation } from './fact-destination.ts';

/** The collector of a process as the task's thread sees it, whichever thread it runs in. */
export interface ProcessCollector {
  /** Resolves when it has tried its store and its port. Never rejects. */
  readonly ready: Promise<CollectorReady>;
  /** Where the records of this process are read. */
  readonly store: TaskStore;
  /** Resolves when all that was reported is committed, or this time is over. */
  flush(limitMs: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Options of {@link startProcessCollector}. */
interface ProcessCollectorOptions extends Pick<CollectorOptions, 'serve' | 'upkeep' | 'sendLostTraces'> {
  ring: RingWriter;
  /** A store, the path or URL of a store, or where facts are sent instead. */
  destination: TaskStore | FactLocation;
  /** Milliseconds between two heartbeats, 0 for none, and the silence after which lost tasks are so for good. */
  beatIntervalMs: number;
  lostFinalMs: number;
  /** The attributes of this process's resource, by `resourceJson`. */
  resource: string;
  /** Called when the store was replaced by one that knows nothing of what is open. */
  onReplaced: () => void;
}

/**
 * Starts the collector of this process. It runs in a thread beside the task, so that task code that blocks its event loop
 * does not hold it up; in the task's thread where the store is an object or in memory, or where no thread can be started.
 */
export function startProcessCollector(options: ProcessCollectorOptions): ProcessCollector {
  const { ring, destination, beatIntervalMs, lostFinalMs } = options;
  const heartbeat = beatIntervalMs === 0 ? undefined : { workerId: worker.id, intervalMs: beatIntervalMs, lostFinalMs, resource: options.resource };
  if (typeof destination === 'object' && isTaskStore(destination)) {
    if (!isSqliteStore(destination) || !destination.isInMemory) {
      report('a store given as an object keeps the collector in the task\'s own thread');
    }
    return { store: destination, ...collectHere(ring, { ...options, heartbeat, store: destination, closesStore: false }) };
  }
  const remote = typeof destination === 'string' ? undefined : unavailableStore(`records are not kept in this process: they are served at ${redacted(destination.serverUrl)}`);
  const startHere = (): ProcessCollector => {
    // A server that holds a request for cancellations open would keep the process alive here.
    const store = destinationAt(destination, { control: ring.control, waitSeconds: 0, report });
    return { store: remote ?? (store as TaskStore), ...collectHere(ring, { ...options, heartbeat, store, closesStore: true }) };
  };
  if (destination === ':memory:') return startHere();
  // From now on task spans promise heartbeats. The task's own thread could not keep that while task code blocks.
  worker.intervalMs = beatIntervalMs;
  const thread = new CollectorThread({ ...options, location: destination, heartbeat });
  let running: ProcessCollector = thread;
  const ready = thread.ready.then(async ({ noThread, ...inThread }) => {
    if (noThread === undefined) return inThread;
    worker.intervalMs = 0;
    await thread.close();
    running = startHere();
    const { failures, ...here } = await running.ready;
    return { ...here, failures: [threadFailure(noThread), ...failures] };
  });
  return {
    ready,
    get store() {
      return remote ?? running.store;
    },
    flush: (limitMs) => running.flush(limitMs),
    async close() {
      worker.intervalMs = 0;
      await running.close();
    },
  };
}

function threadFailure(cause: unknown): CollectorFailure {
  const { name, message } = describeFailure(cause);
  return {
    component: 'thread',
    message:
      `no collector thread could be started: ${message || name}. The collector runs in the task's own thread, where a task ` +
      'that blocks the event loop delays it. Allow worker threads; docs/bundling.md of the package has the cases',
    code: 'NO_THREAD',
  };
}

/** Options of {@link collectHere}. */
interface HereOptions extends Pick<CollectorOptions, 'store' | 'closesStore' | 'serve' | 'upkeep' | 'sendLostTraces'> {
  heartbeat: HeartbeatSettings | undefined;
  /** Called when the store was replaced by one that knows nothing of what is open. */
  onReplaced: () => void;
}

/** Starts a collector in the thread of the tasks. Task code that blocks its event loop holds it up. */
export function collectHere(ring: RingWriter, options: HereOptions): Omit<ProcessCollector, 'store'> {
  const { store, heartbeat, onReplaced } = options;
  const ends = [
    ...(heartbeat === undefined ? [] : [markListened(store)]),
    ...(isSqliteStore(store) ? [store.onReplaced(onReplaced)] : []),
  ];
  const collector = new Collector({
    ...options,
    source: readingEnd(ring),
    sleep: () => untilWoken(ring),
    workerId: worker.id,
    hasLiveWork: () => hasLiveWork(ring.control),
    cancel({ number, taskUuid, spanId, by, reason }) {
      if (cancelLiveTask(taskUuid, spanId, { by, reason })) collector.heard(number);
    },
    report,
  });
  const atExit = (): void => {
    collector.drainNow();
    reportLost(ring);
  };
  process.on('exit', atExit);
  return {
    ready: collector.ready,
    flush: (limitMs) => collector.drain(limitMs),
    async close() {
      process.off('exit', atExit);
      for (const end of ends.splice(0)) end();
      await within(FLUSH_MS, collector.close());
    },
  };
}

import { checkKeys } from '../../src/arguments.ts';
import { capture } from '../../src/capture.ts';
import { received } from '../../src/failure.ts';
import { report } from '../../src/report.ts';
import { worker } from '../../src/worker.ts';
import { FLUSH_MS } from '../async.ts';
import { RingSpanProcessor } from '../capture/ring-span-processor.ts';
import type { EndedSpan, StartedSpan } from '../capture/ring-span-processor.ts';
import { reportLost, RingWriter } from '../capture/ring-writer.ts';
import { optionValue } from '../options/read.ts';
import { resolveRetention } from '../store/retention.ts';
import type { RetentionOptions } from '../store/retention.ts';
import { isTaskStore } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { collectHere } from './process-collector.ts';
import type { ProcessCollector } from './process-collector.ts';
import { watchProcessExit } from './process-exit.ts';
import type { ProcessExit } from './process-exit.ts';

/** Options of {@link TaskSpanProcessor}. */
export interface TaskSpanProcessorOptions {
  /** Where records and logs are kept. The processor does not close it. */
  store: TaskStore;
  /** The most memory that facts waiting for the store may take, in bytes, at least 1 MiB. Default 128 MiB. */
  bufferBytes?: number;
  /** Interval at which it listens to other workers, in milliseconds, as for `startTaskspan`; 0 does not. Default 5000. */
  beatIntervalMs?: number;
  /** After how long a silence another worker's tasks are lost for good, in milliseconds. Default 600000. */
  lostFinalMs?: number;
  /** After how many milliseconds without a fact a task without heartbeats is lost for good; 0 never. Default 86400000. */
  quietFinalMs?: number;
  /** After how many milliseconds a queued task has expired; 0 never. Default 604800000. */
  queuedFinalMs?: number;
  /** What is kept of ended tasks, as for `startTaskspan`. Default 30 days, the latest 100,000; `false` keeps all. */
  retention?: RetentionOptions | false;
}

const OPTIONS = [
  'store',
  'bufferBytes',
  'beatIntervalMs',
  'lostFinalMs',
  'quietFinalMs',
  'queuedFinalMs',
  'retention',
] satisfies (keyof TaskSpanProcessorOptions)[];

/**
 * A span processor for an application's own provider: it keeps the record and log of each task in a store. Its collector
 * runs in the task's own thread, so that task code that blocks the event loop delays the record too; the collector thread
 * of `startTaskspan()` has no such delay. So task spans promise no heartbeats: tasks of other workers are lost where they
 * fall silent, those of this process never are.
 *
 * ```ts
 * new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store })] })
 * ```
 *
 * Facts wait until the store has committed them; while there are any, the process stays alive.
 */
export class TaskSpanProcessor {
  readonly #ring: RingWriter;
  readonly #spans: RingSpanProcessor;
  readonly #exit: ProcessExit;
  readonly #collector: Omit<ProcessCollector, 'store'>;
  #ended: Promise<void> | undefined;

  constructor(options: TaskSpanProcessorOptions) {
    checkKeys('TaskSpanProcessor', options, OPTIONS);
    const { store } = options;
    if (!isTaskStore(store)) throw new TypeError(`store: expected a TaskStore, got ${received(store)}`);
    const upkeep = {
      retention: resolveRetention(options.retention),
      quietFinalMs: optionValue('quietFinalMs', options.quietFinalMs),
      queuedFinalMs: optionValue('queuedFinalMs', options.queuedFinalMs),
    };
    const intervalMs = optionValue('beatIntervalMs', options.beatIntervalMs);
    const lostFinalMs = optionValue('lostFinalMs', options.lostFinalMs);
    this.#ring = new RingWriter({ limitBytes: optionValue('bufferBytes', options.bufferBytes) });
    this.#ring.onFull = () => report('the store has been unreachable for too long: facts are being dropped');
    this.#spans = new RingSpanProcessor(this.#ring);
    // Before the collector: what is open has to be ended before the last facts are committed.
    this.#exit = watchProcessExit({});
    this.#collector = collectHere(this.#ring, {
      store,
      closesStore: false,
      heartbeat: intervalMs === 0 ? undefined : { workerId: worker.id, intervalMs, lostFinalMs },
      upkeep,
      onReplaced: () => this.#spans.startAgain(),
    });
    worker.cancelReceivers++;
    capture.byProvider.add(this.#spans);
    capture.everStarted = true;
  }

  onStart(span: StartedSpan): void {
    this.#spans.onStart(span);
  }

  onEnd(span: EndedSpan): void {
    this.#spans.onEnd(span);
  }

  /** Resolves when all facts until now are committed, or refused by the store; after two seconds at the latest. */
  async forceFlush(): Promise<void> {
    await this.#collector.flush(FLUSH_MS);
  }

  /** Flushes, and takes nothing more: what could not be committed and what comes later is lost, and reported. */
  shutdown(): Promise<void> {
    return (this.#ended ??= this.#end());
  }

  async #end(): Promise<void> {
    capture.byProvider.delete(this.#spans);
    await this.forceFlush();
    this.#ring.onLateFact = () => {
      this.#ring.onLateFact = undefined;
      report('something is reported after shutdown() of the TaskSpanProcessor: nothing more is recorded');
    };
    this.#ring.close();
    this.#exit.stop();
    worker.cancelReceivers--;
    await this.#collector.close();
    reportLost(this.#ring);
  }
}

import { checkKeys } from '../../src/arguments.ts';
import { capture } from '../../src/capture.ts';
import { received } from '../../src/failure.ts';
import { report } from '../../src/report.ts';
import { cancelLiveTask, worker } from '../../src/worker.ts';
import { within } from '../async.ts';
import { checkBufferBytes } from '../capture/buffer-bytes.ts';
import { reportLost } from '../capture/lost-facts.ts';
import { readingEnd, untilWoken } from '../capture/ring-here.ts';
import { RingSpanProcessor } from '../capture/ring-span-processor.ts';
import { RingWriter } from '../capture/ring-writer.ts';
import type { EndedSpan, StartedSpan } from '../capture/sdk-span.ts';
import { hasLiveWork } from '../capture/segment.ts';
import { checkedIntervalMs, checkedLostFinalMs, markListened } from '../store/heartbeat.ts';
import { checkRetention, KEEP_ALL } from '../store/retention.ts';
import type { RetentionOptions } from '../store/retention.ts';
import { isTaskStore } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { startCollecting } from './collecting.ts';
import type { Collecting } from './collecting.ts';
import { watchEndings } from './process-exit.ts';
import type { Endings } from './process-exit.ts';

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
  /** What is kept of ended tasks, as for `startTaskspan`. Default 30 days, the latest 100,000; `false` keeps all. */
  retention?: RetentionOptions | false;
}

/** The longest that a flush or the end waits for the store. */
const FLUSH_MS = 2000;

const OPTIONS = [
  'store',
  'bufferBytes',
  'beatIntervalMs',
  'lostFinalMs',
  'retention',
] satisfies (keyof TaskSpanProcessorOptions)[];

/**
 * A span processor for an application's own provider: it keeps the record and log of each task in
 * a store, in the task's own thread. What blocks that thread holds up the record too; the
 * collector thread of `startTaskspan()` does not suffer from it. So task spans promise no signs of
 * life: tasks of other workers are lost where they fall silent, those of this process never are.
 *
 * ```ts
 * new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store })] })
 * ```
 *
 * Facts wait until the store has committed them; while there are any, the process stays alive.
 */
export class TaskSpanProcessor {
  readonly #spans: RingSpanProcessor;
  readonly #collecting: Collecting;
  readonly #endings: Endings;
  readonly #onExit: () => void;
  readonly #ring: RingWriter;
  #ended: Promise<void> | undefined;

  constructor(options: TaskSpanProcessorOptions) {
    checkKeys('TaskSpanProcessor', options, OPTIONS);
    const { store, bufferBytes, retention = {} } = options;
    if (!isTaskStore(store)) throw new TypeError(`store: expected a TaskStore, got ${received(store)}`);
    if (bufferBytes !== undefined) checkBufferBytes(bufferBytes);
    if (retention !== false) checkRetention(retention);
    const intervalMs = checkedIntervalMs(options.beatIntervalMs);
    const heartbeat = { workerId: worker.id, intervalMs, lostFinalMs: checkedLostFinalMs(options.lostFinalMs) };
    const ring = new RingWriter(bufferBytes === undefined ? {} : { limitBytes: bufferBytes });
    ring.onGivenUp = () => report('the store has been away for too long: facts are being given up');
    this.#ring = ring;
    this.#spans = new RingSpanProcessor(ring);
    this.#collecting = startCollecting({
      source: readingEnd(ring),
      store,
      heartbeat: intervalMs === 0 ? undefined : heartbeat,
      retention: retention === false ? KEEP_ALL : retention,
      sleep: () => untilWoken(ring),
      workerId: worker.id,
      hasLiveWork: () => hasLiveWork(ring.control),
      cancel: cancelLiveTask,
      report,
    });
    if (intervalMs > 0) markListened(store);
    this.#onExit = () => {
      this.#collecting.committer.drainNow();
      reportLost(ring);
    };
    this.#endings = watchEndings({});
    process.on('exit', this.#onExit);
    worker.listeners++;
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
    await within(FLUSH_MS, this.#collecting.committer.drain(FLUSH_MS));
  }

  /** Flushes, and takes nothing more: what could not be committed and what comes later is lost, and reported. */
  shutdown(): Promise<void> {
    return (this.#ended ??= this.#end());
  }

  async #end(): Promise<void> {
    capture.byProvider.delete(this.#spans);
    await this.forceFlush();
    this.#ring.onDropped = () => {
      this.#ring.onDropped = undefined;
      report('something is reported after shutdown() of the TaskSpanProcessor: nothing more is recorded');
    };
    this.#ring.close();
    this.#endings.stop();
    worker.listeners--;
    process.off('exit', this.#onExit);
    await this.#collecting.stop();
    reportLost(this.#ring);
  }
}

import { received } from '../../src/failure.ts';
import { cancelLiveTask } from '../../src/live-tasks.ts';
import { report } from '../../src/report.ts';
import { worker } from '../../src/worker.ts';
import { watchEndings } from '../ending/endings.ts';
import type { Endings } from '../ending/endings.ts';
import { readingEnd, untilWoken } from '../ring/ring-here.ts';
import { RingWriter } from '../ring/ring-writer.ts';
import { hasLiveTasks } from '../ring/segment.ts';
import { watchCancellations } from '../store/cancel-watch.ts';
import type { CancelWatch } from '../store/cancel-watch.ts';
import { Committer } from '../store/committer.ts';
import { isTaskStore } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { RingSpanProcessor } from './ring-span-processor.ts';
import type { EndedSpan, StartedSpan } from './span-facts.ts';

/** Options of {@link TaskSpanProcessor}. */
export interface TaskSpanProcessorOptions {
  /** Where records and logs are kept. The processor does not close it. */
  store: TaskStore;
  /** The most memory that facts waiting for the store may take, in bytes, at least 1 MiB. Default 128 MiB. */
  bufferBytes?: number;
}

const LEAST_BUFFER_BYTES = 1024 * 1024;

/**
 * A span processor for an application's own provider: it keeps the record and log of each task in
 * a store, in the task's own thread. What blocks that thread holds up the record too; the
 * collector thread of `startTaskspan()` does not suffer from it.
 *
 * ```ts
 * new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store })], sampler: recordTasks(sampler) })
 * ```
 *
 * Facts wait until the store has committed them; while there are any, the process stays alive.
 */
export class TaskSpanProcessor {
  readonly #spans: RingSpanProcessor;
  readonly #committer: Committer;
  readonly #cancellations: CancelWatch;
  readonly #endings: Endings;
  readonly #onExit: () => void;
  #isShutDown = false;

  constructor({ store, bufferBytes }: TaskSpanProcessorOptions) {
    if (!isTaskStore(store)) throw new TypeError(`store: expected a TaskStore, got ${received(store)}`);
    if (bufferBytes !== undefined && !(bufferBytes >= LEAST_BUFFER_BYTES)) {
      throw new RangeError(`bufferBytes: expected at least ${LEAST_BUFFER_BYTES}, got ${received(bufferBytes)}`);
    }
    const ring = new RingWriter(bufferBytes === undefined ? {} : { limitBytes: bufferBytes });
    ring.onGivenUp = () => report('the store has been away for too long: facts are being given up');
    this.#spans = new RingSpanProcessor(ring);
    this.#cancellations = watchCancellations({
      store,
      workerId: worker.id,
      hasLiveTasks: () => hasLiveTasks(ring.control),
      cancel: cancelLiveTask,
      report,
    });
    this.#committer = new Committer({
      source: readingEnd(ring),
      store,
      sleep: () => {
        this.#cancellations.wake();
        return untilWoken(ring);
      },
      onFailure: (error, failures) => {
        if (failures === 1) report('facts could not be committed, trying again', error);
      },
    });
    this.#onExit = () => this.#committer.drainNow();
    this.#endings = watchEndings({});
    process.on('exit', this.#onExit);
    worker.listeners++;
    void this.#committer.run();
  }

  onStart(span: StartedSpan): void {
    this.#spans.onStart(span);
  }

  onEnd(span: EndedSpan): void {
    this.#spans.onEnd(span);
  }

  /** Resolves when all that was said is committed, or the store has refused it. */
  async forceFlush(): Promise<void> {
    await this.#committer.drain();
  }

  /** Flushes, and takes nothing more. */
  async shutdown(): Promise<void> {
    await this.#committer.drain();
    this.#committer.stop();
    this.#cancellations.stop();
    this.#endings.stop();
    if (!this.#isShutDown) worker.listeners--;
    this.#isShutDown = true;
    process.off('exit', this.#onExit);
  }
}

import { Worker } from 'node:worker_threads';
import { describeFailure } from '../../src/failure.ts';
import { report, reportOnce, print } from '../../src/report.ts';
import { clearInterval, clearTimeout, performance, setInterval, setTimeout } from '../../src/timers.ts';
import { cancelLiveTask, worker as thisWorker } from '../../src/worker.ts';
import { reportLost } from '../capture/lost-facts.ts';
import { RingReader } from '../capture/ring-reader.ts';
import type { RingWriter } from '../capture/ring-writer.ts';
import { CONTROL } from '../capture/segment.ts';
import type { Segment } from '../capture/segment.ts';
import type { SinkSettings } from '../otlp/send/otlp-sink.ts';
import type { ServeOptions } from '../server/serve-options.ts';
import { Committer } from '../store/committer.ts';
import { LOOP_TICK_MS } from '../store/heartbeat.ts';
import type { HeartbeatSettings } from '../store/heartbeat.ts';
import type { RetentionOptions } from '../store/retention.ts';
import { storeAt } from '../store/store-at.ts';
import type { CollectorFailure, FromThread, SharedSegment, ThreadData, ToThread } from './messages.ts';
import { threadProgram } from './thread-program.ts';

/** What the collector says once it has tried to open its store and its port. */
export interface CollectorReady {
  url: string | undefined;
  failures: readonly CollectorFailure[];
  /** Whether it hears requests to cancel. */
  hears: boolean;
  /** Why no thread could be started, where that is so. */
  noThread?: unknown;
}

/** Set in the thread's environment, where `startTaskspan` does nothing. */
export const INSIDE_COLLECTOR = 'TASKSPAN_INSIDE_COLLECTOR';

const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 5000;
const EXIT_WAIT_MS = 1000;
const POLL_MS = 5;

/**
 * The collector in a thread beside the task, seen from the task's side: it starts the thread,
 * starts it again if it dies, and at the end waits for what is in the ring.
 */
export class CollectorThread {
  readonly #ring: RingWriter;
  readonly #store: string | SinkSettings;
  readonly #serve: ServeOptions | undefined;
  readonly #heartbeat: HeartbeatSettings | undefined;
  readonly #loopTicks: ReturnType<typeof setInterval>;
  readonly #retention: RetentionOptions;
  readonly #ready = Promise.withResolvers<CollectorReady>();
  #worker: Worker | undefined;
  #everReady = false;
  #deaths = 0;
  #closing = false;
  #restart: ReturnType<typeof setTimeout> | undefined;
  /** Called when the store was replaced by one that knows nothing of what is open. */
  onReplaced: (() => void) | undefined;
  readonly #atExit = (): void => this.#flushAtExit();

  constructor(
    ring: RingWriter,
    store: string | SinkSettings,
    serve: ServeOptions | undefined,
    heartbeat: HeartbeatSettings | undefined,
    retention: RetentionOptions,
  ) {
    this.#ring = ring;
    this.#store = store;
    this.#serve = serve;
    this.#heartbeat = heartbeat;
    this.#retention = retention;
    this.#loopTicks = setInterval(() => {
      Atomics.add(ring.control, CONTROL.loopTicks, 1);
      // After a burst nobody may write for long.
      ring.reclaim();
    }, LOOP_TICK_MS);
    this.#loopTicks.unref();
    ring.onSegment = (segment) => this.#post({ type: 'segment', segment: shared(segment) });
    ring.onFreed = (id) => this.#post({ type: 'freed', id });
    process.on('exit', this.#atExit);
    this.#start();
  }

  /** Resolves when the thread has tried to open its store and port, or can't be started at all. */
  get ready(): Promise<CollectorReady> {
    return this.#ready.promise;
  }

  /** Resolves when all that was said is committed, or the time is over. */
  async flush(limitMs: number): Promise<boolean> {
    const limit = performance.now() + limitMs;
    this.#ring.wake();
    while (!this.#ring.isDrained && performance.now() < limit) await pause(POLL_MS);
    return this.#ring.isDrained;
  }

  /** Ends the thread, its server and its store within about a second. What is in the ring is left there. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restart);
    clearInterval(this.#loopTicks);
    process.off('exit', this.#atExit);
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.ref();
    this.#post({ type: 'close' });
    const late = setTimeout(() => void worker.terminate(), EXIT_WAIT_MS);
    await ended;
    clearTimeout(late);
  }

  #start(): void {
    let worker: Worker;
    try {
      worker = new Worker(threadProgram, {
        eval: typeof threadProgram === 'string',
        name: 'taskspan-collector',
        workerData: this.#threadData(),
        // Deno takes no flags here, and warns of no experiments.
        execArgv: 'deno' in process.versions ? [] : ['--disable-warning=ExperimentalWarning'],
        // Without NODE_OPTIONS: a telemetry preload would start threads without end.
        env: { ...process.env, NODE_OPTIONS: '', [INSIDE_COLLECTOR]: '1' },
      });
    } catch (error) {
      this.#noThread(error);
      return;
    }
    this.#worker = worker;
    if (this.#everReady) worker.unref();
    let cause: unknown;
    worker.on('message', (message: FromThread) => this.#hear(worker, message));
    // Unheard it would end the process.
    worker.on('error', (error) => (cause = error));
    for (const name of ['stdout', 'stderr'] as const) printWhatItWrites(worker, name);
    worker.on('exit', (code) => this.#died(worker, cause ?? new Error(`it ended with code ${code}`)));
  }

  #threadData(): ThreadData {
    return {
      taskspanCollector: true,
      control: this.#ring.control,
      segments: this.#ring.segments.map(shared),
      store: this.#store,
      serve: this.#serve,
      workerId: thisWorker.id,
      heartbeat: this.#heartbeat,
      retention: this.#retention,
    };
  }

  #hear(worker: Worker, message: FromThread): void {
    if (message.type === 'report') {
      report(message.message);
      return;
    }
    if (message.type === 'cancel') {
      cancelLiveTask(message.taskUuid, message.spanId);
      return;
    }
    if (message.type === 'replaced') {
      this.onReplaced?.();
      return;
    }
    const { url, failures, hears } = message;
    this.#everReady = true;
    this.#deaths = 0;
    worker.unref();
    this.#ready.resolve({ url, failures, hears });
  }

  #died(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    if (this.#closing) return;
    if (!this.#everReady) {
      this.#noThread(cause);
      return;
    }
    reportOnce('collector thread', 'the collector thread has ended and is started again', cause);
    const wait = Math.min(FIRST_RESTART_MS * 2 ** this.#deaths++, LONGEST_RESTART_MS);
    this.#restart = setTimeout(() => this.#start(), wait);
    this.#restart.unref();
  }

  #noThread(cause: unknown): void {
    this.#ready.resolve({ url: undefined, failures: [], hears: true, noThread: cause });
  }

  #post(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  /** The last that the process does: the thread goes on committing while this one waits for it. */
  #flushAtExit(): void {
    this.#ring.wake();
    if (this.#worker === undefined) {
      this.#drainHere();
      return;
    }
    const limit = performance.now() + EXIT_WAIT_MS;
    while (!this.#ring.isDrained && performance.now() < limit) {
      const { control } = this.#ring;
      Atomics.wait(control, CONTROL.acknowledgements, Atomics.load(control, CONTROL.acknowledgements), POLL_MS);
    }
    reportLost(this.#ring);
  }

  /** Where the thread has died just before: no new one can be had any more. */
  #drainHere(): void {
    if (this.#ring.isDrained) return;
    // Nothing can be sent without a turn of the event loop.
    if (typeof this.#store !== 'string') {
      reportLost(this.#ring);
      return;
    }
    try {
      const source = new RingReader(this.#ring.control);
      for (const segment of this.#ring.segments) source.add(segment);
      const store = storeAt(this.#store);
      new Committer({ source, store, sleep: () => Promise.resolve(), onFailure: () => undefined }).drainNow();
      void store.close();
    } catch (error) {
      report('the last facts could not be committed', describeFailure(error).message);
    }
  }
}

/**
 * In place of the pipe that Node.js has made: that turns a failed write of the application into an uncaught error. (The
 * options of `Worker` that make no pipe let what is read hold the process.) Not all runtimes have these streams.
 */
function printWhatItWrites(worker: Partial<Pick<Worker, 'stdout' | 'stderr'>>, name: 'stdout' | 'stderr'): void {
  worker[name]?.unpipe().on('data', (text: Buffer) => print(name, text));
}

function shared({ id, memory }: Segment): SharedSegment {
  return { id, memory };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

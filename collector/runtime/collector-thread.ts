import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { print, report, reportOnce } from '../../src/report.ts';
import { clearInterval, clearTimeout, performance, setInterval, setTimeout } from '../timers.ts';
import { cancelInbox, cancelLiveTask, worker as thisWorker } from '../../src/worker.ts';
import { pause, within } from '../async.ts';
import { RingReader } from '../capture/ring-reader.ts';
import { reportLost } from '../capture/ring-writer.ts';
import type { RingWriter } from '../capture/ring-writer.ts';
import { CONTROL } from '../capture/segment.ts';
import type { Segment } from '../capture/segment.ts';
import { Committer } from '../store/committer.ts';
import { LOOP_TICK_MS, markListened } from '../store/heartbeat.ts';
import type { HeartbeatSettings } from '../store/heartbeat.ts';
import { storeAt } from '../store/store-at.ts';
import { TaskStoreError } from '../store/task-store.ts';
import type { Cancellation, TaskStore } from '../store/task-store.ts';
import type { CollectorOptions, CollectorReady } from './collector.ts';
import type { FactLocation } from './fact-destination.ts';
import { messageStore } from './message-store.ts';
import type { MessageStore } from './message-store.ts';
import { answerTo } from './messages.ts';
import type { FromThread, SharedSegment, ThreadData, ToThread } from './messages.ts';
import { threadProgram } from './thread-program.ts';

/** Options of {@link CollectorThread}. */
interface CollectorThreadOptions extends Pick<CollectorOptions, 'serve' | 'upkeep' | 'sendLostTraces'> {
  ring: RingWriter;
  location: FactLocation;
  heartbeat: HeartbeatSettings | undefined;
  /** Called when the store was replaced by one that knows nothing of what is open. */
  onReplaced: () => void;
}

/** Set in the thread's environment, where `startTaskspan` does nothing. */
export const INSIDE_COLLECTOR = 'TASKSPAN_INSIDE_COLLECTOR';

const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 5000;
const EXIT_WAIT_MS = 1000;
const POLL_MS = 5;
const CLOSED = 'the collector is closed';
const ENDED = 'the collector thread has ended and is started again';

/**
 * The collector in a thread beside the task, seen from the task's side: it starts the thread, starts it again if it dies,
 * and at the end waits for what is in the ring.
 */
export class CollectorThread {
  readonly #options: CollectorThreadOptions;
  readonly #loopTicks: ReturnType<typeof setInterval>;
  readonly #ready = Promise.withResolvers<CollectorReady & { noThread?: unknown }>();
  readonly #messages: MessageStore;
  #worker: Worker | undefined;
  #wasReady = false;
  /** Whether the thread has a call to answer. */
  #isAsked = false;
  /** How often in a row the thread has died. */
  #deaths = 0;
  #isClosed = false;
  #restart: ReturnType<typeof setTimeout> | undefined;
  readonly #atExit = (): void => this.#flushAtExit();

  constructor(options: CollectorThreadOptions) {
    const { ring, heartbeat } = options;
    this.#options = options;
    this.#messages = messageStore({
      post: (message) => this.#post(message),
      onPending: (isPending) => {
        this.#isAsked = isPending;
        this.#holdProcess();
      },
    });
    if (heartbeat !== undefined) markListened(this.store);
    this.#loopTicks = setInterval(() => {
      Atomics.add(ring.control, CONTROL.loopTicks, 1);
      // After a burst nothing may be written for long.
      ring.reclaim();
    }, LOOP_TICK_MS);
    this.#loopTicks.unref();
    ring.onSegment = (segment) => this.#worker && this.#post({ type: 'segment', segment: shared(segment) });
    ring.onFreed = (id) => this.#worker && this.#post({ type: 'freed', id });
    process.on('exit', this.#atExit);
    this.#start();
  }

  /** Resolves when the thread has tried to open its store and port; with `noThread` where none could be started. */
  get ready(): Promise<CollectorReady & { noThread?: unknown }> {
    return this.#ready.promise;
  }

  /** The store of the thread, asked by messages. */
  get store(): TaskStore {
    return this.#messages.store;
  }

  /** Resolves to whether all that was reported is committed, within this time. */
  async flush(limitMs: number): Promise<boolean> {
    const { ring } = this.#options;
    const limit = performance.now() + limitMs;
    ring.wake();
    while (!ring.isDrained && performance.now() < limit) await pause(POLL_MS);
    return ring.isDrained;
  }

  /** Ends the thread, its server and its store within about a second. What is in the ring is left there. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restart);
    clearInterval(this.#loopTicks);
    process.off('exit', this.#atExit);
    const worker = this.#worker;
    if (worker !== undefined) {
      const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.ref();
      this.#post({ type: 'close' });
      if (!(await within(EXIT_WAIT_MS, ended))) await worker.terminate();
    }
    this.#messages.ended(new TaskStoreError('UNAVAILABLE', CLOSED));
  }

  #start(): void {
    let worker: Worker;
    const { port1: cancellations, port2: cancelPort } = new MessageChannel();
    try {
      worker = new Worker(threadProgram, {
        eval: typeof threadProgram === 'string',
        name: 'taskspan-collector',
        workerData: this.#threadData(cancelPort),
        transferList: [cancelPort],
        // Deno takes no flags here, and warns of no experiments.
        execArgv: 'deno' in process.versions ? [] : ['--disable-warning=ExperimentalWarning'],
        // Without NODE_OPTIONS: a telemetry preload would start threads without end.
        env: { ...process.env, NODE_OPTIONS: '', [INSIDE_COLLECTOR]: '1' },
      });
    } catch (error) {
      cancellations.close();
      this.#startAgain(error);
      return;
    }
    this.#worker = worker;
    this.#receiveCancellations(cancellations);
    this.#holdProcess();
    let cause: unknown;
    worker.on('message', (message: FromThread) => this.#receive(worker, message));
    // Without a listener it would end the process.
    worker.on('error', (error) => (cause = error));
    for (const name of ['stdout', 'stderr'] as const) printWhatItWrites(worker, name);
    worker.on('exit', (code) => this.#died(worker, cause ?? new Error(`it ended with code ${code}`)));
    if (this.#wasReady) this.#messages.restarted();
  }

  #threadData(cancelPort: MessagePort): ThreadData {
    const { ring, location, serve, heartbeat, upkeep, sendLostTraces } = this.#options;
    return {
      control: ring.control,
      segments: ring.segments.map(shared),
      location,
      serve,
      workerId: thisWorker.id,
      heartbeat,
      upkeep,
      sendsLostTraces: sendLostTraces !== undefined,
      cancelPort,
    };
  }

  /** Cancels tasks when the event loop turns, and for code that does not let it turn by the {@link cancelInbox}. */
  #receiveCancellations(port: MessagePort): void {
    port.on('message', (cancellation: Cancellation) => this.#cancel(cancellation));
    // It ends with the thread at its other end, and holds no process.
    port.unref();
    cancelInbox.memory = this.#options.ring.control;
    cancelInbox.word = CONTROL.cancellations;
    cancelInbox.seen = Atomics.load(cancelInbox.memory, cancelInbox.word);
    cancelInbox.take = () => {
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        this.#cancel(next.message as Cancellation);
      }
    };
  }

  #cancel({ number, taskUuid, spanId, by, reason }: Cancellation): void {
    // The thread may have ended meanwhile: then the next one asks for all requests again.
    if (cancelLiveTask(taskUuid, spanId, { by, reason })) this.#worker?.postMessage({ type: 'heard', number } satisfies ToThread);
  }

  #receive(port: Worker, message: FromThread): void {
    switch (message.type) {
      case 'report':
        report(message.message);
        break;
      case 'replaced':
        this.#options.onReplaced();
        break;
      case 'committed':
        this.#messages.committed();
        break;
      case 'answer':
        this.#messages.answered(message);
        break;
      case 'call':
        void answerTo(message, { sendLostTraces: this.#options.sendLostTraces }).then((answer) => port.postMessage(answer));
        break;
      case 'ready': {
        const { url, failures, receivesCancellations } = message;
        this.#wasReady = true;
        this.#deaths = 0;
        this.#holdProcess();
        this.#ready.resolve({ url, failures, receivesCancellations });
      }
    }
  }

  /** The thread keeps the process alive until it is ready, and while it has a call to answer. */
  #holdProcess(): void {
    if (this.#wasReady && !this.#isAsked) this.#worker?.unref();
    else this.#worker?.ref();
  }

  #died(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    if (this.#isClosed) return;
    this.#startAgain(cause);
  }

  /** Starts a thread after a pause, where one has died or could not be started; gives up where none was ever ready. */
  #startAgain(cause: unknown): void {
    if (!this.#wasReady) {
      this.#noThread(cause);
      return;
    }
    reportOnce('collector thread', ENDED, cause);
    this.#messages.ended(new TaskStoreError('UNAVAILABLE', ENDED, { cause }));
    const wait = Math.min(FIRST_RESTART_MS * 2 ** this.#deaths++, LONGEST_RESTART_MS);
    this.#restart = setTimeout(() => this.#start(), wait);
    this.#restart.unref();
  }

  #noThread(cause: unknown): void {
    this.#messages.ended(new TaskStoreError('UNAVAILABLE', 'no collector thread could be started', { cause }));
    this.#ready.resolve({ url: undefined, failures: [], receivesCancellations: true, noThread: cause });
  }

  #post(message: ToThread): void {
    const port = this.#worker;
    if (port === undefined) throw new TaskStoreError('UNAVAILABLE', this.#isClosed ? CLOSED : ENDED);
    port.postMessage(message);
  }

  /** The last step of the process: the thread goes on committing while this thread waits for it. */
  #flushAtExit(): void {
    const { ring } = this.#options;
    ring.wake();
    if (this.#worker === undefined) {
      this.#commitHere();
      return;
    }
    const limit = performance.now() + EXIT_WAIT_MS;
    while (!ring.isDrained && performance.now() < limit) {
      const { control } = ring;
      Atomics.wait(control, CONTROL.acknowledgements, Atomics.load(control, CONTROL.acknowledgements), POLL_MS);
    }
    reportLost(ring);
  }

  /** For a thread that has died just before the end: no other can be started any more. */
  #commitHere(): void {
    const { ring, location } = this.#options;
    // Nothing can be sent without a turn of the event loop.
    if (!ring.isDrained && typeof location === 'string') {
      const source = new RingReader(ring.control);
      for (const segment of ring.segments) source.add(segment);
      const store = storeAt(location);
      const onFailure = (error: unknown): void => report('the last facts could not be committed', error);
      new Committer({ source, store, sleep: () => Promise.resolve(), onFailure }).drainNow();
      void store.close();
    }
    reportLost(ring);
  }
}

/**
 * Replaces the pipe that Node.js has made, which turns a failed write of the application into an uncaught error. (The
 * options of `Worker` that make no pipe let what is read hold the process.) Not all runtimes have these streams.
 */
function printWhatItWrites(worker: Partial<Pick<Worker, 'stdout' | 'stderr'>>, name: 'stdout' | 'stderr'): void {
  worker[name]?.unpipe().on('data', (text: Buffer) => print(name, text));
}

function shared({ id, memory }: Segment): SharedSegment {
  return { id, memory };
}

import { parentPort, workerData } from 'node:worker_threads';
import { warnings } from '../../src/report.ts';
import { RingReader } from '../capture/ring-reader.ts';
import { CONTROL, hasLiveWork, segmentOver } from '../capture/segment.ts';
import { isSqliteStore, isTaskStore } from '../store/task-store.ts';
import { Collector } from './collector.ts';
import { destinationAt } from './fact-destination.ts';
import { WatchedCommits } from './message-store.ts';
import { answerTo, PendingCalls, postCancellation } from './messages.ts';
import type { FromThread, ThreadData, ToThread } from './messages.ts';

/**
 * The collector's own thread: all reading and writing for record and log happens here, so that
 * none of it waits for a task that blocks its event loop.
 */
const port = parentPort!;
const { control, segments, location, serve, workerId, heartbeat, upkeep, sendsLostTraces, cancelPort } = workerData as ThreadData;
const post = (message: FromThread): void => port.postMessage(message);
const report = (message: string): void => post({ type: 'report', message });

// Warnings of this thread are logged in the task's, where the application may have set a logger.
warnings.write = (line) => report(line.replace(/^taskspan: /, ''));

const source = new RingReader(control);
for (const { id, memory } of segments) source.add(segmentOver(id, memory));
const store = destinationAt(location, {
  control,
  // Nothing here holds the process.
  waitSeconds: 20,
  report,
});
if (isSqliteStore(store)) store.onReplaced(() => post({ type: 'replaced' }));
const calls = new PendingCalls(post);
const watched = isTaskStore(store) ? new WatchedCommits(store, post) : undefined;
const collector = new Collector({
  source,
  sleep,
  store,
  closesStore: true,
  serve,
  heartbeat: heartbeat && { ...heartbeat, loopTicks: () => Atomics.load(control, CONTROL.loopTicks) },
  upkeep,
  workerId,
  hasLiveWork: () => hasLiveWork(control),
  cancel: (cancellation) => postCancellation(cancelPort, control, cancellation),
  sendLostTraces: sendsLostTraces ? async (traces) => void (await calls.call('sendLostTraces', [traces])) : undefined,
  report,
});

// Listening keeps the thread alive: a wait on shared memory alone would not.
port.on('message', (message: ToThread) => {
  switch (message.type) {
    case 'segment':
      source.add(segmentOver(message.segment.id, message.segment.memory));
      // Facts may stand in it already, written while the reader was falling asleep.
      Atomics.add(control, CONTROL.wake, 1);
      Atomics.notify(control, CONTROL.wake);
      break;
    case 'freed':
      source.drop(message.id);
      break;
    case 'call':
      void answerTo(message, store).then(post);
      break;
    case 'answer':
      calls.answered(message);
      break;
    case 'heard':
      collector.heard(message.number);
      break;
    case 'watch':
      watched?.watch(message.isWatched);
      break;
    case 'close':
      void close();
      break;
  }
});

// Without `await` at the top level: the thread is bundled as CommonJS too.
void collector.ready.then((ready) => post({ type: 'ready', ...ready }));

/** Resolves when a fact has come. It is looked for once more after falling asleep, since one may have come just before. */
async function sleep(): Promise<void> {
  const before = Atomics.load(control, CONTROL.wake);
  Atomics.store(control, CONTROL.asleep, 1);
  if (source.hasFacts) {
    Atomics.store(control, CONTROL.asleep, 0);
    return;
  }
  await Atomics.waitAsync(control, CONTROL.wake, before).value;
}

async function close(): Promise<void> {
  calls.rejectAll(new Error('the collector is closed'));
  watched?.watch(false);
  await collector.close();
  // Nothing holds the thread any more, so it ends. Deno's has no `close`.
  port.unref();
}

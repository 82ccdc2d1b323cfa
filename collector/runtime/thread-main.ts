import { parentPort, workerData } from 'node:worker_threads';
import { warnings } from '../../src/report.ts';
import { RingReader } from '../capture/ring-reader.ts';
import { CONTROL, hasLiveTasks, hasLiveWork, segmentOver } from '../capture/segment.ts';
import { startCollector } from './collector.ts';
import { destinationAt } from './destination.ts';
import type { FromThread, ThreadData, ToThread } from './messages.ts';

/**
 * The collector's own thread: all reading and writing for record and log happens here, so that
 * none of it waits for a task that blocks its event loop.
 */
const port = parentPort!;
const { control, segments, store: location, serve, workerId, heartbeat, retention } = workerData as ThreadData;
const tell = (message: FromThread): void => port.postMessage(message);

// Warnings of this thread are given in the task's, where the application may have set a logger.
warnings.write = (line) => tell({ type: 'report', message: line.replace(/^taskspan: /, '') });

const reader = new RingReader(control);
for (const { id, memory } of segments) reader.add(segmentOver(id, memory));
const destination = destinationAt(location, {
  hasLiveTasks: () => hasLiveTasks(control),
  onReplaced: () => tell({ type: 'replaced' }),
  report: (message) => tell({ type: 'report', message }),
  // Nothing here holds the process.
  waitSeconds: 20,
});

const starting = startCollector({
  source: reader,
  ...destination.collected,
  serve,
  heartbeat: heartbeat && { ...heartbeat, loopTicks: () => Atomics.load(control, CONTROL.loopTicks) },
  retention,
  sleep,
  workerId,
  hasLiveWork: () => hasLiveWork(control),
  cancel: (taskUuid, spanId) => tell({ type: 'cancel', taskUuid, spanId }),
  report: (message) => tell({ type: 'report', message }),
});

// Listening keeps the thread alive: a wait on shared memory alone would not.
port.on('message', (message: ToThread) => {
  switch (message.type) {
    case 'segment':
      reader.add(segmentOver(message.segment.id, message.segment.memory));
      // Facts may stand in it already, written while the reader was falling asleep.
      Atomics.add(control, CONTROL.wake, 1);
      Atomics.notify(control, CONTROL.wake);
      break;
    case 'freed':
      reader.drop(message.id);
      break;
    case 'close':
      void close();
      break;
  }
});

// Without `await` at the top level: the thread is bundled as CommonJS too.
void starting.then(({ url, failures, hears }) => tell({ type: 'ready', url, failures: [...failures], hears }));

/** Until a fact comes. Looked for once more after falling asleep, since one may have come just before. */
async function sleep(): Promise<void> {
  const before = Atomics.load(control, CONTROL.wake);
  Atomics.store(control, CONTROL.asleep, 1);
  if (reader.hasFacts) {
    Atomics.store(control, CONTROL.asleep, 0);
    return;
  }
  await Atomics.waitAsync(control, CONTROL.wake, before).value;
}

async function close(): Promise<void> {
  destination.breakOff();
  const collector = await starting;
  await collector.close();
  await destination.close();
  // Nothing holds the thread any more, so it ends. Deno's has no `close`.
  port.unref();
}


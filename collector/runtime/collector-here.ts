import { report } from '../../src/report.ts';
import { cancelLiveTask, worker } from '../../src/worker.ts';
import { reportLost } from '../capture/lost-facts.ts';
import { readingEnd, untilWoken } from '../capture/ring-here.ts';
import type { RingWriter } from '../capture/ring-writer.ts';
import { hasLiveWork } from '../capture/segment.ts';
import type { ServeOptions } from '../server/serve-options.ts';
import type { RetentionOptions } from '../store/retention.ts';
import { startCollector } from './collector.ts';
import type { Collector, CollectorOptions } from './collector.ts';
import type { HeartbeatSettings } from '../store/heartbeat.ts';

/**
 * The collector in the task's own thread: for a store that is an object, and where no thread can
 * be had. What blocks the thread holds it up.
 */
export async function startCollectorHere(
  ring: RingWriter,
  collected: Pick<CollectorOptions, 'store' | 'unheard'>,
  serve: ServeOptions | undefined,
  heartbeat: HeartbeatSettings | undefined,
  retention: RetentionOptions,
): Promise<Collector> {
  const source = readingEnd(ring);
  const collector = await startCollector({
    source,
    ...collected,
    serve,
    heartbeat,
    retention,
    sleep: () => untilWoken(ring),
    workerId: worker.id,
    hasLiveWork: () => hasLiveWork(ring.control),
    cancel: cancelLiveTask,
    report,
  });
  const atExit = (): void => {
    // SQLite can be written without a turn of the event loop, but nothing can be sent.
    collector.committer.drainNow();
    reportLost(ring);
  };
  process.on('exit', atExit);
  return {
    ...collector,
    async close() {
      process.off('exit', atExit);
      await collector.close();
    },
  };
}

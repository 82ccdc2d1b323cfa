import { repeat } from '../../async.ts';
import { Heartbeat, hasListener } from '../../store/heartbeat.ts';
import type { TaskStore } from '../../store/task-store.ts';

/** The watch ends after one to two times so many milliseconds without a request. */
const IDLE_MS = 60_000;
const INTERVAL_MS = 5000;
const LOST_FINAL_MS = 600_000;

/**
 * Watches the workers of a store while an app is asked for its tasks, so that the tasks of a dead worker become lost
 * even where no collector runs. It keeps no process alive. A failure of the store ends the watch until the next request.
 *
 * @returns To be called with each request.
 */
export function watchWorkersWhileAsked(store: TaskStore): () => void {
  let running: { stop(): Promise<void> }[] = [];
  let wasAsked = false;

  const stop = (): void => {
    for (const part of running.splice(0)) void part.stop();
  };

  const start = (): void => {
    const heartbeat = new Heartbeat({
      workerId: globalThis.crypto.randomUUID(),
      intervalMs: INTERVAL_MS,
      lostFinalMs: LOST_FINAL_MS,
      store,
      onFailure: stop,
    });
    const idle = repeat(IDLE_MS, async () => {
      if (!wasAsked) stop();
      wasAsked = false;
      return IDLE_MS;
    });
    running = [heartbeat, idle];
    heartbeat.start();
  };

  return () => {
    wasAsked = true;
    if (running.length === 0 && !hasListener(store)) start();
  };
}

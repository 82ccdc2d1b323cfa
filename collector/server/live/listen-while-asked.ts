import { clearInterval, setInterval } from '../../../src/timers.ts';
import { Heartbeat, hasListener } from '../../store/heartbeat.ts';
import type { TaskStore } from '../../store/task-store.ts';

/** For how long after the last question it goes on listening, in milliseconds: one to two times that. */
const IDLE_MS = 60_000;
const INTERVAL_MS = 5000;
const LOST_FINAL_MS = 600_000;

/**
 * Listens to the workers of a store for as long as somebody asks for its tasks, so that a worker's
 * death is told even where no collector runs. It keeps no process alive, and a store that can't be
 * used (any more) ends it until the next question.
 *
 * @returns To be called with each question.
 */
export function listenWhileAsked(store: TaskStore): () => void {
  let heartbeat: Heartbeat | undefined;
  let idle: ReturnType<typeof setInterval> | undefined;
  let asked = false;

  const stop = (): void => {
    clearInterval(idle);
    void heartbeat?.stop();
    heartbeat = undefined;
  };

  const start = (): Heartbeat => {
    idle = setInterval(() => {
      if (!asked) stop();
      asked = false;
    }, IDLE_MS);
    idle.unref();
    const started = new Heartbeat({
      workerId: globalThis.crypto.randomUUID(),
      intervalMs: INTERVAL_MS,
      lostFinalMs: LOST_FINAL_MS,
      store,
      onFailure: stop,
    });
    started.start();
    return started;
  };

  return () => {
    asked = true;
    if (heartbeat === undefined && !hasListener(store)) heartbeat = start();
  };
}

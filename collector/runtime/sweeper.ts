import { clearTimeout, setTimeout } from '../../src/timers.ts';
import { retentionRules } from '../store/retention.ts';
import type { RetentionOptions } from '../store/retention.ts';
import type { TaskStore } from '../store/task-store.ts';
import { Trouble } from './trouble.ts';

/** Options of {@link startSweeper}. */
export interface SweeperOptions {
  store: Pick<TaskStore, 'sweep' | 'lease'>;
  retention: RetentionOptions;
  /** Told of a store that can't be swept, and when it can again, in one line each. */
  report: (message: string) => void;
}

/** Deletes what need not be kept any more, now and then. */
export interface Sweeper {
  /** Ends it; a step that is under way is waited for. */
  stop(): Promise<void>;
}

/** One process at a time has the duty, and is left alone so long after its last step: another one would only be in the way. */
const DUTY = 'sweep';
const LEASE_MS = 10_000;
const INTERVAL_MS = 60_000;
/** Between two steps, so that whoever waits to write gets his turn. */
const PAUSE_MS = 10;

/** Sweeps at once and then every minute, in small steps. It keeps no process alive. */
export function startSweeper({ store, retention, report }: SweeperOptions): Sweeper {
  const holder = globalThis.crypto.randomUUID();
  let stopped = false;
  const trouble = new Trouble({ begins: 'old tasks could not be deleted, trying again', ends: 'old tasks are being deleted again', report });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let step = Promise.resolve();
  if (retentionRules(retention, 0).length === 0) return { stop: () => step };

  const sweep = async (): Promise<void> => {
    let next = INTERVAL_MS;
    try {
      const rules = retentionRules(retention, Date.now() * 1000);
      if ((await store.lease(DUTY, holder, LEASE_MS)) && (await store.sweep(rules)) === 'more') next = PAUSE_MS;
      trouble.over();
    } catch (error) {
      trouble.failed(error);
    }
    if (stopped) return;
    plan(next);
  };
  const plan = (inMs: number): void => {
    timer = setTimeout(() => {
      step = sweep();
    }, inMs);
    timer.unref();
  };
  // Not at once: whoever starts it has facts to commit first.
  plan(PAUSE_MS);
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      return step;
    },
  };
}

import { uptime } from 'node:os';
import type { Fact } from '../../src/fact.ts';
import { OutageReporter, repeat } from '../async.ts';
import type { Repeated } from '../async.ts';
import { retentionRules } from '../store/retention.ts';
import type { RetentionOptions } from '../store/retention.ts';
import type { OverdueTask, SweepStep, TaskStore } from '../store/task-store.ts';

/** After how long tasks end that nobody ends, and how long ended ones are kept. It can be posted to a thread. */
export interface UpkeepLimits {
  /** What is kept of ended tasks. */
  retention: RetentionOptions;
  /** Milliseconds without a fact after which a task without heartbeats is lost for good; 0 never. */
  quietFinalMs: number;
  /** Milliseconds after which a queued task has expired whose announcement names no time; 0 never. */
  queuedFinalMs: number;
}

/** Options of {@link startUpkeep}. */
interface UpkeepOptions extends UpkeepLimits {
  store: Pick<TaskStore, 'append' | 'lease' | 'sweep' | 'overdue' | 'loseQuiet' | 'lastCommit'>;
  /** Called when the store can't be kept in order, and when it can again, with one line each. */
  report: (message: string) => void;
  /** Default: the system's. */
  clock?: WallClock;
}

const UPKEEP_MS = 60_000;
/** For how long after its last step a process keeps the duty: a second process would only be in its way. */
const LEASE_MS = 10_000;
/** Between two steps, so that other processes that wait to write get their turn. */
const PAUSE_MS = 10;

/**
 * Ends the tasks that nobody ends, and deletes old ones: every minute, in small steps, one process at a time for a store.
 * It does nothing while the machine's clock can't be relied on. It keeps no process alive.
 */
export function startUpkeep({ store, report, clock = systemClock, ...limits }: UpkeepOptions): Repeated {
  const { retention, quietFinalMs, queuedFinalMs } = limits;
  const holder = globalThis.crypto.randomUUID();
  const watch = new ClockWatch(clock);
  const outage = new OutageReporter({
    begins: 'old tasks could not be deleted, trying again',
    ends: 'old tasks are being deleted again',
    report,
  });

  /** Does one step of the first act that has something to do. */
  const step = async (): Promise<SweepStep> => {
    const now = clock.wall() * 1000;
    const overdue = await store.overdue(now, queuedFinalMs);
    if (overdue.length > 0) {
      await store.append(overdue.map(expiry));
      return 'more';
    }
    if (quietFinalMs > 0 && (await store.loseQuiet(now - quietFinalMs * 1000)) === 'more') return 'more';
    // Without rules too: what belonged to a task that was deleted by its UUID goes in steps.
    return store.sweep(retentionRules(retention, now));
  };

  let hasLooked = false;
  let isMine = false;
  let failures = 0;
  // The first time not at once: the process that starts it has facts to commit first.
  const keeping = repeat(PAUSE_MS, async () => {
    // Another process that had the duty may just have ended.
    const pauseMs = hasLooked ? UPKEEP_MS : LEASE_MS;
    try {
      const isReliable = await watch.isReliable(() => store.lastCommit());
      isMine = isReliable && (await store.lease('sweep', holder, LEASE_MS));
      const done = isMine ? await step() : 'done';
      hasLooked = true;
      outage.succeeded();
      failures = 0;
      if (done === 'more') return PAUSE_MS;
      return isMine ? UPKEEP_MS : pauseMs;
    } catch (error) {
      // A store that is locked for a while is nothing to report: the next step does the work.
      if (++failures > 1) outage.failed(error);
      return UPKEEP_MS;
    }
  });
  return {
    async stop() {
      await keeping.stop();
      // The next process need not wait. Where the store fails now, the lease ends by itself.
      if (isMine) await store.lease('sweep', holder, 0).catch(() => undefined);
    },
  };
}

/** The fact that an announcement has expired. It is the same whichever process finds it. */
function expiry({ taskUuid, traceId, spanId, time }: OverdueTask): Fact {
  return { kind: 'announcement-end', span: { taskUuid, traceId, spanId, taskSpanId: '' }, seq: 1, time, outcome: 'expired' };
}

/** The clocks of a machine, in milliseconds. */
interface WallClock {
  /** Since the epoch. It may be wrong, and may jump. */
  wall(): number;
  /** Since the machine's start, with the time that it slept. */
  sinceStart(): number;
}

const systemClock: WallClock = { wall: () => Date.now(), sinceStart: () => uptime() * 1000 };

/** A greater difference between the two clocks is a jump. */
const JUMP_MS = 10_000;
/** How long the clock has to go on without a jump until it counts again. */
const STEADY_MS = 600_000;
/** A store whose latest commit is older: the clock may have jumped while no process looked, as where it is set after the start. */
const LONG_AGO_MS = 2 * 86_400_000;

/** Watches whether the machine's wall time jumps: what is deleted by a wrong time does not come back. */
class ClockWatch {
  readonly #clock: WallClock;
  #before: { wall: number; sinceStart: number } | undefined;
  #doubtedAt = -Infinity;

  constructor(clock: WallClock) {
    this.#clock = clock;
  }

  /**
   * Whether wall time was steady for long enough.
   *
   * @param lastCommit Gives when the store has committed last, in microseconds.
   */
  async isReliable(lastCommit: () => Promise<number | undefined>): Promise<boolean> {
    const now = { wall: this.#clock.wall(), sinceStart: this.#clock.sinceStart() };
    if (this.#before === undefined) {
      const last = await lastCommit();
      if (last !== undefined && now.wall - last / 1000 > LONG_AGO_MS) this.#doubtedAt = now.sinceStart;
    } else {
      const passed = now.sinceStart - this.#before.sinceStart;
      if (Math.abs(now.wall - this.#before.wall - passed) > JUMP_MS) this.#doubtedAt = now.sinceStart;
    }
    this.#before = now;
    return now.sinceStart - this.#doubtedAt >= STEADY_MS;
  }
}

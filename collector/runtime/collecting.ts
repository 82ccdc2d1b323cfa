import { Heartbeat } from '../store/heartbeat.ts';
import type { HeartbeatOptions } from '../store/heartbeat.ts';
import { watchCancellations } from './cancellations.ts';
import { Committer } from '../store/committer.ts';
import type { CommitObserver, FactSource } from '../store/committer.ts';
import type { RetentionOptions } from '../store/retention.ts';
import { startSweeping } from './duties.ts';
import type { TaskStore } from '../store/task-store.ts';
import { OutageReporter } from '../async.ts';

/** Where a worker's tasks are kept: a store, or what sends them to one elsewhere, which deletes nothing. */
export type FactDestination = Pick<TaskStore, 'append' | 'beat' | 'workers' | 'silence' | 'cancellations'> &
  Partial<Pick<TaskStore, 'sweep' | 'lease'>>;

/** What it takes to keep a worker's tasks in a store. */
export interface CollectingOptions {
  source: FactSource;
  store: FactDestination;
  /** How it beats and listens; not at all if absent. */
  heartbeat: Omit<HeartbeatOptions, 'store' | 'report'> | undefined;
  /** What is kept of ended tasks. */
  retention: RetentionOptions;
  sleep: () => Promise<void>;
  /** The worker whose tasks are collected, and whether it has any that are open, or parts of others'. */
  workerId: string;
  hasLiveWork: () => boolean;
  /** Called with each attempt that somebody wants to be cancelled. */
  cancel: (taskUuid: string, spanId: string) => void;
  /** Told of troubles and of their ends, each in one line. */
  report: (message: string) => void;
  /** Counts what is committed. */
  observer?: CommitObserver | undefined;
}

/** All that goes on between a worker and its store, until it is stopped. */
export interface Collecting {
  readonly committer: Committer;
  /** Ends it. What has not been committed stays where it waits. The store is the caller's to close. */
  stop(): Promise<void>;
}

/** Commits facts, hands on cancellations, beats and listens, and deletes what need not be kept. */
export function startCollecting(options: CollectingOptions): Collecting {
  const { source, store, retention, sleep, workerId, hasLiveWork, cancel, report, observer } = options;
  const heartbeat = options.heartbeat && new Heartbeat({ ...options.heartbeat, store, report });
  const cancellations = watchCancellations({ store, workerId, hasLiveWork, cancel, report });
  cancellations.wake();
  const outage = new OutageReporter({ begins: 'facts could not be committed, trying again', ends: 'facts are being committed again', report });
  const committer = new Committer({
    source,
    store,
    // Before it falls asleep it has committed what woke it: a task may have begun.
    sleep: () => {
      cancellations.wake();
      return sleep();
    },
    observer,
    onFailure: (error) => outage.failed(error),
    onRecovery: () => outage.succeeded(),
    onRefused: ({ span }, { message }) => report(`a fact of task ${span.taskUuid} was given up, the store can't take it: ${message}`),
  });
  void committer.run();
  heartbeat?.start();
  const sweeper = keepsTasks(store) ? startSweeping({ store, retention, report }) : undefined;
  return {
    committer,
    async stop() {
      committer.stop();
      cancellations.stop();
      await heartbeat?.stop();
      await sweeper?.stop();
    },
  };
}

/** Whether tasks are kept here, so that old ones are to be deleted. */
function keepsTasks(store: FactDestination): store is FactDestination & Pick<TaskStore, 'sweep' | 'lease'> {
  return store.sweep !== undefined && store.lease !== undefined;
}

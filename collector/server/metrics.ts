import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { TASK_STATES } from '../../src/task-record.ts';
import type { CommitObserver, FactSource } from '../store/committer.ts';
import { isSqliteStore } from '../store/task-store.ts';
import type { Checkpoints, TaskStore } from '../store/task-store.ts';
import { reportStoreFailure } from './answers.ts';
import { EventLoopWatch } from './event-loop-watch.ts';
import type { TasksMetrics } from './health-routes.ts';

/** A collector's own figures, for Prometheus. */
export interface CollectorMetrics extends TasksMetrics {
  /** Watches the event loop until it is stopped. */
  readonly eventLoop: EventLoopWatch;
  readonly commits: CommitObserver;
  /** Counts what is received by OTLP. Its commits are counted with all other commits. */
  readonly received: CommitObserver & {
    answered(signal: string, status: number): void;
    rejected(items: number): void;
  };
}

/** Buckets of the time from a fact to its commit, in seconds. */
const LAG_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** Buckets of the delay of the event loop, in seconds. */
const DELAY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const NO_CHECKPOINTS: Checkpoints = { count: 0, ms: 0, longestMs: 0, cpuMs: 0 };

/** Makes the metrics of a collector. Counters begin at 0 with it; figures of the store and the ring are read at each scrape. */
export function collectorMetrics(source: FactSource, store: TaskStore): CollectorMetrics {
  const registry = new Registry();
  const registers = [registry];
  const read = new Counter({ name: 'taskspan_facts_read_total', help: 'Facts that the collector has taken in.', registers });
  const committed = new Counter({ name: 'taskspan_facts_committed_total', help: 'Facts that are in the store.', registers });
  const commits = new Counter({ name: 'taskspan_commits_total', help: 'Transactions that brought facts into the store.', registers });
  const failures = new Counter({ name: 'taskspan_commit_failures_total', help: 'Commits that failed; each is retried.', registers });
  const lag = new Histogram({
    name: 'taskspan_commit_lag_seconds',
    help: 'From the oldest fact of a commit to its end.',
    buckets: LAG_BUCKETS,
    registers,
  });
  registry.registerMetric(
    new Counter({
      name: 'taskspan_facts_given_up_total',
      help: 'Facts for which the buffer had no room, or which the store could never take.',
      registers: [],
      collect() {
        this.reset();
        this.inc((source.droppedFacts ?? 0) + refused);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'taskspan_waiting_bytes',
      help: 'Bytes of facts that wait for their commit.',
      registers: [],
      collect() {
        this.set(source.waitingBytes ?? 0);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'taskspan_tasks',
      help: 'Tasks in the store by state; absent while it can not be read.',
      labelNames: ['state'],
      registers: [],
      async collect() {
        this.reset();
        try {
          const { counts } = await store.counts();
          for (const state of TASK_STATES) this.set({ state }, counts[state] ?? 0);
        } catch (error) {
          reportStoreFailure(error);
        }
      },
    }),
  );
  let refused = 0;
  const requests = new Counter({
    name: 'taskspan_received_requests_total',
    help: 'Requests that others sent by OTLP, by the status of the answer.',
    labelNames: ['signal', 'status'],
    registers,
  });
  const received = new Counter({ name: 'taskspan_received_facts_total', help: 'Facts that came by OTLP.', registers });
  const rejected = new Counter({
    name: 'taskspan_received_rejected_total',
    help: 'Spans and log records that claimed to be of a task and could not be taken.',
    registers,
  });
  const watchers = new Gauge({ name: 'taskspan_watchers', help: 'Clients that follow tasks live.', registers });
  const checkpoints = (): Checkpoints => (isSqliteStore(store) ? store.checkpoints : NO_CHECKPOINTS);
  const delay = new Histogram({
    name: 'taskspan_event_loop_delay_seconds',
    help: 'How late timers fire in the thread that serves, 50 times a second.',
    buckets: DELAY_BUCKETS,
    registers,
  });
  const eventLoop = new EventLoopWatch((ms) => delay.observe(ms / 1000), () => checkpoints().cpuMs);
  registry.registerMetric(
    new Gauge({
      name: 'taskspan_longest_turn_seconds',
      help: 'CPU time of the longest turn of the event loop in the last minute, without checkpoints; absent before Node.js 23.9.',
      registers: [],
      collect() {
        this.reset();
        const longest = eventLoop.longestTurn;
        if (longest === undefined) this.remove();
        else this.set(longest / 1000);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'taskspan_checkpoints_total',
      help: 'Commits with which the write-ahead log was written into the database.',
      registers: [],
      collect() {
        this.reset();
        this.inc(checkpoints().count);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'taskspan_checkpoint_seconds_total',
      help: 'Time that these commits have taken.',
      registers: [],
      collect() {
        this.reset();
        this.inc(checkpoints().ms / 1000);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'taskspan_longest_checkpoint_seconds',
      help: 'Time that the longest of them has taken.',
      registers: [],
      collect() {
        this.set(checkpoints().longestMs / 1000);
      },
    }),
  );
  const commitObserver: CommitObserver = {
    read: (facts) => read.inc(facts),
    committed(facts) {
      const [oldest] = facts;
      if (oldest === undefined) return;
      commits.inc();
      committed.inc(facts.length);
      lag.observe(Math.max(0, Date.now() / 1000 - oldest.time / 1_000_000));
    },
    failed: () => failures.inc(),
    refused: () => refused++,
  };
  return {
    eventLoop,
    watchers,
    contentType: registry.contentType,
    text: () => registry.metrics(),
    commits: commitObserver,
    received: {
      ...commitObserver,
      read(facts) {
        commitObserver.read(facts);
        received.inc(facts);
      },
      answered: (signal, status) => requests.inc({ signal, status }),
      rejected: (items) => rejected.inc(items),
    },
  };
}

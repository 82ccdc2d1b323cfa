import type { Tracer } from '@opentelemetry/api';
import type { JobCounts } from './fact.ts';
import type { TaskClock } from './task-clock.ts';
import type { TaskUpdater } from './task-updater.ts';
import type { CleanText } from './text.ts';
import type { VerboseLog } from './verbose-log.ts';

/** What the scopes of one attempt share. */
export interface TaskRun {
  readonly uuid: string;
  readonly name: string;
  readonly attempt: number;
  readonly tracer: Tracer;
  readonly clock: TaskClock;
  readonly clean: CleanText;
  readonly suppressException: boolean;
  readonly verbose: VerboseLog | undefined;
  readonly updater: TaskUpdater<boolean>;
  readonly jobs: JobCounter;
  /** The latest error that a scope or the task reported. */
  latest: { readonly thrown: unknown; readonly text: string } | undefined;
}

/** Counts the jobs of one attempt as its scopes open and end. */
export class JobCounter {
  running = 0;
  finished = 0;
  failed = 0;

  counts(): JobCounts {
    const { running, finished, failed } = this;
    return { total: running + finished + failed, finished, failed };
  }
}

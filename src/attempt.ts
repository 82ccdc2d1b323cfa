import type { Tracer } from '@opentelemetry/api';
import type { TaskProcessor } from './capture.ts';
import type { TaskClock } from './clock.ts';
import type { Outcome } from './conventions.ts';
import { isAbortError, TaskCancelledError } from './errors.ts';
import type { JobCounts } from './fact.ts';
import { finalLine } from './log-line.ts';
import type { OpenScope } from './open-scope.ts';
import type { Cleaner } from './text.ts';
import type { VerboseLog } from './verbose-log.ts';
import { liveTasks } from './worker.ts';
import type { Closing, LiveTask } from './worker.ts';

/** What a {@link Attempt} is made of. */
export interface AttemptOptions {
  readonly uuid: string;
  readonly name: string;
  readonly attempt: number;
  readonly tracer: Tracer;
  readonly clock: TaskClock;
  readonly clean: Cleaner;
  readonly suppressException: boolean;
  readonly verbose: VerboseLog | undefined;
  /** The task of which this one is a child. */
  readonly parentTaskUuid?: string | undefined;
  /** Of a part of a task that runs elsewhere: span id of that attempt's task span, `""` where it has none. */
  readonly partOf?: string | undefined;
  /** What it is called in what is told of it. Default: the task by its UUID, a part by its name too. */
  readonly title?: string | undefined;
}

/**
 * What the scopes of one attempt share, and all that is needed to end them.
 *
 * It never holds the updater: a task whose updater nobody has any more is ended by what is here.
 */
export class Attempt implements AttemptOptions, LiveTask {
  readonly uuid: string;
  readonly name: string;
  readonly attempt: number;
  readonly tracer: Tracer;
  readonly clock: TaskClock;
  readonly clean: Cleaner;
  readonly suppressException: boolean;
  readonly verbose: VerboseLog | undefined;
  readonly parentTaskUuid: string | undefined;
  readonly partOf: string | undefined;
  readonly #title: string | undefined;
  readonly jobs: JobCounter = new JobCounter();
  /** Which processors take its facts: decided once, as it begins. */
  takers: readonly TaskProcessor[] = [];
  /** The task span, of a part the span of its scope; set as soon as it has begun. */
  root: OpenScope | undefined;
  /** The recorded scope opened last of those that are open; the others follow by {@link OpenScope.older}. */
  newest: OpenScope | undefined;
  /** The latest error that a scope or the task reported. */
  latest: { readonly thrown: unknown; readonly text: string } | undefined;
  /** How it has ended, and what it failed by; `undefined` until then. */
  outcome: Outcome | undefined;
  failed: { readonly thrown: unknown } | undefined;
  /** Why the task is to stop; `undefined` until somebody has asked for it. */
  cancellation: TaskCancelledError | undefined;
  /** Whether the cancellation was thrown to task code, or has ended a scope. */
  isStopped = false;
  /** Told in this process how far the task is, each time that is further. It must not throw. */
  watcher: ((share: number) => void) | undefined;
  /** Made with the updater's signal. Weak, since those who listen to it may hold the updater. */
  aborter: WeakRef<AbortController> | undefined;

  constructor(options: AttemptOptions) {
    this.uuid = options.uuid;
    this.name = options.name;
    this.attempt = options.attempt;
    this.tracer = options.tracer;
    this.clock = options.clock;
    this.clean = options.clean;
    this.suppressException = options.suppressException;
    this.verbose = options.verbose;
    this.parentTaskUuid = options.parentTaskUuid;
    this.partOf = options.partOf;
    this.#title = options.title;
  }

  /** Whether the task has not ended. */
  get isOpen(): boolean {
    return this.root?.isOpen === true;
  }

  /** What it is, for people. */
  get title(): string {
    if (this.#title !== undefined) return this.#title;
    return this.partOf === undefined ? `task ${this.uuid}` : `part "${this.root?.name}" of task ${this.uuid}`;
  }

  /** Span id of the attempt's task span; empty where nothing is recorded. */
  get spanId(): string {
    return this.partOf ?? this.root?.writer.ref.spanId ?? '';
  }

  /** Repeats to a processor the starts of what is open, in the order in which it began. */
  startAgain(processor: TaskProcessor): void {
    let oldest = this.newest;
    while (oldest?.older !== undefined) oldest = oldest.older;
    for (let scope = oldest; scope !== undefined; scope = scope.newer) scope.writer.sink?.startAgain(processor);
  }

  /** Asks task code to stop. Without effect the second time, and after the end. */
  cancel(): void {
    if (this.cancellation !== undefined || !this.isOpen) return;
    this.cancellation = new TaskCancelledError(this.uuid);
    this.aborter?.deref()?.abort(this.cancellation);
  }

  /** The reason to throw to task code that has to stop here. */
  stop(): TaskCancelledError | undefined {
    this.isStopped = true;
    return this.cancellation;
  }

  /** Whether this was thrown because the task was cancelled. */
  isCancellation(thrown: unknown): boolean {
    const { cancellation } = this;
    return cancellation !== undefined && (thrown === cancellation || isAbortError(thrown));
  }

  /** Ends the task itself, or the part of it that runs here. Without effect if it has ended. */
  end(outcome: Outcome, failed?: { readonly thrown: unknown }): void {
    const { root } = this;
    if (root?.isOpen !== true) return;
    this.outcome = outcome;
    this.failed = failed;
    if (this.partOf !== undefined) {
      root.end(outcome, failed);
      return;
    }
    root.end(outcome, failed, () => ({ name: this.name, exception: this.latest?.text ?? '', jobs: this.jobs.counts() }));
    this.verbose?.write('other', root, finalLine(this.jobs.counts()));
  }

  /** Ends all that is open, inner scopes before those around them, the task last. */
  close({ outcome, failed, notice }: Closing): void {
    // Each end takes its scope out, so that the next one is the newest.
    for (let scope = this.newest; scope !== undefined; scope = this.newest) {
      if (scope !== this.root) scope.end(outcome, failed);
      else {
        if (notice !== undefined) scope.notify(notice, undefined);
        this.end(outcome, failed);
      }
    }
  }

  /** Takes in a recorded scope that begins. */
  opened(scope: OpenScope): void {
    const before = this.newest;
    if (before === undefined) liveTasks.add(this);
    else {
      before.newer = scope;
      scope.older = before;
    }
    this.newest = scope;
  }

  /** Lets go of a scope that has ended. */
  ended(scope: OpenScope): void {
    const { newer, older } = scope;
    if (older !== undefined) older.newer = newer;
    if (newer !== undefined) newer.older = older;
    else this.newest = older;
    scope.newer = undefined;
    scope.older = undefined;
    if (this.newest === undefined) liveTasks.delete(this);
  }
}

/**
 * Counts the jobs of one attempt as its scopes open and end. A cancelled one is none of the
 * three: it has not succeeded, it has not failed, and it is not running.
 */
export class JobCounter {
  running = 0;
  finished = 0;
  failed = 0;

  counts(): JobCounts {
    const { running, finished, failed } = this;
    return { total: running + finished + failed, finished, failed };
  }
}

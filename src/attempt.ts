import type { Tracer } from '@opentelemetry/api';
import type { TaskProcessor } from './capture.ts';
import type { TaskClock } from './clock.ts';
import type { Outcome } from './conventions.ts';
import { isAbortError, reasonText, TaskCancelledError } from './errors.ts';
import type { CancelReason } from './errors.ts';
import type { JobCounts, TaskTotals } from './fact.ts';
import type { CurrentScope } from './progress.ts';
import type { Cleaner } from './text.ts';
import type { VerboseLog } from './verbose-log.ts';
import { liveTasks } from './worker.ts';
import type { Closing, LiveTask } from './worker.ts';

/** What an {@link Attempt} is made of. */
export interface AttemptOptions {
  readonly uuid: string;
  readonly name: string;
  /** Number of the attempt, from 1. */
  readonly number: number;
  readonly tracer: Tracer;
  readonly clock: TaskClock;
  readonly clean: Cleaner;
  readonly suppressException: boolean;
  readonly verbose: VerboseLog | undefined;
  /** The task of which this one is a child. */
  readonly parentTaskUuid?: string | undefined;
  /** Set for a part of an attempt of another process: span id of that attempt's task span, `""` where that attempt has none. */
  readonly partOf?: string | undefined;
  /** What warnings call it. Default: the task by its UUID, and a part by its name too. */
  readonly title?: string | undefined;
}

/** An error that a scope or the task has reported. */
export interface ReportedError {
  /** What was thrown, the very object. */
  readonly error: unknown;
  /** The names of the scopes around it, outermost first; empty for an error of the task itself. */
  readonly path: readonly string[];
}

const MOST_ERRORS = 100;

/** A scope of an attempt, as the attempt knows it. */
export interface AttemptScope {
  readonly name: string;
  readonly spanId: string;
  readonly isOpen: boolean;
  /** The open recorded scopes that began before and after it: a list costs each scope less than a `Set`. */
  older: AttemptScope | undefined;
  newer: AttemptScope | undefined;
  /** Repeats the start of its span to a processor. */
  startAgain(processor: TaskProcessor): void;
  notify(message: string): void;
  end(outcome: Outcome, failed?: { readonly thrown: unknown }, totals?: () => TaskTotals): void;
}

/**
 * An attempt of a task, or the part of one that runs in this process: what its scopes share, and how to end them.
 *
 * It never holds the updater. So it can end a task whose updater was garbage collected.
 */
export class Attempt implements AttemptOptions, LiveTask {
  readonly uuid: string;
  readonly name: string;
  readonly number: number;
  readonly tracer: Tracer;
  readonly clock: TaskClock;
  readonly clean: Cleaner;
  readonly suppressException: boolean;
  readonly verbose: VerboseLog | undefined;
  readonly parentTaskUuid: string | undefined;
  readonly partOf: string | undefined;
  readonly #title: string | undefined;
  readonly jobs: JobCounter = new JobCounter();
  /** The processors that take its facts, chosen once as it begins. */
  processors: readonly TaskProcessor[] = [];
  /** The scope of the task itself, or of the part; set as soon as it has begun. */
  root: AttemptScope | undefined;
  /** The open recorded scope that began last; the others follow by {@link AttemptScope.older}. */
  #newest: AttemptScope | undefined;
  /** The latest error that a scope or the task reported. */
  latest: { readonly thrown: unknown; readonly text: string; readonly spanId: string } | undefined;
  /** The errors that scopes or the task have reported, the last {@link MOST_ERRORS} of them. */
  readonly errors: ReportedError[] = [];
  /** How it has ended, and what it failed by; `undefined` until then. */
  outcome: Outcome | undefined;
  failed: { readonly thrown: unknown } | undefined;
  /** Why the task has to stop; `undefined` until a cancellation is requested. */
  cancellation: TaskCancelledError | undefined;
  /** Whether the cancellation was thrown to task code, or has ended a scope. */
  isStopped = false;
  /** Called in this process with each greater share of the task that is done. It must not throw. */
  onShare: ((share: number) => void) | undefined;
  /** Called beside {@link onShare}, while no share of the task is known, with the scope that has begun or progressed last. */
  onCurrent: ((scope: CurrentScope) => void) | undefined;
  /** Made with the updater's signal. It is a weak reference, since the signal's listeners may hold the updater. */
  aborter: WeakRef<AbortController> | undefined;

  constructor(options: AttemptOptions) {
    this.uuid = options.uuid;
    this.name = options.name;
    this.number = options.number;
    this.tracer = options.tracer;
    this.clock = options.clock;
    this.clean = options.clean;
    this.suppressException = options.suppressException;
    this.verbose = options.verbose;
    this.parentTaskUuid = options.parentTaskUuid;
    this.partOf = options.partOf;
    this.#title = options.title;
  }

  /** An attempt for a scope that begins after the end of this one: its function runs, and nothing is recorded. */
  afterEnd(): Attempt {
    const { uuid, name, number, tracer, clock, clean, suppressException, parentTaskUuid, title } = this;
    return new Attempt({ uuid, name, number, tracer, clock, clean, suppressException, verbose: undefined, parentTaskUuid, title });
  }

  get isOpen(): boolean {
    return this.root?.isOpen === true;
  }

  /** What warnings call it. */
  get title(): string {
    if (this.#title !== undefined) return this.#title;
    return this.partOf === undefined ? `task ${this.uuid}` : `part "${this.root?.name}" of task ${this.uuid}`;
  }

  /** Span id of the attempt's task span; empty where nothing is recorded. */
  get spanId(): string {
    return this.partOf ?? this.root?.spanId ?? '';
  }

  /** Keeps an error that a scope or the task reports. */
  reported(error: ReportedError): void {
    if (this.errors.push(error) > MOST_ERRORS) this.errors.shift();
  }

  startAgain(processor: TaskProcessor): void {
    let oldest = this.#newest;
    while (oldest?.older !== undefined) oldest = oldest.older;
    for (let scope = oldest; scope !== undefined; scope = scope.newer) scope.startAgain(processor);
  }

  /**
   * Requests that task code stops. A second request, and one after the end, have no effect. A line of the log has the
   * name of the requester and the reason; a part of an attempt leaves that line to the attempt.
   */
  cancel(reason: CancelReason = {}): void {
    if (this.cancellation !== undefined || !this.isOpen) return;
    this.cancellation = new TaskCancelledError(this.uuid, reason);
    const text = reasonText(reason);
    if (text !== '' && this.partOf === undefined) this.root?.notify(`Cancel requested${text}`);
    this.aborter?.deref()?.abort(this.cancellation);
  }

  /** Marks the attempt as stopped, and returns what has to be thrown to the task code that stops here. */
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
    root.end(outcome, failed, () => ({ name: this.name, exception: this.latest?.text ?? '', exceptionSpanId: this.latest?.spanId, jobs: this.jobs.counts() }));
  }

  /** Ends all scopes that are open, inner scopes before outer ones, the task last. */
  close({ outcome, failed, notice }: Closing): void {
    // The end of a scope removes it, so that the next one is the newest.
    for (let scope = this.#newest; scope !== undefined; scope = this.#newest) {
      if (scope !== this.root) scope.end(outcome, failed);
      else {
        if (notice !== undefined) scope.notify(notice);
        this.end(outcome, failed);
      }
    }
  }

  /** Adds a recorded scope that begins. */
  opened(scope: AttemptScope): void {
    const before = this.#newest;
    if (before === undefined) liveTasks.add(this);
    else {
      before.newer = scope;
      scope.older = before;
    }
    this.#newest = scope;
  }

  /** Removes a scope that has ended. */
  ended(scope: AttemptScope): void {
    const { newer, older } = scope;
    if (older !== undefined) older.newer = newer;
    if (newer !== undefined) newer.older = older;
    else this.#newest = older;
    scope.newer = undefined;
    scope.older = undefined;
    if (this.#newest === undefined) liveTasks.delete(this);
  }
}

/**
 * Counts the jobs of one attempt as its scopes open and end. A cancelled job is none of the three: it has not
 * succeeded, it has not failed, and it is not running.
 */
class JobCounter {
  running = 0;
  finished = 0;
  failed = 0;

  counts(): JobCounts {
    const { running, finished, failed } = this;
    return { total: running + finished + failed, finished, failed };
  }
}

import type { Attributes } from '@opentelemetry/api';
import type { AnnouncementOutcome, Outcome } from './conventions.ts';

/**
 * A fact is one thing that happened to a task. Its identity is its span and its sequence number in the
 * span: 0 is the span's start, the highest is its end.
 *
 * Times are microseconds since the epoch, as whole numbers.
 */
export type Fact =
  | TaskAnnounced
  | AnnouncementEnd
  | TaskStart
  | ScopeStart
  | NotificationFact
  | ProgressFact
  | PlanFact
  | ExceptionFact
  | ResultFact
  | AttributesFact
  | UnknownFact
  | ScopeEnd
  | TaskEnd;

/** The span that a fact belongs to. */
export interface SpanRef {
  readonly taskUuid: string;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /**
   * Span id of the attempt's task span. For a task span it is the same as {@link spanId}, for an announcement it is
   * `""`.
   */
  readonly taskSpanId: string;
}

interface FactOf<Kind extends string> {
  readonly kind: Kind;
  readonly span: SpanRef;
  readonly seq: number;
  readonly time: number;
}

/** A task will come: it was added to a queue. Its span belongs to no attempt: `taskSpanId` is `""`. */
export interface TaskAnnounced extends FactOf<'task-announced'> {
  readonly name: string;
  /** The user's attributes of the task. */
  readonly attributes: Attributes;
  /** Name of the service that announced it, where it is known. */
  readonly serviceName?: string;
  /** After how many milliseconds without an attempt the task has expired, 0 for never; absent where the store's owner decides. */
  readonly queuedFinalMs?: number;
  /** As in {@link TaskStart}. The parent is that of the run which follows; an announcement has none. */
  readonly parentSpanId?: string;
  readonly parentTaskUuid?: string;
}

/** The announced task will not come any more. An attempt that comes all the same makes it run. */
export interface AnnouncementEnd extends FactOf<'announcement-end'> {
  readonly outcome: AnnouncementOutcome;
  /** Why it has failed. */
  readonly error?: ErrorInfo | undefined;
}

/** An attempt begins. */
export interface TaskStart extends FactOf<'task-start'> {
  readonly name: string;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Which run of a job it is, by the queue that has started it. All spans that report one run are one attempt. */
  readonly run?: string;
  /** Whether the queue's instrumentation reports the run, and not code of the task. Default `false`. */
  readonly observed?: boolean;
  /** The user's attributes of the task. */
  readonly attributes: Attributes;
  /** Name of the service that runs it, where it is known: `service.name` of its resource. */
  readonly serviceName?: string;
  readonly workerId: string;
  /** Milliseconds between two heartbeats of the worker; 0 if it sends none. */
  readonly workerIntervalMs: number;
  /** Whether the worker receives requests to cancel. Default `false`. */
  readonly cancellable?: boolean;
  /** The task of which this one is a child, and the scope there that stands for it, if there is one. */
  readonly parentTaskUuid?: string;
  readonly parentScope?: { readonly taskSpanId: string; readonly spanId: string };
  /** Span id of the span above it, `""` for none, where the parent task has to be found in the trace. Not kept, nor sent. */
  readonly parentSpanId?: string;
  /** Whether the trace is sampled, so that Jaeger has it. */
  readonly sampled: boolean;
}

/** A scope begins. */
export interface ScopeStart extends FactOf<'scope-start'> {
  readonly name: string;
  /** Span id of the enclosing scope or task span. */
  readonly parentSpanId: string;
  /** Whether the enclosing scope belongs to another process: then this scope is a part of the task. Default `false`. */
  readonly remote?: boolean;
  /** The worker that runs such a part, if it is known. */
  readonly workerId?: string;
  /** Name of the task and number of the attempt, where the fact comes from a span: the task's own span may not have come. */
  readonly taskName?: string;
  readonly attempt?: number;
}

export interface NotificationFact extends FactOf<'notification'> {
  readonly message: string;
  readonly attributes?: Attributes | undefined;
}

export interface ProgressFact extends FactOf<'progress'> {
  readonly done: number;
  readonly total?: number | undefined;
}

/** What a scope is going to consist of: a number of scopes, or scopes of these names and weights. */
export type Plan = number | Readonly<Record<string, number>>;

export interface PlanFact extends FactOf<'plan'> {
  readonly plan: Plan;
}

/** An error that a scope or the task reports. */
export interface ExceptionFact extends FactOf<'exception'> {
  /** The error's name, such as `TypeError`. */
  readonly type: string;
  readonly message: string;
  readonly causes?: readonly ErrorCause[] | undefined;
}

export interface ResultFact extends FactOf<'result'> {
  /** JSON text. */
  readonly result: string;
}

/**
 * Attributes of the task that were set while it ran. Of several values for a name the last one by sequence number
 * counts.
 */
export interface AttributesFact extends FactOf<'attributes'> {
  readonly attributes: Attributes;
}

/** An event of a later version of the contract. It counts as received, and has no other effect. */
interface UnknownFact extends FactOf<'unknown'> {
  /** Name of the event. */
  readonly name: string;
}

/** The error in an end. */
export interface ErrorInfo extends ErrorCause {
  /** The errors inside it, depth first; absent where there are none. */
  readonly causes?: readonly ErrorCause[] | undefined;
}

/** An error inside another one. */
export interface ErrorCause {
  readonly name: string;
  readonly message: string;
}

interface EndOf<Kind extends string> extends FactOf<Kind> {
  readonly outcome: Outcome;
  /** Microseconds from start to end. */
  readonly duration: number;
  /** The error that this very span reports; absent where the error was reported by a scope inside. */
  readonly error?: ErrorInfo | undefined;
  /** The user's attributes of the span at its end; absent where there are none. */
  readonly attributes?: Attributes;
}

export interface ScopeEnd extends EndOf<'scope-end'> {
  /** Whether the scope enclosed scopes of its process. Then it is no job. */
  readonly heading: boolean;
}

/** What is known of an attempt at its end. */
export interface TaskTotals {
  /** Name of the task. */
  readonly name: string;
  /** Message of the attempt's latest error, `""` if none. */
  readonly exception: string;
  /** Span id of the scope, or of the task span, that reported that error; absent where it is not known. */
  readonly exceptionSpanId?: string | undefined;
  readonly jobs: JobCounts;
}

/** The final fact of an attempt. */
export interface TaskEnd extends EndOf<'task-end'>, TaskTotals {}

export interface JobCounts {
  readonly total: number;
  readonly finished: number;
  readonly failed: number;
}

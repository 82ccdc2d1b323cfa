import type { Attributes } from '@opentelemetry/api';
import type { Outcome } from './conventions.ts';

/**
 * A fact is one thing that happened to a task. Its identity is the span it belongs to and its
 * sequence number there: 0 is the span's start, the highest is its end.
 *
 * Times are microseconds since the epoch, as whole numbers.
 */
export type Fact =
  | TaskAnnounced
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

/** Which span a fact belongs to. */
export interface SpanRef {
  readonly taskUuid: string;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** Span id of the attempt's task span; the task span's own is its {@link spanId}, an announcement's is `""`. */
  readonly taskSpanId: string;
}

interface FactOf<Kind extends string> {
  readonly kind: Kind;
  readonly span: SpanRef;
  readonly seq: number;
  readonly time: number;
}

/** A task is to come: somebody has put it into a queue. Its span is its own and no attempt's: `taskSpanId` is `""`. */
export interface TaskAnnounced extends FactOf<'task-announced'> {
  readonly name: string;
  /** The user's own attributes of the task. */
  readonly attributes: Attributes;
}

/** An attempt begins. */
export interface TaskStart extends FactOf<'task-start'> {
  readonly name: string;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** The user's own attributes of the task. */
  readonly attributes: Attributes;
  readonly workerId: string;
  /** Milliseconds between two signs of life of the worker; 0 if it gives none. */
  readonly workerIntervalMs: number;
  /** Whether the worker hears a request to cancel. Default `false`. */
  readonly cancellable?: boolean;
  /** The task of which this one is a child, and the scope there that stands for it, if there is one. */
  readonly parentTaskUuid?: string;
  readonly parentScope?: { readonly taskSpanId: string; readonly spanId: string };
  /** Whether the trace is sampled, so that Jaeger has it. */
  readonly sampled: boolean;
}

/** A scope begins. */
export interface ScopeStart extends FactOf<'scope-start'> {
  readonly name: string;
  /** Span id of the enclosing scope or task span. */
  readonly parentSpanId: string;
  /** Whether that one belongs to another process: the scope is a part of the task then. Default `false`. */
  readonly remote?: boolean;
  /** Of such a part: the worker in which it runs, where it says so. */
  readonly workerId?: string;
}

export interface NotificationFact extends FactOf<'notification'> {
  readonly message: string;
  readonly attributes?: Attributes | undefined;
}

export interface ProgressFact extends FactOf<'progress'> {
  readonly done: number;
  readonly total?: number | undefined;
}

/** What a scope will consist of: so many scopes, or scopes of these names and weights. */
export type Plan = number | Readonly<Record<string, number>>;

export interface PlanFact extends FactOf<'plan'> {
  readonly plan: Plan;
}

/** An error that a scope or the task itself reports. */
export interface ExceptionFact extends FactOf<'exception'> {
  /** The error's name, such as `TypeError`. */
  readonly type: string;
  readonly message: string;
}

export interface ResultFact extends FactOf<'result'> {
  /** JSON text. */
  readonly result: string;
}

/** Attributes of the task that became known only now. Of several values for a name the last by sequence number counts. */
export interface AttributesFact extends FactOf<'attributes'> {
  readonly attributes: Attributes;
}

/** An event of a later version of the contract. It counts as received, and changes nothing else. */
export interface UnknownFact extends FactOf<'unknown'> {
  /** Name of the event. */
  readonly name: string;
}

/** An error as an end tells it. */
export interface ErrorInfo {
  readonly name: string;
  readonly message: string;
}

interface EndOf<Kind extends string> extends FactOf<Kind> {
  readonly outcome: Outcome;
  /** Microseconds from start to end. */
  readonly duration: number;
  /** The error that this very span reports; absent where it only passes on one that a scope inside reported. */
  readonly error?: ErrorInfo | undefined;
  /** The user's attributes of the span, as they are at its end; absent where there are none. */
  readonly attributes?: Attributes;
}

export interface ScopeEnd extends EndOf<'scope-end'> {
  /** Whether the scope enclosed scopes of its process: then it is no job. */
  readonly heading: boolean;
}

/** What is known of an attempt at its end. */
export interface TaskTotals {
  /** Name of the task. */
  readonly name: string;
  /** Message of the attempt's latest error, `""` if none. */
  readonly exception: string;
  readonly jobs: JobCounts;
}

/** The final fact of an attempt. */
export interface TaskEnd extends EndOf<'task-end'>, TaskTotals {}

export interface JobCounts {
  readonly total: number;
  readonly finished: number;
  readonly failed: number;
}

import { ProxyTracerProvider, trace } from '@opentelemetry/api';
import type { Attributes, Tracer } from '@opentelemetry/api';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from './conventions.ts';
import type { AnnouncementEnd, ErrorCause, Plan, ScopeEnd, ScopeStart, SpanRef, TaskAnnounced, TaskEnd, TaskStart } from './fact.ts';
import { reportOnce } from './report.ts';
import { shared } from './shared-between-copies.ts';

/**
 * Takes the facts of one span when they happen, each with its whole content. Times are microseconds since the epoch.
 * No method may throw.
 */
export interface SpanSink {
  announced(fact: TaskAnnounced | AnnouncementEnd): void;
  start(fact: TaskStart | ScopeStart): void;
  notification(seq: number, time: number, message: string, attributes: Attributes | undefined): void;
  progress(seq: number, time: number, done: number, total: number | undefined): void;
  plan(seq: number, time: number, plan: Plan): void;
  exception(seq: number, time: number, type: string, message: string, causes?: readonly ErrorCause[]): void;
  /** `result` is JSON text. */
  result(seq: number, time: number, result: string): void;
  attributes(seq: number, time: number, attributes: Attributes): void;
  end(fact: TaskEnd | ScopeEnd): void;
  /** Repeats the start of its span, which is still open, if the sink belongs to that processor. */
  startAgain(processor: TaskProcessor): void;
}

/** A span processor of taskspan, as the updater knows it: it makes record and log from facts. */
export interface TaskProcessor {
  /** Returns the sink for the facts of one span. */
  sink(span: SpanRef): SpanSink;
  /**
   * Resolves with `true` when all facts that it has taken until now are committed, or acknowledged where they are sent,
   * and with `false` after `limitMs`. Never rejects.
   */
  committed?(limitMs: number): Promise<boolean>;
}

/** The processors of this process that take tasks. */
export interface Capture {
  /** The processor of `startTaskspan()`: it takes every task, whichever provider makes the spans. */
  readonly always: Set<TaskProcessor>;
  /** The `TaskSpanProcessor`s: each takes the tasks of its provider, and the tasks whose provider has none. */
  readonly byProvider: Set<TaskProcessor>;
  /** Set while an updater starts a span. A processor that the provider calls meanwhile adds itself. */
  starting: { add(processor: TaskProcessor): unknown } | undefined;
  /** Whether a collector or a processor was ever made in this process. */
  everStarted: boolean;
  /** Registers a provider when the first task begins; removed when it is called. */
  registerProvider: (() => void) | undefined;
}

export const capture: Capture = shared('capture', () => ({
  always: new Set(),
  byProvider: new Set(),
  starting: undefined,
  everStarted: false,
  registerProvider: undefined,
}));

/** Returns the tracer for a task, part or announcement that begins now. */
export function taskTracer(): Tracer {
  try {
    const register = capture.registerProvider;
    capture.registerProvider = undefined;
    register?.();
    return trace.getTracer(INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION);
  } catch (error) {
    reportOnce('getTracer', 'the OpenTelemetry provider gives no tracer, there is no trace', error);
    return NO_TRACER;
  }
}

/** The API's own tracer, which makes no spans. */
const NO_TRACER: Tracer = new ProxyTracerProvider().getTracer(INSTRUMENTATION_NAME);

/**
 * Chooses the processors that take a task: the processor of `startTaskspan()`, and those that the task's provider has
 * called. If it has called none, every `TaskSpanProcessor` of this process takes the task.
 */
export function processorsFor(called: ReadonlySet<TaskProcessor>): readonly TaskProcessor[] {
  const { always, byProvider, everStarted } = capture;
  const processors = new Set([...always, ...(called.size > 0 ? called : byProvider)]);
  if (processors.size === 0 && everStarted) {
    reportOnce('no collector', 'a task that begins after its collector was closed is not recorded');
  }
  return [...processors];
}

/** Returns the sink for the facts of a span; `undefined` without a processor. */
export function sinkOf(processors: readonly TaskProcessor[], span: SpanRef): SpanSink | undefined {
  if (processors.length === 0) return undefined;
  try {
    return processors.length === 1 ? processors[0]!.sink(span) : new ManySinks(processors.map((processor) => processor.sink(span)));
  } catch (error) {
    reportOnce('sink', 'a span could not be recorded', error);
    return undefined;
  }
}

/** The longest time that a start or an announcement waits for its commit, in milliseconds. */
const COMMIT_MS = 2000;

/**
 * Waits until these processors have committed what they have taken. Reports once if that takes longer than {@link
 * COMMIT_MS}.
 */
export async function untilCommitted(processors: readonly TaskProcessor[]): Promise<void> {
  const committed = await Promise.all(processors.map(async (processor) => processor.committed?.(COMMIT_MS)));
  if (!committed.includes(false)) return;
  reportOnce('not committed', `a task could not be committed within ${COMMIT_MS / 1000} s of its start or announcement: it can't be found yet`);
}

/** Passes each fact to several sinks. */
class ManySinks implements SpanSink {
  readonly #sinks: readonly SpanSink[];

  constructor(sinks: readonly SpanSink[]) {
    this.#sinks = sinks;
  }

  announced(fact: TaskAnnounced | AnnouncementEnd): void {
    for (const sink of this.#sinks) sink.announced(fact);
  }

  start(fact: TaskStart | ScopeStart): void {
    for (const sink of this.#sinks) sink.start(fact);
  }

  notification(...fact: Parameters<SpanSink['notification']>): void {
    for (const sink of this.#sinks) sink.notification(...fact);
  }

  progress(...fact: Parameters<SpanSink['progress']>): void {
    for (const sink of this.#sinks) sink.progress(...fact);
  }

  plan(...fact: Parameters<SpanSink['plan']>): void {
    for (const sink of this.#sinks) sink.plan(...fact);
  }

  exception(...fact: Parameters<SpanSink['exception']>): void {
    for (const sink of this.#sinks) sink.exception(...fact);
  }

  result(...fact: Parameters<SpanSink['result']>): void {
    for (const sink of this.#sinks) sink.result(...fact);
  }

  attributes(...fact: Parameters<SpanSink['attributes']>): void {
    for (const sink of this.#sinks) sink.attributes(...fact);
  }

  end(fact: TaskEnd | ScopeEnd): void {
    for (const sink of this.#sinks) sink.end(fact);
  }

  startAgain(processor: TaskProcessor): void {
    for (const sink of this.#sinks) sink.startAgain(processor);
  }
}

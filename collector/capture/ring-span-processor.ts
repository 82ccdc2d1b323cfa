import { SpanStatusCode } from '@opentelemetry/api';
import type { Attributes, HrTime, SpanContext, SpanStatus } from '@opentelemetry/api';
import { capture } from '../../src/capture.ts';
import type { SpanSink, TaskProcessor } from '../../src/capture.ts';
import { microsOf } from '../../src/clock.ts';
import type { SpanRef } from '../../src/fact.ts';
import { reportOnce } from '../../src/report.ts';
import { clearInterval, performance, setInterval } from '../timers.ts';
import { liveTasks } from '../../src/worker.ts';
import { announcementEndOf, endFactOf, startFactOf } from '../facts/fact-codec.ts';
import type { SpanEnd, SpanStart } from '../facts/fact-codec.ts';
import { spanRefOf } from '../facts/span-ids.ts';
import { FactWriter } from './ring-facts.ts';
import type { RingWriter } from './ring-writer.ts';
import { CONTROL } from './segment.ts';

/** What is read of an SDK's span at its start; SDK 2.x and 3.x both have it. */
export interface StartedSpan {
  readonly name: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  spanContext(): SpanContext;
}

/** What is read of it at its end. */
export interface EndedSpan extends StartedSpan {
  readonly endTime: HrTime;
  readonly status: SpanStatus;
  readonly events: readonly { readonly attributes?: Attributes }[];
}

/**
 * Writes the facts of task and scope spans into a ring. An updater hands its facts over itself, so that no sampler and no
 * limit of an SDK cuts them. The spans of other software that follows the contract are read as the SDK has them.
 *
 * It is typed by what it uses of a span, so that it is a `SpanProcessor` of SDK 2.x and 3.x. No hook throws: that would
 * break the application's own `startSpan`.
 */
export class RingSpanProcessor implements TaskProcessor {
  readonly ring: RingWriter;
  /** The writers of open spans that no updater has started. */
  readonly #open = new WeakMap<object, FactWriter>();
  readonly #acknowledgements: Acknowledgements;

  constructor(ring: RingWriter) {
    this.ring = ring;
    this.#acknowledgements = new Acknowledgements(ring);
  }

  committed(limitMs: number): Promise<boolean> {
    // A ring that is closed or full drops facts: they are never committed.
    return this.ring.isOpen ? this.#acknowledgements.wait(limitMs) : Promise.resolve(false);
  }

  sink(ref: SpanRef): SpanSink {
    return new FactWriter(this.ring, ref);
  }

  onStart(span: StartedSpan): void {
    if (capture.starting !== undefined) {
      if (!this.ring.isClosed) capture.starting.add(this);
      return;
    }
    try {
      const { traceId, spanId } = span.spanContext();
      const ref = spanRefOf(span.attributes, traceId, spanId);
      if (ref === undefined) return;
      const writer = new FactWriter(this.ring, ref);
      const start = startFactOf(ref, spanStart(span));
      if (start.kind === 'task-announced') writer.announced(start);
      else writer.start(start);
      this.#open.set(span, writer);
    } catch (error) {
      reportOnce('onStart', 'the start of a span could not be recorded', error);
    }
  }

  onEnd(span: EndedSpan): void {
    try {
      const writer = this.#open.get(span);
      if (writer === undefined) return;
      const isAnnouncement = writer.ref.taskSpanId === '';
      const end = isAnnouncement ? announcementEndOf(writer.ref, spanEnd(span)) : endFactOf(writer.ref, spanEnd(span));
      if (end?.kind === 'announcement-end') writer.announced(end);
      else if (end !== undefined) writer.end(end);
    } catch (error) {
      reportOnce('onEnd', 'the end of a span could not be recorded', error);
    }
  }

  /** Repeats the starts of what is open in this process, for a store that has been replaced by an empty one. */
  startAgain(): void {
    try {
      for (const task of liveTasks) task.startAgain(this);
    } catch (error) {
      reportOnce('startAgain', 'what is open could not be reported to the new store', error);
    }
  }
}

function spanStart(span: StartedSpan): SpanStart {
  const { name, attributes } = span;
  return { name, attributes, time: microsOf(span.startTime), sampled: (span.spanContext().traceFlags & 1) === 1 };
}

function spanEnd({ name, attributes, startTime, endTime, status, events }: EndedSpan): SpanEnd {
  const time = microsOf(endTime);
  const failed = status.code === SpanStatusCode.ERROR;
  return { name, attributes, time, duration: time - microsOf(startTime), failed, message: status.message ?? '', events };
}

/** A caller that waits. */
interface Waiting {
  readonly isAcknowledged: () => boolean;
  /** When it waits no longer, in milliseconds of `performance.now()`. */
  readonly end: number;
  readonly resolve: (isAcknowledged: boolean) => void;
}

/**
 * Waits for acknowledgements of what is written into a ring. All callers share one wait on the shared memory, so that an
 * acknowledgement costs no more than the callers whose facts it acknowledges.
 */
class Acknowledgements {
  readonly #ring: RingWriter;
  /** In the order of writing, so that callers whose facts are acknowledged stand first. */
  #waiting: Waiting[] = [];

  constructor(ring: RingWriter) {
    this.#ring = ring;
  }

  /** Resolves with whether all that is written by now is acknowledged: when it is, or after this time. */
  wait(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const { length } = this.#waiting;
      this.#waiting.push({ isAcknowledged: this.#ring.mark(), end: performance.now() + limitMs, resolve });
      if (length === 0) void this.#watch();
    });
  }

  async #watch(): Promise<void> {
    const { control } = this.#ring;
    // A wait on shared memory alone would not keep the process alive.
    const alive = setInterval(() => undefined, ALIVE_MS);
    for (;;) {
      const acknowledgements = Atomics.load(control, CONTROL.acknowledgements);
      const open = this.#waiting.findIndex(({ isAcknowledged }) => !isAcknowledged());
      for (const { resolve } of this.#waiting.splice(0, open < 0 ? Infinity : open)) resolve(true);
      const [first] = this.#waiting;
      if (first === undefined) break;
      const left = Math.max(0, first.end - performance.now());
      const woken = await Atomics.waitAsync(control, CONTROL.acknowledgements, acknowledgements, left).value;
      if (woken === 'timed-out') this.#waiting.shift()!.resolve(first.isAcknowledged());
    }
    clearInterval(alive);
  }
}

const ALIVE_MS = 60_000;

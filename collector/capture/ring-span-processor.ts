import { capture } from '../../src/capture.ts';
import type { SpanSink, TaskProcessor } from '../../src/capture.ts';
import type { SpanRef } from '../../src/fact.ts';
import { reportOnce } from '../../src/report.ts';
import { liveTasks } from '../../src/worker.ts';
import { announcedFactOf, endFactOf, startFactOf } from '../facts/span-facts.ts';
import { spanRefOf } from '../facts/span-ref.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { FactWriter } from './fact-writer.ts';
import type { RingWriter } from './ring-writer.ts';
import { toldEnd, toldStart } from './sdk-span.ts';
import type { EndedSpan, StartedSpan } from './sdk-span.ts';

/**
 * Writes the facts of task and scope spans into a ring. An updater hands them over itself, so that no sampler and no
 * limit of an SDK cuts them. Spans of other code that follows the contract are read as the SDK has them.
 *
 * Typed by what it uses of a span, so that it is a `SpanProcessor` of SDK 2.x and 3.x. No hook
 * throws: that would break the application's own `startSpan`.
 */
export class RingSpanProcessor implements TaskProcessor {
  readonly ring: RingWriter;
  /** The writers of open spans that no updater has started. */
  readonly #others = new WeakMap<object, FactWriter>();
  readonly #acknowledgements: Acknowledgements;

  constructor(ring: RingWriter) {
    this.ring = ring;
    this.#acknowledgements = new Acknowledgements(ring);
  }

  committed(limitMs: number): Promise<boolean> {
    // What is given up is never committed.
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
      if (ref.taskSpanId === '') {
        // Its start is all of it.
        writer.announced(announcedFactOf(ref, toldStart(span)));
        return;
      }
      writer.start(startFactOf(ref, toldStart(span)));
      this.#others.set(span, writer);
    } catch (error) {
      reportOnce('onStart', 'the start of a span could not be recorded', error);
    }
  }

  onEnd(span: EndedSpan): void {
    try {
      const writer = this.#others.get(span);
      writer?.end(endFactOf(writer.ref, toldEnd(span)));
    } catch (error) {
      reportOnce('onEnd', 'the end of a span could not be recorded', error);
    }
  }

  /** Repeats the starts of what is open in this process, for a store that has been replaced by an empty one. */
  startAgain(): void {
    try {
      for (const task of liveTasks) task.startAgain(this);
    } catch (error) {
      reportOnce('startAgain', 'what is open could not be told to the new store', error);
    }
  }
}

import { SPAN_SINK } from '../../src/span-sink.ts';
import type { SpanSink } from '../../src/span-sink.ts';
import { reportOnce } from '../../src/report.ts';
import { FactWriter } from '../ring/fact-writer.ts';
import type { RingWriter } from '../ring/ring-writer.ts';
import { bothSinks } from './both-sinks.ts';
import { endFactOf, spanRefOf, startFactOf } from './span-facts.ts';
import type { EndedSpan, StartedSpan } from './span-facts.ts';

/**
 * Writes the facts of task and scope spans into a ring: starts and ends as the SDK tells them,
 * the rest as it happens, through the sink that it leaves on each span.
 *
 * Typed by what it uses of a span, so that it is a `SpanProcessor` of SDK 2.x and 3.x. No hook
 * throws: that would break the application's own `startSpan`.
 */
export class RingSpanProcessor {
  readonly #ring: RingWriter;
  readonly #writers = new WeakMap<object, FactWriter>();

  constructor(ring: RingWriter) {
    this.#ring = ring;
  }

  onStart(span: StartedSpan): void {
    try {
      const ref = spanRefOf(span);
      if (ref === undefined) return;
      const writer = new FactWriter(this.#ring, ref);
      this.#writers.set(span, writer);
      writer.start(startFactOf(span, ref));
      leaveSink(span, writer);
    } catch (error) {
      reportOnce('onStart', 'the start of a span could not be recorded', error);
    }
  }

  onEnd(span: EndedSpan): void {
    try {
      const writer = this.#writers.get(span);
      const ref = writer === undefined ? undefined : spanRefOf(span);
      if (ref !== undefined) writer!.end(endFactOf(span, ref));
    } catch (error) {
      reportOnce('onEnd', 'the end of a span could not be recorded', error);
    }
  }
}

/** A second processor on the same provider gets the facts too. */
function leaveSink(span: object, writer: FactWriter): void {
  const sinks = span as { [SPAN_SINK]?: SpanSink };
  const before = sinks[SPAN_SINK];
  sinks[SPAN_SINK] = before === undefined ? writer : bothSinks(before, writer);
}

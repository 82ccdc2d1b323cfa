import { liveTasks } from '../../src/live-tasks.ts';
import { SPAN_SINK } from '../../src/span-sink.ts';
import type { SpanSink } from '../../src/span-sink.ts';
import { reportOnce } from '../../src/report.ts';
import { announcedFactOf, endFactOf, startFactOf } from '../contract/span-facts.ts';
import { spanRefOf } from '../contract/span-ref.ts';
import { FactWriter } from '../ring/fact-writer.ts';
import type { RingWriter } from '../ring/ring-writer.ts';
import { ManySinks } from './many-sinks.ts';
import type { RingSink } from './many-sinks.ts';
import { toldEnd, toldStart } from './sdk-span.ts';
import type { EndedSpan, StartedSpan } from './sdk-span.ts';

/**
 * Writes the facts of task and scope spans into a ring: starts and ends as the SDK tells them,
 * the rest as it happens, through the sink that it leaves on each span.
 *
 * Typed by what it uses of a span, so that it is a `SpanProcessor` of SDK 2.x and 3.x. No hook
 * throws: that would break the application's own `startSpan`.
 */
export class RingSpanProcessor {
  readonly #ring: RingWriter;

  constructor(ring: RingWriter) {
    this.#ring = ring;
  }

  onStart(span: StartedSpan): void {
    try {
      const { traceId, spanId } = span.spanContext();
      const ref = spanRefOf(span.attributes, traceId, spanId);
      if (ref === undefined) return;
      const writer = new FactWriter(this.#ring, ref);
      if (ref.taskSpanId === '') {
        // It says all at its start: nothing is left to be told by a sink or at its end.
        writer.announced(announcedFactOf(ref, toldStart(span)));
        return;
      }
      writer.start(startFactOf(ref, toldStart(span)));
      leaveSink(span, writer);
    } catch (error) {
      reportOnce('onStart', 'the start of a span could not be recorded', error);
    }
  }

  onEnd(span: EndedSpan): void {
    try {
      const writer = (span as SpanWithSink)[SPAN_SINK]?.writerInto?.(this.#ring);
      writer?.end(endFactOf(writer.ref, toldEnd(span)));
    } catch (error) {
      reportOnce('onEnd', 'the end of a span could not be recorded', error);
    }
  }

  /** Says again what is open in this process: the store has been replaced by one that knows nothing of it. */
  startAgain(): void {
    try {
      for (const task of liveTasks) {
        for (const span of task.openSpans()) (span as SpanWithSink)[SPAN_SINK]?.writerInto?.(this.#ring)?.startAgain();
      }
    } catch (error) {
      reportOnce('startAgain', 'what is open could not be told to the new store', error);
    }
  }
}

type SpanWithSink = object & { [SPAN_SINK]?: SpanSink & Partial<RingSink> };

/** A property, not a weak map: that would cost more than all the rest of a span's start. */
function leaveSink(span: SpanWithSink, writer: FactWriter): void {
  const before = span[SPAN_SINK];
  span[SPAN_SINK] = before === undefined ? writer : new ManySinks(before, writer);
}

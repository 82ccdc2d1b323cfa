import { FactWriter } from '../../../collector/capture/ring-facts.ts';
import { readingEnd } from '../../../collector/capture/ring-reader.ts';
import type { RingReader } from '../../../collector/capture/ring-reader.ts';
import { RingWriter } from '../../../collector/capture/ring-writer.ts';
import type { RingOptions } from '../../../collector/capture/ring-writer.ts';
import type { SpanSink } from '../../../src/capture.ts';
import type { Fact } from '../../../src/fact.ts';

/** A ring with one writer a span, as the processor has them. */
export class WrittenRing {
  readonly ring: RingWriter;
  readonly #writers = new Map<string, FactWriter>();

  constructor(options?: RingOptions) {
    this.ring = new RingWriter(options);
  }

  /** Writes a fact. Gives whether the ring had room for it. */
  write(fact: Fact): boolean {
    const key = fact.span.traceId + fact.span.spanId;
    let writer = this.#writers.get(key);
    if (writer === undefined) this.#writers.set(key, (writer = new FactWriter(this.ring, fact.span)));
    const { droppedFacts } = this.ring;
    writeTo(writer, fact);
    return this.ring.droppedFacts === droppedFacts;
  }

  /** A reader that begins behind all that is acknowledged, in place of the reader before. */
  reader(): RingReader {
    return readingEnd(this.ring);
  }
}

/** Gives a fact to a sink as an updater does. */
export function writeTo(sink: SpanSink, fact: Fact): void {
  switch (fact.kind) {
    case 'task-announced':
    case 'announcement-end':
      return sink.announced(fact);
    case 'task-start':
    case 'scope-start':
      return sink.start(fact);
    case 'task-end':
    case 'scope-end':
      return sink.end(fact);
    case 'notification':
      return sink.notification(fact.seq, fact.time, fact.message, fact.attributes);
    case 'progress':
      return sink.progress(fact.seq, fact.time, fact.done, fact.total);
    case 'plan':
      return sink.plan(fact.seq, fact.time, fact.plan);
    case 'exception':
      return sink.exception(fact.seq, fact.time, fact.type, fact.message, fact.causes);
    case 'result':
      return sink.result(fact.seq, fact.time, fact.result);
    case 'attributes':
      return sink.attributes(fact.seq, fact.time, fact.attributes);
    case 'unknown':
      throw new TypeError(`no updater makes an event ${fact.name}`);
  }
}

/** All that a reader has to give. */
export function readAll(reader: RingReader): Fact[] {
  const facts: Fact[] = [];
  while (reader.hasFacts) facts.push(...reader.read(64 * 1024, 1000));
  return facts;
}

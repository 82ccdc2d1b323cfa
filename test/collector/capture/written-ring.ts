import type { Fact } from '../../../src/fact.ts';
import { FactWriter } from '../../../collector/capture/fact-writer.ts';
import { readingEnd } from '../../../collector/capture/ring-here.ts';
import type { RingReader } from '../../../collector/capture/ring-reader.ts';
import { RingWriter } from '../../../collector/capture/ring-writer.ts';
import type { RingOptions } from '../../../collector/capture/ring-writer.ts';

/** A ring with one writer a span, as the processor has them. */
export class WrittenRing {
  readonly ring: RingWriter;
  readonly #writers = new Map<string, FactWriter>();

  constructor(options?: RingOptions) {
    this.ring = new RingWriter(options);
  }

  /** Writes a fact; says whether the ring had room for it. */
  write(fact: Fact): boolean {
    const key = fact.span.traceId + fact.span.spanId;
    let writer = this.#writers.get(key);
    if (writer === undefined) this.#writers.set(key, (writer = new FactWriter(this.ring, fact.span)));
    const { givenUp } = this.ring;
    writer.write(fact);
    return this.ring.givenUp === givenUp;
  }

  /** A reader that begins where all was acknowledged; the one before is as good as dead. */
  reader(): RingReader {
    return readingEnd(this.ring);
  }
}

/** All that a reader has to give. */
export function readAll(reader: RingReader): Fact[] {
  const facts: Fact[] = [];
  while (reader.hasFacts) facts.push(...reader.read(64 * 1024, 1000));
  return facts;
}

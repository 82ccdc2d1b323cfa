import type { SpanSink } from '../../src/span-sink.ts';
import type { FactWriter } from '../ring/fact-writer.ts';
import type { RingWriter } from '../ring/ring-writer.ts';

/** A sink that knows which ring it writes into. */
export interface RingSink extends SpanSink {
  /** The part of it that writes into this ring, if any. */
  writerInto(ring: RingWriter): FactWriter | undefined;
}

/** Gives each fact to several sinks: two processors may stand on one provider. */
export class ManySinks implements RingSink {
  readonly #sinks: readonly (SpanSink & Partial<RingSink>)[];

  constructor(...sinks: SpanSink[]) {
    this.#sinks = sinks;
  }

  writerInto(ring: RingWriter): FactWriter | undefined {
    for (const sink of this.#sinks) {
      const writer = sink.writerInto?.(ring);
      if (writer !== undefined) return writer;
    }
    return undefined;
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
}

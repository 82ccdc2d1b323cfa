interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

/**
 * What is known of spans by their two ids, in the order in which it was added. It is asked several times
 * a fact: a key made of both ids would have to be made and hashed each time.
 */
export class SpanMap<Span extends SpanIds> implements Iterable<Span> {
  readonly #spans = new Set<Span>();
  readonly #traces = new Map<string, Map<string, Span>>();
  /** The trace asked for last: a task has mostly one. */
  #traceId: string | undefined;
  #trace: Map<string, Span> | undefined;

  get size(): number {
    return this.#spans.size;
  }

  get(traceId: string, spanId: string): Span | undefined {
    return this.#traceOf(traceId)?.get(spanId);
  }

  has(traceId: string, spanId: string): boolean {
    return this.get(traceId, spanId) !== undefined;
  }

  /** Adds a span of which nothing is here yet. */
  add(span: Span): void {
    let trace = this.#traceOf(span.traceId);
    if (trace === undefined) {
      trace = new Map();
      this.#traces.set(span.traceId, trace);
      this.#trace = trace;
    }
    trace.set(span.spanId, span);
    this.#spans.add(span);
  }

  delete(span: Span): void {
    this.#traces.get(span.traceId)?.delete(span.spanId);
    this.#spans.delete(span);
  }

  [Symbol.iterator](): Iterator<Span> {
    return this.#spans.values();
  }

  #traceOf(traceId: string): Map<string, Span> | undefined {
    if (traceId !== this.#traceId) {
      this.#traceId = traceId;
      this.#trace = this.#traces.get(traceId);
    }
    return this.#trace;
  }
}

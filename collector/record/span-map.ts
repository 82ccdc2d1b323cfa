/** Which span of a task. */
export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** The key of a span within its task. */
export function spanKey(traceId: string, spanId: string): string {
  return `${traceId}-${spanId}`;
}

/** The ids of which {@link spanKey} has made a key. */
export function idsOfKey(key: string): SpanIds {
  const [traceId = '', spanId = ''] = key.split('-');
  return { traceId, spanId };
}

/**
 * What is known of spans by their two ids, in the order in which it was added. It is read several times
 * a fact. So the span's id alone is the key where it can be: a key of both ids would have to be made and hashed
 * each time.
 */
export class SpanMap<Span extends SpanIds> implements Iterable<Span> {
  /** By span id; by both ids where another trace has a span of that id, which only a foreign sender can make. */
  readonly #spans = new Map<string, Span>();
  #hasTwins = false;

  get size(): number {
    return this.#spans.size;
  }

  get(traceId: string, spanId: string): Span | undefined {
    const span = this.#spans.get(spanId);
    if (span?.traceId === traceId) return span;
    return this.#hasTwins ? this.#spans.get(spanKey(traceId, spanId)) : undefined;
  }

  has(traceId: string, spanId: string): boolean {
    return this.get(traceId, spanId) !== undefined;
  }

  /** Adds a span, or replaces what is here of it. */
  add(span: Span): void {
    const { traceId, spanId } = span;
    const ofId = this.#spans.get(spanId);
    const isTwin = ofId === undefined ? this.#hasTwins && this.#spans.has(spanKey(traceId, spanId)) : ofId.traceId !== traceId;
    if (isTwin) this.#hasTwins = true;
    this.#spans.set(isTwin ? spanKey(traceId, spanId) : spanId, span);
  }

  delete({ traceId, spanId }: Span): void {
    const isTwin = this.#spans.get(spanId)?.traceId !== traceId;
    this.#spans.delete(isTwin ? spanKey(traceId, spanId) : spanId);
  }

  [Symbol.iterator](): Iterator<Span> {
    return this.#spans.values();
  }
}

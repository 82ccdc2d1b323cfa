import { INVALID_SPAN_CONTEXT } from '@opentelemetry/api';
import type { Attributes, AttributeValue, Span, SpanContext } from '@opentelemetry/api';

/**
 * Replaces a span that no provider records: because it is sampled out, tracing is suppressed, or there is no SDK. It is
 * the active span of its code and keeps the attributes that the code sets, for the record. It is never exported.
 */
export class StandInSpan implements Span {
  readonly attributes: Attributes = {};
  /** Whether a provider made a span around it. */
  readonly isInTrace: boolean;
  readonly #nearest: SpanContext;
  #open = true;

  /**
   * @param nearest The nearest span that a provider made, absent where there is none. Spans that OpenTelemetry starts
   *   inside become its children, so that a trace never names a parent that was not exported.
   */
  constructor(nearest: SpanContext | undefined) {
    this.isInTrace = nearest !== undefined;
    this.#nearest = nearest ?? INVALID_SPAN_CONTEXT;
  }

  spanContext(): SpanContext {
    return this.#nearest;
  }

  isRecording(): boolean {
    return this.#open;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this.#open) this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    if (this.#open) Object.assign(this.attributes, attributes);
    return this;
  }

  end(): void {
    this.#open = false;
  }

  updateName(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  recordException(): void {}
}

/** A random id of so many hex digits, never all zeros. */
export function randomId(digits: 16 | 32): string {
  let id = '';
  while (id.length < digits) id += Math.floor(Math.random() * 2 ** 32).toString(16).padStart(8, '0');
  return /[^0]/.test(id) ? id : randomId(digits);
}

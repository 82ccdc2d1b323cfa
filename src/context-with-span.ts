import { trace } from '@opentelemetry/api';
import type { Context, Span } from '@opentelemetry/api';

/**
 * What `trace.setSpan(base, span)` gives, without its copy of all that stands in the context: most
 * scopes ask for the active span alone.
 */
export class ContextWithSpan implements Context {
  readonly #base: Context;
  readonly #span: Span;

  constructor(context: Context, span: Span) {
    // Scopes inside each other do not make a chain: the inner span hides the outer one.
    this.#base = context instanceof ContextWithSpan ? context.#base : context;
    this.#span = span;
  }

  getValue(key: symbol): unknown {
    return key === SPAN_KEY ? this.#span : this.#base.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return key === SPAN_KEY ? this.#base.setValue(key, value) : trace.setSpan(this.#base.setValue(key, value), this.#span);
  }

  deleteValue(key: symbol): Context {
    return key === SPAN_KEY ? this.#base.deleteValue(key) : trace.setSpan(this.#base.deleteValue(key), this.#span);
  }
}

/** The API's own key of the active span, which it does not export: it tells whoever is asked to keep one. */
const SPAN_KEY: symbol = spanKey();

function spanKey(): symbol {
  let asked: symbol | undefined;
  const listening: Context = {
    getValue: () => undefined,
    setValue(key) {
      asked = key;
      return listening;
    },
    deleteValue: () => listening,
  };
  trace.setSpan(listening, trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }));
  return asked!;
}

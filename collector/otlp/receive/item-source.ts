import type { Attributes } from '@opentelemetry/api';

/** Where a span or log record comes from. */
export interface ItemSource {
  /** Name of the instrumentation scope. */
  readonly scopeName: string;
  /** Attributes of the resource; of all its items the same object. */
  readonly resource: () => Attributes;
}

import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import * as sdk from '@opentelemetry/sdk-trace';
import type { BatchSpanProcessorOptions, SpanExporter } from '@opentelemetry/sdk-trace';

/**
 * The names of `@opentelemetry/sdk-trace-node` 2.x over what SDK 3.x has instead, so that the
 * same suites run on both. 3.x has no `register()`, and its processors take one object.
 */
export class NodeTracerProvider extends sdk.TracerProvider {
  /** As the documentation of 3.x has an application do it. */
  register(): void {
    trace.setGlobalTracerProvider(this);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(
      new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    );
  }
}

export class SimpleSpanProcessor extends sdk.SimpleSpanProcessor {
  constructor(exporter: SpanExporter) {
    super({ exporter });
  }
}

export class BatchSpanProcessor extends sdk.BatchSpanProcessor {
  constructor(exporter: SpanExporter, options: Omit<BatchSpanProcessorOptions, 'exporter'> = {}) {
    super({ ...options, exporter });
  }
}

export { AlwaysOffSampler, AlwaysOnSampler, InMemorySpanExporter, ParentBasedSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';

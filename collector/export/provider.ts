import { basename } from 'node:path';
import { context, propagation, ProxyTracerProvider, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import type { Resource } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { capture } from '../../src/capture.ts';
import { globalSlots } from '../../src/report.ts';
import { reportUnheeded, samplerFromEnv } from './environment.ts';

/** Options of {@link registerProvider}. */
interface ProviderOptions {
  /** When: as the first task of the process begins, or at once. */
  registerProvider: 'auto' | true;
  serviceName: string | undefined;
  sampler: Sampler | undefined;
  /** Made only where the provider is. */
  spanProcessors: () => SpanProcessor[];
  /** Called where taskspan's provider makes no spans, since another one is registered. */
  onForeign: () => void;
}

/**
 * Takes the global slots of OpenTelemetry's API that are free: tracer provider, context manager, propagator. What the
 * application has registered stays, and its provider makes the spans then; records do not depend on the provider.
 *
 * @returns Gives back the slots that are still ours. Context manager and propagator stay where another provider has come
 *   to rely on them.
 */
export function registerProvider(options: ProviderOptions): () => void {
  const giveBack: (() => void)[] = [];
  const take = (): void => void giveBack.push(...takeFreeSlots(options));
  if (options.registerProvider === true && globalSlots().trace === undefined) take();
  else capture.registerProvider = take;
  return () => {
    if (capture.registerProvider === take) capture.registerProvider = undefined;
    for (const each of giveBack) each();
  };
}

function takeFreeSlots({ serviceName, sampler, spanProcessors, onForeign }: ProviderOptions): (() => void)[] {
  const slots = globalSlots();
  const taken: (() => void)[] = [];
  if (slots.trace !== undefined) onForeign();
  else if (process.env['OTEL_SDK_DISABLED']?.trim().toLowerCase() !== 'true') {
    const provider = new NodeTracerProvider({
      resource: resourceOf(serviceName),
      sampler: sampler ?? samplerFromEnv(),
      spanProcessors: spanProcessors(),
    });
    if (trace.setGlobalTracerProvider(provider)) {
      taken.push(() => isGlobal(provider) && trace.disable());
      reportUnheeded();
    } else {
      onForeign();
    }
  }
  if (slots.context === undefined) taken.push(takeContextSlot());
  if (slots.propagation === undefined) {
    const propagator = new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });
    propagation.setGlobalPropagator(propagator);
    taken.push(() => isOursAlone('propagation', propagator) && propagation.disable());
  }
  return taken;
}

/** Registers a context manager, without which no code has an active span. Gives it back while it is ours alone. */
export function takeContextSlot(): () => void {
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  return () => isOursAlone('context', manager) && context.disable();
}

/** Whether a slot is still ours, and no provider of the application's: its own context manager has been refused then. */
function isOursAlone(slot: 'context' | 'propagation', ours: object): boolean {
  return globalSlots()[slot] === ours && globalSlots().trace === undefined;
}

function isGlobal(provider: NodeTracerProvider): boolean {
  const registered = trace.getTracerProvider();
  return registered instanceof ProxyTracerProvider && registered.getDelegate() === provider;
}

/** The resource of spans and facts. */
export function resourceOf(serviceName: string | undefined): Resource {
  // OpenTelemetry's own default would have the whole path of the program.
  const unnamed = { 'service.name': `unknown_service:${basename(process.execPath)}` };
  const named = serviceName === undefined ? {} : { 'service.name': serviceName };
  return defaultResource()
    .merge(resourceFromAttributes(unnamed))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(named));
}

import { basename } from 'node:path';
import { context, propagation, ProxyTracerProvider, trace } from '@opentelemetry/api';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import type { Resource } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { recordTasks } from './span/record-tasks.ts';
import { samplerFromEnv } from './span/sampler-from-env.ts';
import type { ResolvedOptions } from './taskspan-options.ts';

/** Whether a tracer provider is registered with OpenTelemetry's API. */
export function isProviderRegistered(): boolean {
  const provider = trace.getTracerProvider();
  // The API's own placeholder gives everybody the same provider that does nothing.
  return !(provider instanceof ProxyTracerProvider && provider.getDelegate() === new ProxyTracerProvider().getDelegate());
}

/** Makes a provider with these processors and registers it, with context and propagation. */
export function registerProvider(options: ResolvedOptions, spanProcessors: SpanProcessor[]): NodeTracerProvider {
  const provider = new NodeTracerProvider({
    resource: resourceOf(options.serviceName),
    sampler: recordTasks(options.sampler ?? samplerFromEnv()),
    spanProcessors,
  });
  provider.register();
  return provider;
}

/** Takes back what {@link registerProvider} registered. */
export function unregisterProvider(): void {
  trace.disable();
  context.disable();
  propagation.disable();
}

/** What spans and facts are said to come from. */
export function resourceOf(serviceName: string | undefined): Resource {
  // OpenTelemetry's own default would have the whole path of the program.
  const unnamed = { 'service.name': `unknown_service:${basename(process.execPath)}` };
  const named = serviceName === undefined ? {} : { 'service.name': serviceName };
  return defaultResource()
    .merge(resourceFromAttributes(unnamed))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(named));
}

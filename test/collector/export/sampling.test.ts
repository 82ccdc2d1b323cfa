import { context, propagation, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  NodeTracerProvider,
  ParentBasedSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import type { Sampler } from '@opentelemetry/sdk-trace-node';
import { expect, onTestFinished, test } from 'vitest';
import { samplerFromEnv } from '../../../collector/export/environment.ts';
import { memoryStore, TaskSpanProcessor } from '../../../collector/index.ts';
import { runTask } from '../../../src/index.ts';

function sdk(sampler: Sampler) {
  const store = memoryStore();
  const exporter = new InMemorySpanExporter();
  const processor = new TaskSpanProcessor({ store });
  const provider = new NodeTracerProvider({ sampler, spanProcessors: [processor, new BatchSpanProcessor(exporter)] });
  provider.register();
  onTestFinished(async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    await provider.shutdown();
  });
  return { store, exporter, provider };
}

const SAMPLERS: [string, () => Sampler][] = [
  ['never', () => new AlwaysOffSampler()],
  ['at a ratio of 0', () => new TraceIdRatioBasedSampler(0)],
  ['by an unsampled remote parent', () => new ParentBasedSampler({ root: new AlwaysOnSampler() })],
];

test.for(SAMPLERS)('sampled %s, the record is whole and nothing is exported', async ([, sampler]) => {
  const { store, exporter, provider } = sdk(sampler());
  const remote = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: TraceFlags.NONE,
    isRemote: true,
  });
  let uuid = '';
  await context.with(remote, () =>
    runTask('task', async (updater) => {
      uuid = updater.taskUuid;
      await updater.scope('part', async (scope) => scope.notify('said'));
      trace.getTracer('other').startSpan('of another instrumentation').end();
    }),
  );
  await provider.forceFlush();
  const stored = (await store.stored(uuid))!;
  expect(JSON.parse(stored.summary)).toMatchObject({ state: 'completed', jobs: { finished: 1 }, trace_sampled: false });
  expect((await store.log(uuid))?.text).toContain('\t - part\n\tsaid\n');
  expect(exporter.getFinishedSpans()).toEqual([]);
});

test.for([
  ['always_on', undefined, 'AlwaysOnSampler'],
  ['always_off', undefined, 'AlwaysOffSampler'],
  ['traceidratio', '0.25', 'TraceIdRatioBased{0.25}'],
  ['parentbased_always_on', undefined, 'ParentBased{root=AlwaysOnSampler'],
  ['parentbased_always_off', undefined, 'ParentBased{root=AlwaysOffSampler'],
  ['parentbased_traceidratio', '0.5', 'ParentBased{root=TraceIdRatioBased{0.5}'],
  [undefined, undefined, 'ParentBased{root=AlwaysOnSampler'],
  ['of no kind', undefined, 'ParentBased{root=AlwaysOnSampler'],
  ['traceidratio', '7', 'TraceIdRatioBased{1}'],
] as const)('OTEL_TRACES_SAMPLER=%s with the argument %s gives %s', ([name, argument, expected]) => {
  const env = {
    ...(name !== undefined && { OTEL_TRACES_SAMPLER: name }),
    ...(argument !== undefined && { OTEL_TRACES_SAMPLER_ARG: argument }),
  };
  expect(samplerFromEnv(env).toString()).toContain(expected);
});

/**
 * An application with an OpenTelemetry provider of its own: taskspan is one more span processor.
 * The record is whole even if the sampler drops the trace.
 */
import { NodeTracerProvider, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-node';
import { runTask } from 'taskspan';
import { memoryStore, TaskSpanProcessor } from 'taskspan/collector';

const store = memoryStore(); // or sqliteStore('./taskspan.sqlite')
const provider = new NodeTracerProvider({
  sampler: new TraceIdRatioBasedSampler(0),
  spanProcessors: [new TaskSpanProcessor({ store })],
});
provider.register();

const uuid = runTask('Nightly cleanup', (updater) => {
  updater.scope('Delete old sessions', (scope) => {
    scope.notify('12 sessions deleted');
  });
  return updater.taskUuid;
});

await provider.forceFlush();
const log = await store.log(uuid);
console.log(log?.text);

await provider.shutdown();
await store.close();

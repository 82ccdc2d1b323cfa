/** A sandboxed processor: it fails the first time. What records it is preloaded. */
import { trackJob } from '../../../src/bullmq/index.ts';
import type { RunningJob } from '../../../src/bullmq/index.ts';

const processor: (job: RunningJob) => Promise<string> = trackJob(async (job, _token, _signal, updater) => {
  if (job.attemptsMade === 0) throw new TypeError('not yet');
  updater.notify('Hello from the sandbox');
  updater.progress(1, 1);
  return 'done';
});

export default processor;

/** A sandboxed processor that does what its job is called. What records it is preloaded. */
import { once } from 'node:events';
import { trackJob } from '../../../src/bullmq/index.ts';
import type { RunningJob } from '../../../src/bullmq/index.ts';

const processor: (job: RunningJob) => Promise<void> = trackJob(async (job, _token, signal, updater) => {
  if (job.name === 'Die') process.kill(process.pid, 'SIGKILL');
  if (job.name === 'Flaky' && job.attemptsMade === 0) throw new TypeError('not yet');
  if (job.name === 'Wait') {
    updater.notify('Waiting');
    await once(signal, 'abort');
    signal.throwIfAborted();
  }
  updater.notify('Hello from the sandbox');
  updater.progress(1, 1);
});

export default processor;

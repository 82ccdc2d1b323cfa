import { trace } from '@opentelemetry/api';
import { continueTask, currentUpdater, notify, progress, runTask } from 'taskspan';

/** Reports to a task that the plugin knows nothing of. */
async function work() {
  const updater = currentUpdater();
  notify('Reported by the plugin');
  progress(1, 2);
  trace.getActiveSpan().setAttribute('set by the plugin', true);
  await updater.scope('Scope of the plugin', () => notify('Inside'));
  await continueTask(updater.carrier()).scope('Part of the plugin', () => notify('As a part'));
  return updater;
}

export default { currentUpdater, runTask, work };

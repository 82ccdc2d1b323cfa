/**
 * An application whose tasks go on in a plugin that has another copy of taskspan: `node app.js PLUGIN`. The collector is
 * that of `taskspan/register`.
 */
import { once } from 'node:events';
import { currentUpdater, notify, runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

async function main() {
  const taskspan = await startTaskspan();
  const plugin = await load(process.argv[2]);
  const seen = await runTask('Shared', async (updater) => {
    notify('Reported by the application');
    const found = await updater.scope('Scope of the application', async () => plugin.work());
    return { isOther: plugin.currentUpdater !== currentUpdater, isSameTask: found === updater };
  }, { taskUuid: '54bf5712-b9ec-11e9-afdd-8c16454a0938' });
  const cancelled = await runTask('Cancelled', async (updater) => {
    await taskspan.flush();
    await fetch(`${taskspan.url}/tasks/${updater.taskUuid}/cancel`, { method: 'POST' });
    await aborted(updater.signal);
    return updater.scope('Begins too late', () => plugin.work());
  }, { taskUuid: '54bf5712-b9ec-11e9-afdd-8c16454a0939' }).catch(({ code }) => code);
  // A task of the plugin's copy, to which the application reports.
  await plugin.runTask('Of the plugin', async () => notify('Reported by the application'), { taskUuid: '54bf5712-b9ec-11e9-afdd-8c16454a0937' });
  process.stdout.write(JSON.stringify({ ...seen, cancelled }));
}

/** By a name that no bundler follows. */
async function load(name) {
  const { pathToFileURL } = await import('node:url');
  const { default: plugin } = await import(pathToFileURL(name).href);
  return plugin;
}

async function aborted(signal) {
  // A request to cancel holds no process that has nothing else to do.
  const hold = setInterval(() => undefined, 1000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(hold);
}

main();

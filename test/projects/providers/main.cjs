/**
 * Runs the task beside a provider: `node program.mjs SET_UP WHEN`, where `WHEN` is when the provider is registered:
 *
 * - `first`: before `startTaskspan()`
 * - `second`: after `startTaskspan()`, before the first task
 * - `midway`: while the task runs
 * - `alone`: `startTaskspan()` is never called
 * - `preloaded`: `taskspan/register` has called `startTaskspan()`
 */

const { runImport } = require('./task.cjs');
const { SET_UPS } = require('./set-ups.cjs');

/** @param load Imports or requires a package, as the program does. */
async function main(load) {
  const [, , name, when] = process.argv;
  const setUp = SET_UPS[name];
  const [taskspan, { startTaskspan }, api] = [await load('taskspan'), await load('taskspan/collector'), await load('@opentelemetry/api')];
  let stop = async () => undefined;
  const start = async () => {
    stop = await setUp(load);
  };
  if (when === 'first' || when === 'alone') await start();
  const collector = when === 'alone' || when === 'preloaded' ? undefined : await startTaskspan();
  if (when === 'second' || when === 'preloaded') await start();
  await runImport(taskspan, api, when === 'midway' ? start : async () => undefined);
  await stop();
  await collector?.close();
  process.stdout.write(JSON.stringify(collector?.failures.map(({ message }) => message) ?? []));
}

module.exports = { main };

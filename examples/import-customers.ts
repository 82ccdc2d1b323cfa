/**
 * A function run as a task: it gives its result back, its scopes tell how far it is, and the
 * record is served meanwhile. `await using` needs Node.js 24 or a compiler; without it call
 * `close()`.
 */
import { setTimeout } from 'node:timers/promises';
import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

const FILE = 'name,city\nAda,London\nGrace,New York\nKarl,Ulm\n';

await using taskspan = await startTaskspan({ serve: { port: 0 } }); // a port of your own, as 4320

let url = '';
const imported = await runTask('Import customers', async (updater) => {
  url = `${taskspan.url}/tasks/${updater.taskUuid}`;
  const rows = updater.scope('Read file', () => FILE.trim().split('\n').slice(1));
  await updater.scope('Write rows', async (scope) => {
    for (const row of scope.each(rows)) await write(row); // progress by itself
    scope.notify('All rows are in');
  });
  updater.setResult({ rows: rows.length });
  return rows.length;
});

console.log(`${imported} customers imported`);
await taskspan.flush(); // so that nothing of the end is on its way still
const record = await (await fetch(url)).json();
console.log('Its record:', record);

async function write(_row: string): Promise<void> {
  await setTimeout(5);
}

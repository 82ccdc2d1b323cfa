/**
 * A function run as a task: it returns its result, its scopes report progress, and the record is
 * served meanwhile. `await using` needs Node.js 24 or a compiler; without it call
 * `close()`.
 */
import { setTimeout } from 'node:timers/promises';
import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

const FILE = 'name,city\nAda,London\nGrace,New York\nKarl,Ulm\n';

await using taskspan = await startTaskspan({ serve: { port: 0 } }); // any free port; 4320 by default

let url = '';
const imported = await runTask('Import customers', async (updater) => {
  url = `${taskspan.url}/tasks/${updater.taskUuid}`;
  const rows = updater.scope('Read file', () => FILE.trim().split('\n').slice(1));
  await updater.scope('Write rows', async (scope) => {
    for (const row of scope.each(rows)) await write(row); // reports progress
    scope.notify('All rows are in');
  });
  updater.setResult({ rows: rows.length });
  return rows.length;
});

console.log(`${imported} customers imported`);
await taskspan.flush(); // waits until the end is committed
const record = await (await fetch(url)).json();
console.log('Its record:', record);

async function write(_row: string): Promise<void> {
  await setTimeout(5);
}

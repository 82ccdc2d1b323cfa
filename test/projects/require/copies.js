/** Two copies of the package in one process: the copy that `require` finds, and the CommonJS that Jest would load. */
const { startTaskspan } = require('taskspan/collector');
const other = require('./node_modules/taskspan/dist/cjs/collector/index.js');

async function main() {
  const first = await startTaskspan({ store: 'tasks.sqlite' });
  const second = await other.startTaskspan({ store: 'second.sqlite' });
  const imported = await import('taskspan/collector');
  console.log(
    JSON.stringify({
      imported: imported.startTaskspan === startTaskspan,
      copied: other.startTaskspan !== startTaskspan,
      sameStore: second.store === first.store,
    }),
  );
  await first.close();
}

main();

const { runTask } = require('taskspan');

module.exports.importCustomers = (rows) =>
  runTask('Import customers', async (updater) => {
    await updater.scope('Write rows', async (scope) => scope.notify(`Wrote ${rows.length} rows`));
    updater.setResult({ rows: rows.length });
    return updater.taskUuid;
  });

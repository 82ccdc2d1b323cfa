/** The task that is run beside each provider. It uses all of taskspan's task code. */

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
const CHILD = '54bf5712-b9ec-11e9-afdd-8c16454a0939';

/**
 * @param {typeof import('taskspan')} taskspan
 * @param {typeof import('@opentelemetry/api')} api
 * @param {() => Promise<void>} midway Called while scopes are open and more are to come.
 */
async function runImport({ announceTask, continueTask, runTask }, { trace }, midway) {
  await announceTask({ taskName: 'Import', taskUuid: UUID, attributes: { queue: 'nightly', tenant: 'announced' } });
  await runTask('Import customers', (updater) => importCustomers(updater), {
    taskUuid: UUID,
    attributes: { tenant: 'a tenant with a long name', tags: ['red', 'green', 'blue'], sizes: [1, 2, 3], dry: false, share: 0.25 },
  });

  async function importCustomers(updater) {
    trace.getActiveSpan()?.setAttribute('rows', 5);
    updater.plan(['Read', 'Write', 'Check']);
    updater.notify('Begins', { source: 'customers of the whole company.csv', columns: ['name', 'city'] });
    await updater.scope('Read', (read) => readAll(read));
    await midway();
    updater.setAttribute('customer', 'known only now');
    await updater.scope('Write', async (write) => {
      for (let row = 1; row <= 200; row++) {
        write.progress(row, 200);
        write.notify(`Row ${row}`, { row, city: 'a city with a long name' });
      }
      const part = continueTask(updater.carrier());
      await part.scope('Index', async (index) => index.notify('Indexed by another process'));
      await continueTask(updater.carrier()).child('Send mail', async (child) => child.notify('Sent'), { taskUuid: CHILD });
    });
    await updater.scope('Check', () => fails()).catch(() => undefined);
    updater.setResult({ rows: 200 });
  }

  async function readAll(read) {
    trace.getActiveSpan()?.setAttribute('rows', 6);
    await trace.getTracer('application').startActiveSpan('span of the application', async (span) => {
      await read.scope('Parse', async (parse) => {
        parse.notify('Parsed');
        await parse.scope('Decode', async (decode) => decode.notify('UTF-8'));
      });
      span.end();
    });
  }

  async function fails() {
    throw new TypeError('200 rows have no city', { cause: new Error('the column is missing') });
  }
}

module.exports = { runImport };

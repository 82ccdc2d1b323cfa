import { startTaskspan } from '../../collector/index.ts';

/** The server of a round: `server.ts STORE INTERVAL_MS`. It prints its address and stays until it is killed. */
const [store = '', intervalMs = ''] = process.argv.slice(2);
const { url, failures } = await startTaskspan({ store, serve: { port: 0 }, beatIntervalMs: Number(intervalMs) });
if (url === undefined) throw new AggregateError(failures, 'the server does not serve');
console.log(url);
setInterval(() => undefined, 1000);

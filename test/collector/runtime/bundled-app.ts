/** An application that a test bundles into one file. */
import { startTaskspan } from '../../../collector/index.ts';
import { runTask } from '../../../src/index.ts';

const taskspan = await startTaskspan({ serve: { port: 0 } });
runTask('bundled', (updater) => updater.notify('said'));
const { status } = await fetch(`${taskspan.url}/healthz`);
process.stdout.write(`${taskspan.url} ${status}\n`);

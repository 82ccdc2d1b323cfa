import { createReceiver, sqliteStore } from '../collector/index.ts';
import { serveTasks } from '../collector/server/serve-tasks.ts';

/** A receiver with its defaults, which answers each message with the memory that it takes. */
const [path] = process.argv.slice(2);
const { url } = await serveTasks({ app: createReceiver({ store: sqliteStore(path!) }), port: 0 });

process.on('message', () => process.send!(process.memoryUsage().rss));
process.on('disconnect', () => process.exit());
process.send!(Number(new URL(url).port));

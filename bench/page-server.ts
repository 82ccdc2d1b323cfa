import { join } from 'node:path';
import { createTasksApp, sqliteStore } from '../collector/index.ts';
import { serveTasks } from '../collector/server/serve-tasks.ts';
import { pageTasks } from './page-tasks.ts';
import { processCpuTime } from './rounds.ts';

/** What the server serves, as it sends it to the process that started it. */
export interface ServedPages {
  port: number;
  /** By their names the UUIDs of the tasks. */
  tasks: [name: string, uuid: string][];
}

/** What a collector commits at once when much comes. */
const BATCH = 5000;

const [folder, effort] = process.argv.slice(2);
const store = sqliteStore(join(folder!, 'taskspan.sqlite'));
const served: ServedPages = { port: 0, tasks: [] };
for (const { name, taskUuid, facts } of pageTasks(effort === 'quick')) {
  for (let at = 0; at < facts.length; at += BATCH) await store.append(facts.slice(at, at + BATCH));
  served.tasks.push([name, taskUuid]);
}
const { url } = await serveTasks({ app: createTasksApp({ store }), port: 0 });
served.port = Number(new URL(url).port);

process.on('message', () => process.send!(processCpuTime()));
process.on('disconnect', () => process.exit());
process.send!(served);

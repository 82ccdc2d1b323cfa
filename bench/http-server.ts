import { join } from 'node:path';
import { Hono } from 'hono';
import { createTasksApp, sqliteStore, startTaskspan } from '../collector/index.ts';
import { serveTasks } from '../collector/server/serve-tasks.ts';
import { runTask } from '../src/index.ts';
import { processCpuTime } from './rounds.ts';
import { textAt } from './texts.ts';

/** What the server serves, as it sends it to the process that started it. */
export interface Served {
  port: number;
  /** Length of a record and of the constant. */
  bytes: number;
  /** Paths. */
  constant: string;
  records: string[];
}

const [folder, effort] = process.argv.slice(2);
const path = join(folder!, 'taskspan.sqlite');
// More than the app keeps the texts of, so that each is read from the database.
const uuids = await writeTasks(effort === 'quick' ? 100 : 4000);
const store = sqliteStore(path);
const tasks = createTasksApp({ store });
const body = await (await tasks.request(`/tasks/${uuids[0]}`)).text();
const app = new Hono();
app.get('/constant', (c) => c.body(body, 200, { 'Content-Type': 'application/json' }));
app.route('/', tasks);
const { url } = await serveTasks({ app, port: 0 });

process.on('message', () => process.send!(processCpuTime()));
process.on('disconnect', () => process.exit());
const served: Served = {
  port: Number(new URL(url).port),
  bytes: Buffer.byteLength(body),
  constant: '/constant',
  records: uuids.map((uuid) => `/tasks/${uuid}`),
};
process.send!(served);

/** Tasks of three scopes whose records have about two kilobytes. */
async function writeTasks(count: number): Promise<string[]> {
  await using taskspan = await startTaskspan({ store: path });
  const written: string[] = [];
  for (let task = 0; task < count; task++) {
    runTask('Import customers', (updater) => {
      written.push(updater.taskUuid);
      for (const name of ['Read file', 'Check rows', 'Write rows']) {
        updater.scope(name, (scope) => {
          for (let line = 0; line < 9; line++) scope.notify(textAt(line));
        });
      }
    });
    if (task % 100 === 99) await taskspan.flush();
  }
  return written;
}

import { join } from 'node:path';
import { Hono } from 'hono';
import { createReceiver, memoryStore, sqliteStore } from '../collector/index.ts';
import { SqliteFacets } from '../collector/store/sqlite/facets.ts';
import { serveTasks } from '../collector/server/serve-tasks.ts';
import { decode } from './bare-decoder.ts';
import { processCpuTime } from './rounds.ts';
import { ENCODINGS } from './task-bodies.ts';

/** Takes requests in four ways: only decoded, read into facts that are dropped, stored in SQLite, stored there without facets. */
const [folder] = process.argv.slice(2);
const dropping = Object.assign(memoryStore(), { append: () => Promise.resolve() });
const app = new Hono();
// Only one store is written at a time.
let writesFacets = true;
const { prototype } = SqliteFacets;
const isDue = Object.getOwnPropertyDescriptor(prototype, 'isDue')!.value as (this: SqliteFacets, lastChange: number) => boolean;
prototype.isDue = function (lastChange): boolean {
  return writesFacets && isDue.call(this, lastChange);
};
app.use(async (c, next) => {
  writesFacets = !c.req.path.startsWith('/facetless/');
  await next();
});

ENCODINGS.forEach((encoding, at) => {
  app.post(`/bare/${at}`, async (c) => {
    decode(encoding, new Uint8Array(await c.req.arrayBuffer()));
    return c.body('', 200, { 'Content-Type': c.req.header('Content-Type')! });
  });
});
app.route('/dropped', createReceiver({ store: dropping }));
app.route('/sqlite', createReceiver({ store: sqliteStore(join(folder!, 'taskspan.sqlite')) }));

app.route('/facetless', createReceiver({ store: sqliteStore(join(folder!, 'facetless.sqlite')) }));
const { url } = await serveTasks({ app, port: 0 });

process.on('message', () => process.send!(processCpuTime()));
process.on('disconnect', () => process.exit());
process.send!(Number(new URL(url).port));

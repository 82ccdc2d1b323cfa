/** `npm run fuzz -- [--seed N] [--minutes N]`: the fuzz of changed bodies for as long as one likes, with SQLite, and with an eye on memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createReceiver, sqliteStore } from '../../../../collector/index.ts';
import { isAllowed, nextMutant, post, randomOf } from './fuzz.ts';

const { values } = parseArgs({ options: { seed: { type: 'string', default: String(Date.now() % 1e9) }, minutes: { type: 'string', default: '10' } } });
const MUTANTS_A_STORE = 10_000;
/** What the heap may hold more than after the first store: caches that fill. */
const ROOM_BYTES = 32 * 1024 * 1024;

const random = randomOf(Number(values.seed));
const end = performance.now() + Number(values.minutes) * 60_000;
const statuses = new Map<number, number>();
let held: number | undefined;
console.log(`seed ${values.seed}`);
for (let number = 0; performance.now() < end;) {
  number = await oneStore(number);
  globalThis.gc?.();
  const { heapUsed } = process.memoryUsage();
  held ??= heapUsed;
  console.log(`${number} bodies, ${JSON.stringify(Object.fromEntries(statuses))}, heap ${(heapUsed / 1e6).toFixed(1)} MB`);
  if (heapUsed > held + ROOM_BYTES) throw new Error(`the heap has grown from ${held} to ${heapUsed} bytes`);
}

async function oneStore(first: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'taskspan-fuzz-'));
  const store = sqliteStore(join(folder, 'taskspan.sqlite'));
  const app = createReceiver({ store });
  let number = first;
  for (; number < first + MUTANTS_A_STORE && performance.now() < end; number++) {
    const mutant = nextMutant(random);
    const { status } = await post(app, mutant);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (!isAllowed(status)) throw new Error(`body ${number} is answered with ${status}: ${Buffer.from(mutant.body).toString('base64')}`);
  }
  for (const { uuid } of (await store.tasks({ limit: 200 })).tasks) {
    JSON.parse((await store.stored(uuid))!.summary);
    await store.log(uuid);
    await store.scopes(uuid);
  }
  await store.close();
  rmSync(folder, { recursive: true });
  return number;
}

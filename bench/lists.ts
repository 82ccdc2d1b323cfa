import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { sqliteStore } from '../collector/index.ts';
import type { TaskFilter, TaskPage, TaskQuery, TaskStore } from '../collector/index.ts';
import { isoTime } from '../src/task-record.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './fresh-taskspan.ts';
import { customerOf, factsOf, hash, timeOf, uuidOf } from './list-tasks.ts';
import type { Effort } from './rounds.ts';

/** A page of a list takes at most so long, whatever the filter. */
const TARGET = { of: 'ours', most: 20 } as const;
const LIMIT = 50;
/** How often a filter is asked for, and how many pages of it are read at the most. */
const RUNS = 40;
const MOST_PAGES = 20;

/**
 * How long a page of 50 tasks takes, by each filter and by pairs of them, in stores of 100,000 and of a million tasks.
 * CPU time of the thread: on a busy machine wall time says nothing.
 */
export async function measure(effort: Effort): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const count of effort.quick ? [20_000] : [100_000, 1_000_000]) {
    figures.push(...(await inFolder(async (folder) => {
      const store = sqliteStore(join(folder, 'lists.sqlite'));
      for (let at = 0; at < count; at += 1000) await store.append(Array.from({ length: 1000 }, (_, number) => factsOf(at + number, count)).flat());
      const measured = [];
      for (const [name, query] of queriesFor(count)) measured.push(await pages(store, `${name}, ${count.toLocaleString('en')} tasks`, query, effort.quick ? 5 : RUNS));
      measured.push(...(await counts(store, count, effort.quick ? 2 : RUNS / 4)));
      await store.close();
      return measured;
    })));
  }
  return figures;
}

type Query = Omit<TaskQuery, 'limit'>;

/** One that goes on from a random task, so that not always the same few are read. */
function anywhere(filter: TaskFilter, number: number, count: number): Query {
  return { filter, cursor: Buffer.from(`t${1 + (hash(number) % count)}`).toString('base64url') };
}

function queriesFor(count: number): [string, (run: number) => Query][] {
  const names = ['Import customers', 'Export orders', 'Send newsletter', 'Rebuild search index', 'Nightly cleanup'];
  const attribute = (key: string, value: string): TaskFilter => ({ attributes: [{ key, values: [value] }] });
  const rare = (run: number): TaskFilter => attribute('tenant', `t${2 + (run % 800)}`);
  const minutes = (run: number, length: number): { after: string; before: string } => {
    const begin = timeOf(hash(run) % count);
    return { after: isoTime(begin), before: isoTime(begin + length * 60_000_000) };
  };
  const started = (run: number, length: number): TaskFilter => ({ startedAfter: minutes(run, length).after, startedBefore: minutes(run, length).before });
  const common: TaskFilter = attribute('tenant', 't0');
  return [
    ['all', (run) => anywhere({}, run, count)],
    ['state', (run) => anywhere({ states: [(['failed', 'cancelled', 'completed'] as const)[run % 3]!] }, run, count)],
    ['states of few', () => ({ filter: { states: ['running', 'lost', 'queued'] } })],
    ['name', (run) => anywhere({ names: [names[run % 5]!] }, run, count)],
    ['name, one of many', (run) => ({ filter: { names: [`Import customers of ACME-${customerOf(run)}`] } })],
    ['name*', (run) => anywhere({ names: ['Import*'] }, run, count)],
    ['name*, of none', () => ({ filter: { names: ['Imports*'] } })],
    ['q, a common word', (run) => anywhere({ texts: ['newsletter'] }, run, count)],
    ['q, two beginnings', () => ({ filter: { texts: ['imp acm'] } })],
    ['q, a rare word', (run) => ({ filter: { texts: [`acme ${customerOf(run)}`] } })],
    ['q, of none', (run) => ({ filter: { texts: [`zzz${run}`] } })],
    ['q, two common words that never meet', () => ({ filter: { texts: ['newsletter customers'] } })],
    ['error', (run) => anywhere({ errors: ['econnrefused'] }, run, count)],
    ['attribute, 30 %', (run) => anywhere(common, run, count)],
    ['attribute, 1 of 1,300', (run) => ({ filter: rare(run) })],
    ['attribute, in the older half', () => ({ filter: attribute('tenant', 't999') })],
    ['attribute, unique', (run) => ({ filter: attribute('order_id', String(hash(run) % count)) })],
    ['attribute, of none', () => ({ filter: attribute('tenant', 'none') })],
    ['parent, of none', () => ({ filter: { parents: ['00000000-0000-4000-8000-000000000001'] } })],
    ['service', (run) => anywhere({ services: [`service-${run % 20}`] }, run, count)],
    ['uuid*', (run) => ({ filter: { uuids: [`${uuidOf(hash(run) % count).slice(0, 11)}*`] } })],
    ['uuid*, of all', () => ({ filter: { uuids: ['01a*', '01a0*'] } })],
    ['started within an hour', (run) => ({ filter: started(run, 60) })],
    ['ended within a day', (run) => ({ filter: { endedAfter: minutes(run, 1440).after, endedBefore: minutes(run, 1440).before } })],
    ['queued before', (run) => ({ filter: { queuedBefore: minutes(run, 1).before } })],
    ['longer than', () => ({ filter: { longerThanMs: 600_000 } })],
    ['oldest first, attribute', (run) => ({ filter: rare(run), order: 'oldest' })],
    ['attribute 30 % + attribute + failed', (run) => anywhere({ attributes: [...common.attributes!, { key: 'region', values: ['eu'] }], states: ['failed'] }, run, count)],
    ['attribute 1 of 1,300 + failed', (run) => ({ filter: { ...rare(run), states: ['failed'] } })],
    ['attribute in the older half + running', () => ({ filter: { ...attribute('tenant', 't999'), states: ['running'] } })],
    ['started within a day + attribute', (run) => ({ filter: { ...started(run, 1440), ...rare(run) } })],
    ['started within an hour + failed', (run) => ({ filter: { ...started(run, 60), states: ['failed'] } })],
    ['started within 7 days + name + failed', (run) => ({ filter: { ...started(run, 7 * 1440), names: [names[run % 5]!], states: ['failed'] } })],
    ['failed + q', (run) => anywhere({ states: ['failed'], texts: ['import'] }, run, count)],
    ['name + error', (run) => ({ filter: { names: [names[run % 5]!], errors: ['quota'] } })],
    ['name* + attribute', (run) => ({ filter: { names: ['Import*'], ...rare(run) } })],
    ['longer than + name', (run) => ({ filter: { longerThanMs: 600_000, names: [names[run % 5]!] } })],
    ['service + started within a day', (run) => ({ filter: { services: [`service-${run % 20}`], ...started(run, 1440) } })],
  ];
}

async function pages(store: TaskStore, name: string, query: (run: number) => Query, runs: number): Promise<Figure> {
  const times: Time[] = [];
  let most = 0;
  // The first run reads what the others have in memory.
  for (let run = 0; run <= runs; run++) {
    let cursor: string | undefined;
    let [read, found] = [0, 0];
    do {
      const { time, value } = await timed(() => store.tasks({ limit: LIMIT, ...query(run), ...(cursor !== undefined && { cursor }) }));
      if (run > 0) times.push(time);
      const page: TaskPage = value;
      [cursor, found] = [page.next, found + page.tasks.length];
    } while (cursor !== undefined && found < LIMIT && ++read < MOST_PAGES);
    most = Math.max(most, read + 1);
  }
  return figure(`${name}${most > 1 ? `, up to ${most} pages` : ''}`, times);
}

async function counts(store: TaskStore, count: number, runs: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, filter] of [['of all', {}], ['of an attribute, 30 %', { attributes: [{ key: 'tenant', values: ['t0'] }] }]] as const) {
    const times: Time[] = [];
    for (let run = 0; run < runs; run++) times.push((await timed(() => store.counts(filter))).time);
    figures.push({ ...figure(`counts ${name}, ${count.toLocaleString('en')} tasks`, times), target: undefined });
  }
  return figures;
}

interface Time {
  readonly cpu: number;
  readonly wall: number;
}

async function timed<T>(work: () => Promise<T>): Promise<{ time: Time; value: T }> {
  const before = process.threadCpuUsage();
  const begun = performance.now();
  const value = await work();
  const wall = performance.now() - begun;
  const { user, system } = process.threadCpuUsage(before);
  return { time: { cpu: (user + system) / 1000, wall }, value };
}

function figure(name: string, times: readonly Time[]): Figure {
  const p95 = (of: keyof Time): number => times.map((time) => time[of]).toSorted((one, other) => one - other)[Math.floor(times.length * 0.95)]!;
  return { name: `${name} (wall: ${p95('wall').toFixed(1)} ms)`, unit: 'ms', ours: p95('cpu'), target: TARGET };
}

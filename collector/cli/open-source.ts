/**
 * Where the commands have tasks from: a server, by its HTTP API, or the file of a store, which the app of a server reads
 * in this process, so that both give the same answers.
 */
import { existsSync } from 'node:fs';
import { isTaskUuid } from '../../src/task-uuid.ts';
import { redacted } from '../options/kinds.ts';
import { CommandError, UnknownTaskError, UsageError } from './exit-codes.ts';
import { accessToken, DEFAULT_STORE } from './options.ts';
import type { SourceName, TaskArgument } from './options.ts';
import { held } from './process.ts';
import { httpSource } from './source.ts';
import type { TaskSource } from './source.ts';

/** The time in which the usual server has to answer, in milliseconds. */
const PROBE_MS = 1000;

/** Opens the tasks' source, and closes it when the work has settled. */
export async function withSource<T>(name: SourceName, use: (source: TaskSource) => Promise<T>): Promise<T> {
  const source = await openSource(name);
  try {
    return await held(use(source));
  } finally {
    await source.close();
  }
}

/** The same for one task, by its UUID. */
export function withTask<T>(name: SourceName, task: TaskArgument, use: (source: TaskSource, uuid: string) => Promise<T>): Promise<T> {
  return withSource(name, async (source) => use(source, await uuidOf(source, task)));
}

/** How many tasks a message names. */
const MOST_NAMED = 5;

async function uuidOf(source: TaskSource, { name }: TaskArgument): Promise<string> {
  const isWhole: boolean = isTaskUuid(name);
  if (isWhole) return name;
  const isLatest = name === 'latest';
  const tasks = await source.tasks(isLatest ? { limit: 1 } : { limit: MOST_NAMED + 1, filter: { uuids: [`${name}*`] } });
  const [first, ...others] = tasks.map(({ task_uuid: uuid }) => uuid).filter(isTaskUuid);
  if (first === undefined) throw new UnknownTaskError(isLatest ? `${source.name} has no tasks` : `no UUID of a task begins with ${name}`);
  if (others.length === 0) return first;
  const named = [first, ...others].slice(0, MOST_NAMED).join(', ');
  throw new UsageError(`${name}: expected the beginning of one UUID, got that of several: ${named}${others.length < MOST_NAMED ? '' : ' and others'}`);
}

/** Rejects with a `CommandError` where there is neither server nor store. It never makes a store. */
async function openSource(name: SourceName): Promise<TaskSource> {
  if ('url' in name) return serverSource(name.url);
  if ('store' in name) return storeSource(name.store);
  const { usualUrl: usual } = name;
  if (await answers(usual)) return serverSource(usual);
  if (existsSync(DEFAULT_STORE)) return storeSource(DEFAULT_STORE);
  throw new CommandError(`no taskspan server answers at ${usual}, and there is no store ${DEFAULT_STORE}: name one by --url or --store`);
}

function serverSource(url: string): TaskSource {
  const authorization = authorizationFor(url);
  return httpSource({
    name: redacted(url),
    // `fetch` refuses a URL with user and password.
    base: url.replace(/\/\/[^/]*@/, '//'),
    send(request) {
      if (authorization !== undefined) request.headers.set('Authorization', authorization);
      return fetch(request);
    },
  });
}

/** User and password of the URL, for a proxy in front of the server, else the token of the environment. */
function authorizationFor(url: string): string | undefined {
  const { username, password } = new URL(url);
  if (username !== '' || password !== '') {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  const token = accessToken();
  return token === undefined ? undefined : `Bearer ${token}`;
}

async function storeSource(path: string): Promise<TaskSource> {
  const { storeAt } = await import('../store/store-at.ts');
  if (!existsSync(path)) throw new CommandError(`there is no store ${redacted(path)}`);
  const { createTasksApp } = await import('../server/tasks-app.ts');
  const store = storeAt(path);
  await store.open();
  const app = createTasksApp({ store });
  return httpSource({
    name: path,
    base: 'http://localhost',
    send: (request) => app.fetch(request),
    close: () => store.close(),
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_MS) });
    return ((await response.json()) as { status?: unknown }).status === 'ok';
  } catch {
    // Nothing listens there, or it is not a taskspan server.
    return false;
  }
}

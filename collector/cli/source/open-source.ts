import { existsSync } from 'node:fs';
import { accessToken } from '../access-token.ts';
import { CommandError } from '../command-error.ts';
import { DEFAULT_STORE } from '../options.ts';
import type { SourcePlace } from '../options.ts';
import { httpTaskSource } from './http-task-source.ts';
import type { TaskSource } from './task-source.ts';

/** How long the usual server has to answer, in milliseconds. */
const ANSWER_MS = 1000;

/**
 * Opens the server or the store.
 *
 * Rejects with a `CommandError` where there is neither; a store is never made by looking for tasks.
 */
export async function openSource(place: SourcePlace): Promise<TaskSource> {
  if ('url' in place) return serverSource(place.url);
  if ('store' in place) return storeSource(place.store);
  const { usualUrl: usual } = place;
  if (await answers(usual)) return serverSource(usual);
  if (existsSync(DEFAULT_STORE)) return storeSource(DEFAULT_STORE);
  throw new CommandError(`no taskspan server answers at ${usual}, and there is no store ${DEFAULT_STORE}: name one by --url or --store`);
}

function serverSource(url: string): TaskSource {
  const token = accessToken();
  return httpTaskSource({
    name: url,
    base: url,
    send(request) {
      if (token !== undefined) request.headers.set('Authorization', `Bearer ${token}`);
      return fetch(request);
    },
  });
}

async function storeSource(path: string): Promise<TaskSource> {
  const { redacted, storeAt } = await import('../../store/store-at.ts');
  if (!existsSync(path)) throw new CommandError(`there is no store ${redacted(path)}`);
  const { storeTaskSource } = await import('./store-task-source.ts');
  const store = storeAt(path);
  await store.open();
  return storeTaskSource(path, store);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return ((await response.json()) as { status?: unknown }).status === 'ok';
  } catch {
    // Nothing listens there, or something else does.
    return false;
  }
}

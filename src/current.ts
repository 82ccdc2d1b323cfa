import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attributes } from '@opentelemetry/api';
import type { ScopeHandle } from './scope-handle.ts';
import { shared } from './shared.ts';
import type { TaskUpdater } from './task-updater.ts';

/**
 * Which scope the running code belongs to. Our own storage: OpenTelemetry's context keeps nothing
 * without an SDK, and what stands in its baggage goes out with every HTTP request.
 */
export const currentScope: AsyncLocalStorage<ScopeHandle> = shared('current-scope', () => new AsyncLocalStorage());

/** The updater of the task that the running code belongs to, across awaits and timers; `undefined` outside any task. */
export function currentUpdater(): TaskUpdater<boolean> | undefined {
  return currentScope.getStore()?.updater;
}

/** `notify()` of the innermost scope that the running code belongs to; outside any task it does nothing. */
export function notify(message: string, attributes?: Attributes): void {
  currentScope.getStore()?.notify(message, attributes);
}

/** `progress()` of the innermost scope that the running code belongs to; outside any task it does nothing. */
export function progress(done: number, total?: number): void {
  currentUpdater()?.progress(done, total);
}

/**
 * taskspan/react: hooks that follow tasks of a server.
 */
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { LogEntryJson } from '../task-stream.ts';
import { CONNECTING, watchTask } from './watch-task.ts';
import type { TaskSnapshot, WatchedLog, WatchTaskOptions } from './watch-task.ts';
import { CONNECTING_TASKS, watchTasks } from './watch-tasks.ts';
import type { TasksSnapshot, WatchTasksOptions } from './watch-tasks.ts';
import type { Watch, WatchOptions } from './watch.ts';

/** Options of a hook. A component that is removed closes its watch. */
export type UseTaskOptions = Omit<WatchTaskOptions, 'signal'>;
export type UseTasksOptions = Omit<WatchTasksOptions, 'signal'>;

type TaskUrl = string | URL | null | undefined;
type Entries = { readonly log: 'entries' };

/**
 * Follows a task, by default without its log and its scopes. Components of one task share one connection, which has all
 * that one of them asks for.
 *
 * @param url As of `watchTask`. Without one there is no connection.
 */
export function useTask(url: TaskUrl, options: UseTaskOptions & Entries): TaskSnapshot<readonly LogEntryJson[]>;
export function useTask(url: TaskUrl, options?: UseTaskOptions): TaskSnapshot;
export function useTask(url: TaskUrl, options: UseTaskOptions = {}): TaskSnapshot<never> {
  return useTaskValue(url, { log: false, ...options }, itself);
}

/** Follows the log of a task. The component is rendered again only when the log has grown. */
export function useTaskLog(url: TaskUrl, options: UseTaskOptions & Entries): WatchedLog<readonly LogEntryJson[]>;
export function useTaskLog(url: TaskUrl, options?: UseTaskOptions): WatchedLog;
export function useTaskLog(url: TaskUrl, options: UseTaskOptions = {}): WatchedLog<never> {
  return useTaskValue(url, { log: 'text', ...options }, logOf);
}

/** Follows the newest tasks of a filter. */
export function useTasks(url: TaskUrl, options: UseTasksOptions = {}): TasksSnapshot {
  const kind = `${new URLSearchParams(options.filter)} ${options.limit}`;
  return useShared(url, options, kind, watchTasks, CONNECTING_TASKS, itself);
}

const itself = <T>(value: T): T => value;
const logOf = <Part>({ log }: TaskSnapshot<Part>): WatchedLog<Part> => log;

function useTaskValue<T>(url: TaskUrl, options: UseTaskOptions, select: (snapshot: TaskSnapshot<never>) => T): T {
  // Text and entries don't come by one connection.
  return useShared(url, options, options.log === 'entries' ? '/' : '', watchTask as never, CONNECTING, select);
}

/** What a component asks for beyond the record. */
interface Wanted extends WatchOptions {
  readonly log?: WatchTaskOptions['log'];
  readonly scopes?: boolean | undefined;
}

/** One connection for all components that follow the same. */
interface Shared<Snapshot> {
  /** What each component asks for, as it was rendered last, by its listener. */
  readonly users: Map<() => void, { readonly current: Wanted }>;
  snapshot: Snapshot;
  watch?: Watch<Snapshot>;
  /** What the watch was opened with. */
  wanted: Wanted;
}

const everything = new Map<string, Shared<unknown>>();

function useShared<Snapshot, T>(
  url: TaskUrl,
  options: Wanted,
  kind: string,
  open: (url: string | URL, options: Wanted) => Watch<Snapshot>,
  first: Snapshot,
  select: (snapshot: Snapshot) => T,
): T {
  const latest = useRef(options);
  useEffect(() => void (latest.current = options));
  const { token, log, scopes } = options;
  const key = url && `${url} ${kind} ${typeof token === 'string' ? token : ''}`;
  const subscribe = useMemo(() => {
    return (listener: () => void): (() => void) => {
      if (!key) return () => {};
      const shared = (everything.get(key) ?? { users: new Map(), snapshot: first, wanted: {} }) as Shared<Snapshot>;
      everything.set(key, shared);
      const { users } = shared;
      /** Opens, opens anew or closes the watch for those who follow now. */
      const settle = (): void => {
        const all = [...users.values()].map(({ current }) => current);
        const wanted = { ...all[0], log: all.find((each) => each.log)?.log ?? false, scopes: all.some((each) => each.scopes) };
        const { watch, wanted: has } = shared;
        if (watch && all[0] && (has.log || !wanted.log) && (has.scopes || !wanted.scopes)) return;
        delete shared.watch;
        watch?.close();
        if (!all[0]) {
          if (everything.get(key) === shared) everything.delete(key);
          return;
        }
        if (typeof token === 'function') wanted.token = () => [...users.values()].map(({ current }) => current.token as typeof token).at(-1)?.();
        const next = open(url, wanted);
        Object.assign(shared, { watch: next, wanted });
        next.subscribe(() => {
          if (shared.watch !== next) return;
          shared.snapshot = next.getSnapshot();
          for (const notify of users.keys()) notify();
        });
      };
      users.set(listener, latest);
      // After all components of this turn, and those that React mounts twice.
      queueMicrotask(settle);
      return () => {
        users.delete(listener);
        queueMicrotask(settle);
      };
    };
  }, [key, log, scopes]);
  const read = (): T => select(key && everything.has(key) ? (everything.get(key)!.snapshot as Snapshot) : first);
  return useSyncExternalStore(subscribe, read, () => select(first));
}

/**
 * taskspan/react: hooks for tasks that a server has.
 */
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { CONNECTING, watchTask } from './watch-task.ts';
import type { TaskSnapshot, TaskWatch, WatchTaskOptions } from './watch-task.ts';

export function useTask(url: string | URL, options: WatchTaskOptions = {}): TaskSnapshot {
  const store = useMemo(() => ({ subscribe: () => () => {}, getSnapshot: () => CONNECTING }), [url]);
  void [useEffect, useRef, watchTask, options as unknown as TaskWatch];
  return useSyncExternalStore(store.subscribe, store.getSnapshot, () => CONNECTING);
}

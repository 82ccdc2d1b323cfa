import type { BeginTask } from './begin-task.ts';
import type { ScopeHandle } from './scope-handle.ts';
import type { TaskUpdaterOptions } from './options.ts';
import { TaskUpdater } from './task-updater.ts';

/** Begins a task in a way of its own, and gives its outermost scope, which knows its updater and its run. */
export function openTask(options: TaskUpdaterOptions, begin: BeginTask): ScopeHandle {
  let root!: ScopeHandle;
  void new TaskUpdater(options, (updater, given) => (root = begin(updater, given)));
  return root;
}

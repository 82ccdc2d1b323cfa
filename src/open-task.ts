import type { BeginTask } from './begin-task.ts';
import type { ScopeNode } from './scope-node.ts';
import type { TaskUpdaterOptions } from './task-options.ts';
import { TaskUpdater } from './task-updater.ts';

/** Begins a task in a way of its own, and gives its outermost scope, which knows its updater and its run. */
export function openTask(options: TaskUpdaterOptions, begin: BeginTask): ScopeNode {
  let root!: ScopeNode;
  void new TaskUpdater(options, (updater, given) => (root = begin(updater, given)));
  return root;
}

/**
 * taskspan/element: custom elements that show a task. They are what the server's own pages are made of.
 */
import { TaskspanLog } from './log-element.ts';
import { TaskspanProgress } from './progress-element.ts';
import { TaskspanTask } from './task-element.ts';

export { TaskspanLog, TaskspanProgress, TaskspanTask };

const ELEMENTS: Readonly<Record<string, CustomElementConstructor>> = {
  // What the task drives comes first.
  'taskspan-log': TaskspanLog,
  'taskspan-progress': TaskspanProgress,
  'taskspan-task': TaskspanTask,
};

// A server that renders a front end has no elements, and two copies of this module may be loaded.
if (globalThis.customElements !== undefined) {
  for (const [name, element] of Object.entries(ELEMENTS)) {
    if (customElements.get(name) === undefined) customElements.define(name, element);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'taskspan-task': TaskspanTask;
    'taskspan-progress': TaskspanProgress;
    'taskspan-log': TaskspanLog;
  }
}

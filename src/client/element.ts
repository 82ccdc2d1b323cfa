/**
 * taskspan/element: custom elements that show a task.
 */
export const ELEMENT_NAMES = ['taskspan-task', 'taskspan-progress', 'taskspan-log'] as const;

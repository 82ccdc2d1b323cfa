import { parametersOf } from '../../../src/filter-parameters.ts';
import { isEmptyFilter, runMs, taskMatcher } from '../../../src/task-filter.ts';
import type { FilteredTask, TaskFilter } from '../../../src/task-filter.ts';
import type { TaskState } from '../../../src/task-record.ts';

/** The filter of a list stream: which tasks it sends, and which tasks its client may know although they do not fit. */
export class ListFilter {
  readonly filter: TaskFilter;
  /** Whether it lets every task pass. */
  readonly isEmpty: boolean;
  /** Whether it asks for attributes: lists leave long ones out. */
  readonly wantsAttributes: boolean;
  /** The same text for equal filters. */
  readonly key: string;
  readonly fits: (task: FilteredTask) => boolean;
  readonly #fitsForEver: (task: FilteredTask) => boolean;
  readonly #canChange: boolean;

  constructor(filter: TaskFilter) {
    const { states: _states, errors, texts, startedAfter, startedBefore, endedAfter, endedBefore, longerThanMs, ...forEver } = filter;
    this.filter = filter;
    this.isEmpty = isEmptyFilter(filter);
    this.wantsAttributes = filter.attributes !== undefined;
    this.key = keyOf(filter);
    this.fits = taskMatcher(filter);
    this.#fitsForEver = taskMatcher(forEver);
    this.#canChange = [errors, texts, startedAfter, startedBefore, endedAfter, endedBefore, longerThanMs].some((part) => part !== undefined);
  }

  /**
   * Whether a task that does not fit may have fitted before, as far as its record shows. Its name, its attributes and other
   * fields that hardly ever change have to fit now, so that a stream never names tasks of another customer.
   */
  mayHaveFitted(task: FilteredTask & { attempt: number }): boolean {
    if (!this.#fitsForEver(task)) return false;
    const { states, longerThanMs = -1 } = this.filter;
    // A task in its first attempt has never run for longer than it has run now.
    if (longerThanMs >= 0 && task.attempt <= 1 && task.state !== 'lost' && runMs(task, Date.now()) <= longerThanMs) return false;
    if (states === undefined) return this.#canChange;
    return task.attempt > 1 || [task.state, ...STATES_BEFORE[task.state]].some((state) => states.includes(state));
  }
}

/** In which states a task may have been before, in its first attempt. */
const STATES_BEFORE: Readonly<Record<TaskState, readonly TaskState[]>> = {
  queued: [],
  running: ['queued', 'expired', 'lost'],
  lost: ['queued', 'expired', 'running'],
  completed: ['queued', 'expired', 'running', 'lost'],
  failed: ['queued', 'expired', 'running', 'lost'],
  cancelled: ['queued', 'expired', 'running', 'lost'],
  expired: ['queued'],
};

function keyOf(filter: TaskFilter): string {
  // Only states and UUIDs are lists with commas.
  const sorted = { ...filter, ...(filter.states && { states: filter.states.toSorted() }), ...(filter.uuids && { uuids: filter.uuids.toSorted() }) };
  return parametersOf(sorted).map((parameter) => JSON.stringify(parameter)).toSorted().join();
}

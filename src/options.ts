import type { Attributes } from '@opentelemetry/api';
import { checkName, checkKeys, checkType } from './arguments.ts';
import { RESERVED_PREFIX } from './conventions.ts';
import { received } from './failure.ts';
import { checkLimits } from './text.ts';
import type { Limits, Redact } from './text.ts';
import type { VerboseOptions } from './verbose-log.ts';

/** Options of a task, without its name. */
export interface TaskOptions<Suppress extends boolean = boolean> {
  /** UUID of the task, of any version of RFC 9562. Default: a new one of version 7, which begins with the time. */
  taskUuid?: string;
  /** Number of this attempt, a whole number from 1: a retry of the same task is the next. Default 1. */
  attempt?: number;
  /**
   * Attributes of the task, for its record and its span. No name may begin with `taskspan.`; values of other types
   * become text.
   */
  attributes?: Attributes;
  /** Whether the task's log is printed to standard output too; with `{ times: true }` with the time before each line. Default `false`. */
  verbose?: boolean | VerboseOptions;
  /**
   * Whether an error in a scope is kept and the task goes on with its next scope. Default `true`
   * for `new TaskUpdater`, and `false` for `runTask` and `track`.
   */
  suppressException?: Suppress;
  /**
   * Removes secrets from every text (names, messages, attributes, errors with their stacks, the texts in the result, then
   * the result as JSON) before it leaves task code. It gets the name of the attribute or property whose value the text
   * is as a second argument. Where it throws, the text is left out.
   */
  redact?: Redact;
  /** How long the task's texts may be and how many its attributes; see {@link Limits}. */
  limits?: Partial<Limits>;
}

/** Options of {@link TaskUpdater}. */
export interface TaskUpdaterOptions<Suppress extends boolean = boolean> extends TaskOptions<Suppress> {
  /** Name of the task; a blank one is replaced by `(unnamed)`. */
  taskName: string;
}

/** Options of a function that is run as a task. */
export interface RunOptions<Suppress extends boolean = boolean> extends TaskOptions<Suppress> {
  /**
   * Where errors in scopes are kept (`suppressException: true`): whether the latest one is thrown when the function has
   * returned. Default `true`. With `false` the task ends as failed all the same, and the function's value is returned.
   */
  raiseLatestException?: boolean;
}

/** Options of one scope. */
export interface ScopeOptions<Suppress extends boolean = boolean> {
  /**
   * Whether an error of the scope's function is kept and the task goes on (`true`), or is rethrown
   * (`false`). Default: the updater's.
   */
  suppressException?: Suppress;
}

/** Options of `each()`. */
export interface EachOptions {
  /** How many items there will be. Default: the length or size of what is iterated, if it has one. */
  total?: number;
}

/** Options of a part of a task that runs in another process; see `continueTask`. */
export interface PartOptions<Suppress extends boolean = boolean> extends Pick<TaskOptions, 'redact' | 'limits'> {
  /** Whether an error in it, or in a scope inside it, is kept and not rethrown. Default `false`. */
  suppressException?: Suppress;
}

/** Options of the next attempt of a task; see `continueTask`. Its UUID is the carrier's. */
export interface NextAttemptOptions<Suppress extends boolean = boolean> extends Omit<RunOptions<Suppress>, 'taskUuid'> {
  /** Name of the task. Default: the carrier's. */
  taskName?: string;
}

const OPTIONS = [
  'taskName',
  'taskUuid',
  'attempt',
  'attributes',
  'verbose',
  'suppressException',
  'redact',
  'limits',
] satisfies (keyof TaskUpdaterOptions)[];

/** Throws a `TypeError` for invalid options of an updater. The UUID is checked where it is read. */
export function checkOptions(options: unknown): asserts options is TaskUpdaterOptions {
  checkKeys('TaskUpdater', options, OPTIONS);
  const { taskName, attempt, attributes, verbose, suppressException, redact, limits } = options as Record<string, unknown>;
  checkName(taskName, 'taskName');
  if (attempt !== undefined && !(Number.isSafeInteger(attempt) && (attempt as number) >= 1)) {
    throw new TypeError(`attempt: expected a whole number of at least 1, got ${received(attempt)}`);
  }
  checkVerbose(verbose);
  checkType('suppressException', suppressException, 'boolean');
  checkType('redact', redact, 'function');
  if (limits !== undefined) checkLimits(limits);
  if (attributes !== undefined) checkAttributes(attributes);
}

/** Throws a `TypeError` for an invalid `verbose`. */
export function checkVerbose(verbose: unknown): void {
  if (typeof verbose !== 'object' || verbose === null) return checkType('verbose', verbose, 'boolean');
  checkKeys('verbose', verbose, ['times'] satisfies (keyof VerboseOptions)[]);
  return checkType('verbose.times', (verbose as VerboseOptions).times, 'boolean');
}

/** Checks the names of the options of `runTask`, `startTask` and `track`, which take the task's name before them. */
export function checkTaskOptions(what: string, options: unknown): void {
  checkKeys(what, options, RUN_OPTIONS);
  checkType('raiseLatestException', (options as RunOptions).raiseLatestException, 'boolean');
}

const RUN_OPTIONS: readonly string[] = [...OPTIONS.filter((option) => option !== 'taskName'), 'raiseLatestException'];

/** The names of {@link NextAttemptOptions}, {@link PartOptions} and {@link EachOptions}. */
export const NEXT_ATTEMPT_OPTIONS: readonly string[] = [...OPTIONS.filter((option) => option !== 'taskUuid'), 'raiseLatestException'];
export const PART_OPTIONS: readonly string[] = ['suppressException', 'redact', 'limits'] satisfies (keyof PartOptions)[];
export const EACH_OPTIONS: readonly string[] = ['total'] satisfies (keyof EachOptions)[];

/** Throws a `TypeError` for invalid options of a scope. */
export function checkScopeOptions(options: unknown): void {
  checkKeys('scope', options, ['suppressException'] satisfies (keyof ScopeOptions)[]);
  checkType('suppressException', (options as ScopeOptions).suppressException, 'boolean');
}

/** Throws a `TypeError` unless a user may give a task these attributes. */
export function checkAttributes(attributes: unknown): void {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw new TypeError(`attributes: expected an object, got ${received(attributes)}`);
  }
  for (const key of Object.keys(attributes)) {
    if (key === '' || key.startsWith(RESERVED_PREFIX)) {
      throw new TypeError(`attributes: expected names that are not empty and not of ${RESERVED_PREFIX}*, got ${received(key)}`);
    }
  }
}

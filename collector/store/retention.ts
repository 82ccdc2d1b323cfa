import { received } from '../../src/failure.ts';

/** States in which a task has ended, `lost` once it is so for good: only these are ever deleted. */
export const ENDED_STATES = ['completed', 'failed', 'cancelled', 'lost'] as const;
export type EndedState = (typeof ENDED_STATES)[number];

/** How long, and how many, ended tasks are kept. */
export interface RetentionLimits {
  /** Days after a task's latest fact, or after it was lost for good, at least 0 and in fractions too; 0 keeps for ever. Default 30. */
  days?: number;
  /** How many ended tasks at the most, those with the latest facts; 0 keeps any number. Default 100,000. */
  count?: number;
}

/** What is kept of ended tasks. A live one (queued, running, lost and not final) is never deleted. */
export interface RetentionOptions extends RetentionLimits {
  /**
   * Other limits for tasks that ended in a state, such as `{ failed: { days: 90 } }`. A state with
   * a `count` of its own is counted by itself; all others share the common one.
   */
  states?: Partial<Record<EndedState, RetentionLimits>>;
}

export const DEFAULT_DAYS = 30;
export const DEFAULT_COUNT = 100_000;
/** What `retention: false` says. */
export const KEEP_ALL: RetentionOptions = { days: 0, count: 0 };

/**
 * Tasks of some states that may go: those whose latest fact, or whose being lost for good, is before a
 * time, but not the latest few.
 */
export interface RetentionRule {
  readonly states: readonly EndedState[];
  /** Microseconds since the epoch. */
  readonly before: number;
  /** How many tasks of these states stay in any case, those with the latest facts. */
  readonly keep: number;
}

/**
 * Whether a rule takes tasks of which no start has ever come, by their latest fact: nobody knows their
 * worker, so that none of them can be found lost. They are not counted, so only days take them.
 */
export function takesUnstarted({ states, keep }: Pick<RetentionRule, 'states' | 'keep'>): boolean {
  return keep === 0 && states.includes('lost');
}

const DAY_MICROS = 86_400_000_000;
/** A task that was heard of just now stays however many there are: facts of it may be on their way. */
const QUIET_MICROS = 60_000_000;

/**
 * The rules at a time; none where all is kept for ever.
 *
 * @param now Microseconds since the epoch.
 */
export function retentionRules(options: RetentionOptions, now: number): RetentionRule[] {
  const { days = DEFAULT_DAYS, count = DEFAULT_COUNT, states = {} } = options;
  const byDays = Map.groupBy(ENDED_STATES, (state) => states[state]?.days ?? days);
  const rules: RetentionRule[] = [];
  for (const [limit, group] of byDays) {
    if (limit > 0) rules.push({ states: group, before: now - limit * DAY_MICROS, keep: 0 });
  }
  const byCount = Map.groupBy(ENDED_STATES, (state) => (states[state]?.count === undefined ? 'common' : state));
  for (const [key, group] of byCount) {
    const limit = key === 'common' ? count : states[key]!.count!;
    if (limit > 0) rules.push({ states: group, before: now - QUIET_MICROS, keep: limit });
  }
  return rules;
}

/** Throws a `TypeError` or `RangeError` that names the option, what was expected and what came. */
export function checkRetention(options: unknown): asserts options is RetentionOptions {
  checkObject('retention', options, ['days', 'count', 'states']);
  checkLimits('retention', options as RetentionLimits);
  const { states } = options as RetentionOptions;
  if (states === undefined) return;
  checkObject('retention.states', states, ENDED_STATES);
  for (const [state, limits] of Object.entries(states)) {
    checkObject(`retention.states.${state}`, limits, ['days', 'count']);
    checkLimits(`retention.states.${state}`, limits);
  }
}

function checkLimits(name: string, { days, count }: RetentionLimits): void {
  if (days !== undefined && !(typeof days === 'number' && days >= 0 && days < Infinity)) {
    throw new RangeError(`${name}.days: expected a number of at least 0, got ${received(days)}`);
  }
  if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0)) {
    throw new RangeError(`${name}.count: expected a whole number of at least 0, got ${received(count)}`);
  }
}

function checkObject(name: string, value: unknown, keys: readonly string[]): void {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`${name}: expected an object, got ${received(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw new TypeError(`${name}: expected ${keys.join(', ')}, got ${received(key)}`);
  }
}

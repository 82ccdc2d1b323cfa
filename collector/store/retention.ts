import { checkKeys } from '../../src/arguments.ts';
import { groupValues, optionValue } from '../options/read.ts';
import { OPTIONS } from '../options/table.ts';

/** States in which a task has ended, `lost` once it is so for good: only these are ever deleted. */
export const ENDED_STATES = ['completed', 'failed', 'cancelled', 'expired', 'lost'] as const;
export type EndedState = (typeof ENDED_STATES)[number];

/** How long, and how many, ended tasks are kept. */
export interface RetentionLimits {
  /** Days after the store has committed a task's latest fact, or after it was lost for good, at least 0 and in fractions too; 0 keeps all without limit. Default 30. */
  days?: number;
  /** How many ended tasks at the most, those with the latest commits; 0 keeps any number. Default 100,000. */
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

/** The meaning of `retention: false`. */
const KEEP_ALL: RetentionOptions = { days: 0, count: 0 };

/**
 * Tasks of some states that may go: those whose latest commit, or whose final loss, is before a time by the store's own
 * clock, but not the latest few. The times of facts are their senders', whose clocks may be wrong.
 */
export interface RetentionRule {
  readonly states: readonly EndedState[];
  /** Microseconds since the epoch. */
  readonly before: number;
  /** How many tasks of these states stay in any case, those with the latest commits. */
  readonly keep: number;
}

const DAY_MICROS = 86_400_000_000;
/** A task with a commit of just now stays, however many there are: more of its facts may be on their way. */
const QUIET_MICROS = 60_000_000;

/**
 * The rules at a time; none where all is kept without limit.
 *
 * @param now Microseconds since the epoch.
 */
export function retentionRules(options: RetentionOptions, now: number): RetentionRule[] {
  const { days = OPTIONS['retention.days'].default, count = OPTIONS['retention.count'].default, states = {} } = options;
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

/**
 * The option `retention` with its defaults, and with the environment's values where one is given.
 *
 * @throws TypeError or RangeError that names the option or the variable, what is expected and what came.
 */
export function resolveRetention(retention: RetentionOptions | false | undefined, env?: NodeJS.ProcessEnv): RetentionOptions {
  const given = optionValue('retention', retention);
  if (given === false) return KEEP_ALL;
  const { days, count, states } = groupValues('retention', given, { env });
  checkKeys('retention.states', states, ENDED_STATES);
  for (const [state, limits] of Object.entries(states) as [EndedState, RetentionLimits][]) {
    const as = `retention.states.${state}`;
    checkKeys(as, limits, ['days', 'count']);
    for (const key of ['days', 'count'] as const) optionValue(`retention.${key}`, limits[key], { as: `${as}.${key}` });
  }
  return { days, count, states };
}

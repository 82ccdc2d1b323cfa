import { received } from './failure.ts';
import { textQuery, wordsOf } from './task-filter.ts';
import type { AttributeFilter, TaskFilter } from './task-filter.ts';
import { isTaskState, TASK_STATES } from './task-record.ts';
import type { TaskState } from './task-record.ts';
import { isTaskUuid } from './task-uuid.ts';

/** A parameter of a filter: in the URLs of lists, streams and the page, and as an option of `taskspan list`. */
export interface FilterParameter {
  /** `attribute.KEY` stands for one with any key. */
  readonly name: string;
  /** What a value is, as a regular expression of JSON Schema. Default: any text that is not blank. */
  readonly pattern?: string;
  /** What a value is, in words. */
  readonly expected: string;
  readonly example: string;
  /** What it is for, in one sentence. */
  readonly text: string;
}

/** As `isTaskUuid` has it. */
const UUID_PATTERN = '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[1-8][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}';
const UUID_ITEM = `(${UUID_PATTERN}|[0-9A-Fa-f]{4}[0-9A-Fa-f-]{0,32}\\*)`;
const STATE_ITEM = `(${TASK_STATES.join('|')})`;

// A plus sign that is not escaped is a space in a URL.
const TIME_PARTS = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+ -]\d{2}:?\d{2})?)?$/;
const DURATION_PARTS = /^(\d{1,9}(?:\.\d{1,3})?)([smhd])$/;

const NAME = { expected: 'a name, or its beginning and *' };
const WORDS = { expected: 'words of letters or digits' };
const TIME = {
  pattern: TIME_PARTS.source,
  expected: 'a time such as 2026-11-30 or 2026-11-30T10:15:00Z',
};
const AFTER = { ...TIME, example: '2026-11-30' };
const BEFORE = { ...TIME, example: '2026-11-30T10:15:00Z' };

/** All parameters of a filter. Each may be given more than once: then one of its values is enough. */
export const FILTER_PARAMETERS: readonly FilterParameter[] = [
  {
    name: 'state', pattern: `^${STATE_ITEM}(,${STATE_ITEM})*$`, expected: `one of ${TASK_STATES.join(', ')}`, example: 'failed,lost',
    text: 'Only tasks in one of these states.',
  },
  { ...NAME, name: 'name', example: 'Import*', text: 'Only tasks of this name, or whose names begin so where it ends with *; without regard to case.' },
  {
    name: 'uuid', pattern: `^${UUID_ITEM}(,${UUID_ITEM})*$`, expected: 'a UUID, or its beginning of at least 4 characters and *', example: '0000*',
    text: 'Only the tasks with these UUIDs, or whose UUIDs begin so.',
  },
  { ...WORDS, name: 'error', example: 'timeout', text: 'Only tasks whose error, its causes included, has words that begin with each of these.' },
  { ...WORDS, name: 'q', example: 'import acme', text: 'Only tasks whose names or errors have words that begin with each of these, or whose UUIDs begin so.' },
  { name: 'attribute.KEY', expected: 'a value', example: 'acme', text: 'Only tasks whose attribute KEY has this value, or has it in a list.' },
  {
    name: 'parent', pattern: `^${UUID_PATTERN}$`, expected: 'a UUID', example: '00000000-0000-4000-8000-000000000001',
    text: 'Only child tasks of the task with this UUID.',
  },
  { ...NAME, name: 'service', example: 'billing', text: 'Only tasks of the service of this name, or whose names begin so where it ends with *; without regard to case.' },
  { ...AFTER, name: 'started_after', text: 'Only tasks that began at this time or later.' },
  { ...BEFORE, name: 'started_before', text: 'Only tasks that began before this time.' },
  { ...AFTER, name: 'ended_after', text: 'Only tasks that ended at this time or later.' },
  { ...BEFORE, name: 'ended_before', text: 'Only tasks that ended before this time.' },
  { ...AFTER, name: 'queued_after', text: 'Only tasks that were announced, or began unannounced, at this time or later.' },
  { ...BEFORE, name: 'queued_before', text: 'Only tasks that were announced, or began unannounced, before this time.' },
  {
    name: 'longer_than', pattern: DURATION_PARTS.source, expected: 'a time such as 30s, 10m, 2h or 1d', example: '10m',
    text: 'Only tasks that took longer, or have run for longer.',
  },
];

const FAMILY = 'attribute.';
const OF_NAME: ReadonlyMap<string, FilterParameter> = new Map(FILTER_PARAMETERS.map((parameter) => [parameter.name, parameter]));

/** The parameter of a filter to which a name in a URL belongs. */
function parameterOf(name: string): FilterParameter | undefined {
  return name.startsWith(FAMILY) ? (name === FAMILY ? undefined : OF_NAME.get(`${FAMILY}KEY`)) : OF_NAME.get(name);
}

/** Whether a parameter of a URL belongs to a filter. */
export function isFilterParameter(name: string): boolean {
  return parameterOf(name) !== undefined;
}

/** So many values a parameter may have, and so many words a text that is searched for. */
const MOST_VALUES = 100;
const MOST_WORDS = 16;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Reads a filter from the parameters of a URL; those that are no parameters of a filter are left to the caller.
 *
 * Throws a `RangeError` for an invalid value, which names what is possible.
 */
export function filterOf(parameters: Iterable<readonly [name: string, value: string]>): TaskFilter {
  const given = new Map<string, string[]>();
  for (const [name, text] of parameters) {
    if (isFilterParameter(name)) given.set(name, [...(given.get(name) ?? []), text]);
  }
  const filter: Mutable<TaskFilter> = {};
  const attributes: AttributeFilter[] = [];
  const list = <T>(name: string, read: (text: string) => readonly T[] | undefined): T[] => {
    const values = given.get(name)!.flatMap((text) => (text.trim() === '' ? undefined : read(text)) ?? refuse(name, text));
    if (values.length > MOST_VALUES) throw new RangeError(`${name}: expected at most ${MOST_VALUES} values, got ${values.length}`);
    return [...new Set(values)];
  };
  /** Of several times the one that lets more tasks pass. */
  const earliest = (name: string): string => list(name, timesOf).reduce((first, time) => (time < first ? time : first));
  const latest = (name: string): string => list(name, timesOf).reduce((last, time) => (time > last ? time : last));
  for (const name of given.keys()) {
    if (name === 'state') filter.states = list(name, statesOf);
    else if (name === 'name') filter.names = list(name, namesOf);
    else if (name === 'uuid') filter.uuids = list(name, uuidsOf);
    else if (name === 'error') filter.errors = list(name, (text) => withWords(name, text, wordsOf(text).length));
    else if (name === 'q') filter.texts = list(name, (text) => withWords(name, text, textQuery(text).words.length + textQuery(text).uuids.length));
    else if (name === 'parent') filter.parents = list(name, (text) => (isTaskUuid(text) ? [text.toLowerCase()] : undefined));
    else if (name === 'service') filter.services = list(name, namesOf);
    else if (name === 'started_after') filter.startedAfter = earliest(name);
    else if (name === 'started_before') filter.startedBefore = latest(name);
    else if (name === 'ended_after') filter.endedAfter = earliest(name);
    else if (name === 'ended_before') filter.endedBefore = latest(name);
    else if (name === 'queued_after') filter.queuedAfter = earliest(name);
    else if (name === 'queued_before') filter.queuedBefore = latest(name);
    else if (name === 'longer_than') filter.longerThanMs = Math.min(...list(name, durationsOf));
    else attributes.push({ key: name.slice(FAMILY.length), values: list(name, (text) => [text]) });
  }
  if (attributes.length > 0) filter.attributes = attributes;
  return filter;
}

function refuse(name: string, text: string): never {
  throw new RangeError(`${name}: expected ${parameterOf(name)!.expected}, got ${received(text)}`);
}

function statesOf(text: string): TaskState[] | undefined {
  const states = text.split(',');
  return states.every(isTaskState) ? states : undefined;
}

function namesOf(text: string): string[] | undefined {
  return text === '*' ? undefined : [text];
}

const UUID_BEGINNING = /^[0-9a-f]{4}[0-9a-f-]{0,32}\*$/i;

function uuidsOf(text: string): string[] | undefined {
  const uuids = text.split(',');
  return uuids.every((uuid) => isTaskUuid(uuid) || UUID_BEGINNING.test(uuid)) ? uuids.map((uuid) => uuid.toLowerCase()) : undefined;
}

function withWords(name: string, text: string, count: number): string[] | undefined {
  if (count > MOST_WORDS) throw new RangeError(`${name}: expected at most ${MOST_WORDS} words, got ${count}`);
  return count === 0 ? undefined : [text];
}

/** A time as records have it. One without a zone is UTC, and a day is its first instant. */
function timesOf(text: string): string[] | undefined {
  const [, day, minute = '00:00', second = '00', fraction = '', zone = 'Z'] = TIME_PARTS.exec(text) ?? [];
  const offset = zone === 'Z' ? zone : `${zone.slice(0, 1).replace(' ', '+')}${zone.slice(1, 3)}:${zone.slice(-2)}`;
  const ms = Date.parse(`${day}T${minute}:${second}${offset}`);
  // For Date February 30 is the beginning of March.
  if (day === undefined || Number.isNaN(ms) || !new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)) return undefined;
  const time = `${new Date(ms).toISOString().slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z`;
  return /^\d/.test(time) ? [time] : undefined;
}

const MS_OF_UNIT = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function durationsOf(text: string): number[] | undefined {
  const [, count, unit] = DURATION_PARTS.exec(text) ?? [];
  return count === undefined ? undefined : [Math.round(Number(count) * MS_OF_UNIT[unit as keyof typeof MS_OF_UNIT])];
}

/** The parameters of a URL that have a filter. {@link filterOf} reads them. */
export function parametersOf(filter: TaskFilter): [name: string, value: string][] {
  const { states, names, uuids, errors, texts, attributes, parents, services, longerThanMs } = filter;
  const each = (name: string, values: readonly string[] | undefined): [string, string][] => (values ?? []).map((value) => [name, value]);
  const one = (name: string, value: string | undefined): [string, string][] => (value === undefined ? [] : [[name, value]]);
  return [
    ...one('state', states?.join(',')),
    ...each('name', names),
    ...one('uuid', uuids?.join(',')),
    ...each('error', errors),
    ...each('q', texts),
    ...(attributes ?? []).flatMap(({ key, values }) => each(`${FAMILY}${key}`, values)),
    ...each('parent', parents),
    ...each('service', services),
    ...one('started_after', filter.startedAfter),
    ...one('started_before', filter.startedBefore),
    ...one('ended_after', filter.endedAfter),
    ...one('ended_before', filter.endedBefore),
    ...one('queued_after', filter.queuedAfter),
    ...one('queued_before', filter.queuedBefore),
    ...one('longer_than', longerThanMs === undefined ? undefined : durationText(longerThanMs)),
  ];
}

function durationText(ms: number): string {
  const unit = (['d', 'h', 'm'] as const).find((each) => ms > 0 && ms % MS_OF_UNIT[each] === 0) ?? 's';
  return `${ms / MS_OF_UNIT[unit]}${unit}`;
}

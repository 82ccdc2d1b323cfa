import { attributeTexts, errorWords, folded, isUuidWord, nameTest, textQuery, wordsOf } from '../../src/task-filter.ts';
import type { FilteredTask, TaskFilter } from '../../src/task-filter.ts';
import type { TaskState } from '../../src/task-record.ts';

/**
 * How a store of any database finds the tasks that may fit a filter.
 *
 * A facet is a short text that many tasks may have: a word of the name, an attribute with its value, the minute of the
 * start. Facets find candidates: a task that fits has the facet, but one that has it need not fit. So a facet may be cut,
 * and may be out of date; `taskMatcher` decides.
 */

/** The first character of a facet: its kind. */
const KIND = {
  name: 'n',
  service: 'v',
  nameWord: 'w',
  errorWord: 'e',
  attribute: 'a',
  started: 'b',
  ended: 'd',
  created: 'c',
  /** How long the task took, if it has ended. */
  took: 'l',
} as const;

/** The longest facet, in UTF-16 code units. Few tasks differ only after that. */
const LONGEST = 64;
/** The most facets of a kind that a task has. A task with more has the kind itself as one more facet. */
const MOST_OF_KIND = 200;

/** The facets of a task, each once, and whether it has more than are kept. */
export function facetsOf(task: FilteredTask): { keys: string[]; isCrowded: boolean } {
  const { start, end, created } = task;
  const keys = [...facetsOfName(task.task_name)];
  const areCrowded = [
    add(keys, KIND.errorWord, errorWords(task)),
    add(keys, KIND.attribute, attributePairs(task.attributes)),
  ];
  if (task.service_name !== null) keys.push(facet(KIND.service, folded(task.service_name)));
  if (start !== null) keys.push(facet(KIND.started, minuteOf(start)));
  if (end !== null) keys.push(facet(KIND.ended, minuteOf(end)));
  if (created !== null) keys.push(facet(KIND.created, minuteOf(created)));
  if (start !== null && end !== null) keys.push(facet(KIND.took, magnitudeOf(Date.parse(end) - Date.parse(start))));
  return { keys, isCrowded: areCrowded.includes(true) };
}

/** The facets of names that came lately: many tasks have one name. */
const ofNames = new Map<string, readonly string[]>();
const MOST_NAMES = 1000;

/** The facets of a name and of the words that are searched in it. */
function facetsOfName(name: string): readonly string[] {
  let keys = ofNames.get(name);
  if (keys === undefined) {
    keys = [facet(KIND.name, folded(name)), ...new Set(wordsOf(name).map((word) => facet(KIND.nameWord, word)))];
    if (ofNames.size === MOST_NAMES) ofNames.clear();
    ofNames.set(name, keys);
  }
  return keys;
}

/** Adds the facets that a kind has of some texts; gives whether there are more than are kept. */
function add(keys: string[], kind: string, texts: readonly string[]): boolean {
  const facets = new Set<string>();
  for (const text of texts) {
    if (facets.size < MOST_OF_KIND) {
      facets.add(facet(kind, text));
      continue;
    }
    keys.push(...facets, kind);
    return true;
  }
  keys.push(...facets);
  return false;
}

/** `KEY=VALUE` of each attribute, and of each item of one that is a list. */
function attributePairs(attributes: FilteredTask['attributes']): string[] {
  const pairs: string[] = [];
  for (const key in attributes) for (const text of attributeTexts(attributes[key])) pairs.push(`${key}=${text}`);
  return pairs;
}

function facet(kind: string, text: string): string {
  return kind + cut(text);
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : text.slice(0, LONGEST).toWellFormed();
}

/** The minute that was made last, and its text: times of tasks lie close together. */
let [lastMinute, lastText] = ['', ''];

/** The minute of a time, so that the texts are in the order of the times. */
function minuteOf(time: string): string {
  const minute = time.slice(0, '2026-11-30T10:15'.length);
  if (minute !== lastMinute) {
    lastText = Math.max(0, Math.floor(Date.parse(`${minute}Z`) / 60_000)).toString(16).padStart(8, '0');
    lastMinute = minute;
  }
  return lastText;
}

/** The binary magnitude of a duration, so that the texts are in the order of the durations. */
function magnitudeOf(ms: number): string {
  return String(Math.floor(Math.log2(Math.max(1, ms)))).padStart(2, '0');
}

/** A condition that is easy to check, and that every task fits that fits a filter. */
export type Condition =
  | { readonly of: 'all' | 'any'; readonly conditions: readonly Condition[] }
  /** Has a facet from one to another, both included, or more facets of its kind than are kept. */
  | { readonly of: 'facet'; readonly kind: string; readonly from: string; readonly to: string }
  | { readonly of: 'state'; readonly state: TaskState }
  | { readonly of: 'parent'; readonly uuid: string }
  /** A whole UUID, or the beginning of one. */
  | { readonly of: 'uuid'; readonly uuid: string; readonly isBeginning: boolean };

/** The condition that all tasks that fit a filter meet; `undefined` if every task may fit. */
export function conditionOf(filter: TaskFilter): Condition | undefined {
  const { states, names, uuids, errors, texts, attributes, parents, services, longerThanMs } = filter;
  const conditions = [
    states && any(states.map((state) => ({ of: 'state', state }))),
    parents && any(parents.map((uuid) => ({ of: 'parent', uuid }))),
    uuids && any(uuids.map(uuidCondition)),
    names && any(names.map((name) => nameCondition(KIND.name, name))),
    services && any(services.map((name) => nameCondition(KIND.service, name))),
    ...(attributes ?? []).map(({ key, values }) => any(values.map((value) => one(KIND.attribute, `${key}=${value}`)))),
    between(KIND.started, filter.startedAfter, filter.startedBefore),
    between(KIND.ended, filter.endedAfter, filter.endedBefore),
    between(KIND.created, filter.queuedAfter, filter.queuedBefore),
    longerThanMs === undefined ? undefined : any([range(KIND.took, magnitudeOf(longerThanMs), LAST), { of: 'state', state: 'running' }, { of: 'state', state: 'lost' }]),
    errors && any(errors.map((text) => all(wordsOf(text).map((word) => beginning(KIND.errorWord, word))))),
    texts && any(texts.map(textCondition)),
  ].filter((condition) => condition !== undefined);
  return conditions.length === 0 ? undefined : all(conditions);
}

/** Comes after every text that a facet may have. */
const LAST = '\u{10ffff}';

function all(conditions: readonly Condition[]): Condition {
  return conditions.length === 1 ? conditions[0]! : { of: 'all', conditions };
}

function any(conditions: readonly Condition[]): Condition {
  return conditions.length === 1 ? conditions[0]! : { of: 'any', conditions };
}

function range(kind: string, from: string, to: string): Condition {
  return { of: 'facet', kind, from: kind + from, to: kind + to };
}

function one(kind: string, text: string): Condition {
  return range(kind, cut(text), cut(text));
}

function beginning(kind: string, text: string): Condition {
  return range(kind, cut(text), cut(text) + LAST);
}

function nameCondition(kind: string, name: string): Condition {
  const { text, isBeginning } = nameTest(name);
  return isBeginning ? beginning(kind, text) : one(kind, text);
}

function between(kind: string, after: string | undefined, before: string | undefined): Condition | undefined {
  if (after === undefined && before === undefined) return undefined;
  return range(kind, after === undefined ? '' : minuteOf(after), before === undefined ? LAST : minuteOf(before));
}

function uuidCondition(uuid: string): Condition {
  return uuid.endsWith('*') ? { of: 'uuid', uuid: uuid.slice(0, -1), isBeginning: true } : { of: 'uuid', uuid, isBeginning: false };
}

function textCondition(text: string): Condition {
  const { words, uuids } = textQuery(text);
  return all([
    ...words.map((word) => any([beginning(KIND.nameWord, word), beginning(KIND.errorWord, word), ...(isUuidWord(word) ? [uuidCondition(`${word}*`)] : [])])),
    ...uuids.map((uuid) => uuidCondition(`${uuid}*`)),
  ]);
}

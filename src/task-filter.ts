import type { Attributes } from '@opentelemetry/api';
import type { TaskState, TaskSummary } from './task-record.ts';

/**
 * Selects tasks: those that fit every field that is present. Of a list one item is enough.
 *
 * `filterOf` (`filter-parameters.ts`) reads a filter from the parameters of a URL. Times are ISO 8601 in UTC with
 * microseconds, as records have them. `…After` includes its instant, `…Before` does not.
 */
export interface TaskFilter {
  readonly states?: readonly TaskState[];
  /** Each a whole name, or its beginning and `*`. Without regard to case. */
  readonly names?: readonly string[];
  /** Each a whole UUID, or its beginning and `*`; in lower case. */
  readonly uuids?: readonly string[];
  /** Each some words, all of which begin words of the task's error: of its name, its message and its causes. */
  readonly errors?: readonly string[];
  /** The same for words of the task's name and its error; the beginning of its UUID is one more. */
  readonly texts?: readonly string[];
  readonly attributes?: readonly AttributeFilter[];
  /** UUIDs of parent tasks, in lower case. */
  readonly parents?: readonly string[];
  /** As `names`. */
  readonly services?: readonly string[];
  readonly startedAfter?: string;
  readonly startedBefore?: string;
  readonly endedAfter?: string;
  readonly endedBefore?: string;
  /** When it was announced first, or began where it was not announced. */
  readonly queuedAfter?: string;
  readonly queuedBefore?: string;
  /** From start to end, or until now where it runs. Of a lost task the time after its last heartbeat does not count. */
  readonly longerThanMs?: number;
}

/** An attribute that has one of these values: as text, or in a list. `5` is both the number and the text. */
export interface AttributeFilter {
  readonly key: string;
  readonly values: readonly string[];
}

/** What a filter needs of a record: with all attributes, of which lists leave out long ones. */
export type FilteredTask = Pick<
  TaskSummary,
  'task_name' | 'task_uuid' | 'start' | 'end' | 'state' | 'error' | 'exception_causes' | 'attributes' | 'service_name' | 'parent_task_uuid' | 'created' | 'heard'
>;

/** Whether a filter lets every task pass. */
export function isEmptyFilter(filter: TaskFilter): boolean {
  return Object.values(filter).every((part) => part === undefined);
}

/**
 * Whether a task fits a filter.
 *
 * @param now Milliseconds since the epoch: how long a task that runs has run depends on it.
 */
export function matches(filter: TaskFilter, task: FilteredTask, now: number = Date.now()): boolean {
  return taskMatcher(filter)(task, now);
}

/** The same as {@link matches} for many tasks: the filter is prepared once. */
export function taskMatcher(filter: TaskFilter): (task: FilteredTask, now?: number) => boolean {
  const { states, uuids, attributes, parents, longerThanMs } = filter;
  const names = filter.names?.map(nameTest);
  const services = filter.services?.map(nameTest);
  const errors = filter.errors?.map(wordsOf);
  const texts = filter.texts?.map(textQuery);
  const times = TIME_FILTERS.filter(({ after, before }) => filter[after] !== undefined || filter[before] !== undefined);
  return (task, now = Date.now()) =>
    (states === undefined || states.includes(task.state)) &&
    (uuids === undefined || uuids.some((uuid) => isUuidOf(uuid, task.task_uuid))) &&
    (parents === undefined || (task.parent_task_uuid !== null && parents.includes(task.parent_task_uuid))) &&
    (names === undefined || isAnyName(names, task.task_name)) &&
    (services === undefined || (task.service_name !== null && isAnyName(services, task.service_name))) &&
    times.every(({ field, after, before }) => isBetween(task[field], filter[after], filter[before])) &&
    (longerThanMs === undefined || runMs(task, now) > longerThanMs) &&
    (attributes === undefined || attributes.every((attribute) => hasAttribute(task.attributes, attribute))) &&
    (errors === undefined || hasWords(errors, errorWords(task))) &&
    (texts === undefined || isText(texts, task));
}

/** The times of a task that filters ask for. */
const TIME_FILTERS = [
  { field: 'start', after: 'startedAfter', before: 'startedBefore' },
  { field: 'end', after: 'endedAfter', before: 'endedBefore' },
  { field: 'created', after: 'queuedAfter', before: 'queuedBefore' },
] as const;

function isBetween(time: string | null, after: string | undefined, before: string | undefined): boolean {
  return time !== null && (after === undefined || time >= after) && (before === undefined || time < before);
}

/** For how many milliseconds a task has run; -1 for one that has not begun. */
export function runMs({ start, end, state, heard }: Pick<FilteredTask, 'start' | 'end' | 'state' | 'heard'>, now: number): number {
  if (start === null) return -1;
  const until = end ?? (state === 'lost' ? heard : null);
  return (until === null ? now : Date.parse(until)) - Date.parse(start);
}

/** A text as it is compared without regard to case, and to how its accents are written. */
export function folded(text: string): string {
  return text.normalize().toLowerCase();
}

interface NameTest {
  readonly text: string;
  readonly isBeginning: boolean;
}

/** A name, or the beginning of one and `*`. */
export function nameTest(name: string): NameTest {
  const isBeginning = name.endsWith('*');
  return { text: folded(isBeginning ? name.slice(0, -1) : name), isBeginning };
}

function isAnyName(tests: readonly NameTest[], name: string): boolean {
  const given = folded(name);
  return tests.some(({ text, isBeginning }) => (isBeginning ? given.startsWith(text) : given === text));
}

function isUuidOf(uuid: string, taskUuid: string): boolean {
  return uuid.endsWith('*') ? taskUuid.startsWith(uuid.slice(0, -1)) : taskUuid === uuid;
}

function hasAttribute(attributes: Attributes, { key, values }: AttributeFilter): boolean {
  return Object.hasOwn(attributes, key) && attributeTexts(attributes[key]).some((text) => values.includes(text));
}

/** The texts by which a value of an attribute is found: its own, or those of a list's items. */
export function attributeTexts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => (Array.isArray(item) ? [] : attributeTexts(item)));
  return typeof value === 'string' ? [value] : typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
}

/** So much of a text is searched for words, in UTF-16 code units. */
const SEARCHED_LENGTH = 2048;
const WORD = /[\p{L}\p{N}]+/gu;

/** The words of a text, folded: runs of letters and digits. */
export function wordsOf(text: string): string[] {
  return folded(text.slice(0, SEARCHED_LENGTH)).match(WORD) ?? [];
}

/** The words of the error of a task and of the errors inside it. */
export function errorWords({ error, exception_causes: causes }: Pick<FilteredTask, 'error' | 'exception_causes'>): string[] {
  return error === null ? [] : [...wordsOf(error.name), ...wordsOf(error.message), ...causes.flatMap(wordsOf)];
}

/** Whether all words of one of these queries begin words of a text. */
function hasWords(queries: readonly (readonly string[])[], words: readonly string[]): boolean {
  return queries.some((query) => query.every((asked) => words.some((word) => word.startsWith(asked))));
}

/** What is searched by a text: words, of which those that may begin a UUID are tried with that too, and beginnings of UUIDs. */
interface TextQuery {
  readonly words: readonly string[];
  readonly uuids: readonly string[];
}

/** A piece of a query that has more of a UUID than its first group. */
const UUID_PIECE = /^[0-9a-f]{8}-[0-9a-f-]{0,27}$/i;
const UUID_WORD = /^[0-9a-f]{4,8}$/;

export function textQuery(text: string): TextQuery {
  const pieces = text.split(/\s+/);
  return {
    words: pieces.filter((piece) => !UUID_PIECE.test(piece)).flatMap(wordsOf),
    uuids: pieces.filter((piece) => UUID_PIECE.test(piece)).map((piece) => piece.toLowerCase()),
  };
}

/** Whether a word may be the beginning of a UUID: of at least four digits, as `uuid=` wants them. */
export function isUuidWord(word: string): boolean {
  return UUID_WORD.test(word);
}

function isText(queries: readonly TextQuery[], task: FilteredTask): boolean {
  const { task_uuid: taskUuid } = task;
  const words = [...wordsOf(task.task_name), ...errorWords(task)];
  const isFound = (asked: string): boolean => words.some((word) => word.startsWith(asked)) || (isUuidWord(asked) && taskUuid.startsWith(asked));
  return queries.some(({ words: asked, uuids }) => asked.every(isFound) && uuids.every((uuid) => taskUuid.startsWith(uuid)));
}

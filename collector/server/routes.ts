import { FILTER_PARAMETERS } from '../../src/filter-parameters.ts';
import { LOG_VIEWS } from '../../src/task-stream.ts';
import { TASK_ORDERS } from '../store/task-store.ts';
import type { Right } from './access.ts';
import { flag } from './parameters.ts';
import type { Parameter } from './parameters.ts';

/** One route as data. A route for `GET` answers `HEAD` too. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `:name` is a part of the path that the client chooses. */
  readonly path: string;
  readonly right: Right;
  /** Whether a request is for tasks, so that their workers are watched. Default `false`. */
  readonly isForTasks?: boolean;
  /** What it is for, in one sentence. */
  readonly text: string;
  /** Default: none. The `open` and `public` routes ignore all parameters: a health check may send any. */
  readonly parameters?: readonly Parameter[];
  readonly answers: readonly Answer[];
}

/** One answer of a route. Those that the app gives for every route of a kind, such as 401, are not listed. */
export interface Answer {
  readonly status: number;
  /**
   * Its media types, and the name of the schema of each body in `tools/openapi-schemas.ts`, or the names where there are
   * several. Default: an answer without a body; from status 400 on a problem.
   */
  readonly bodies?: Readonly<Record<string, string | readonly string[]>>;
  /** Names of headers that a client may need. */
  readonly headers?: readonly string[];
  readonly text: string;
}

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; charset=utf-8';
const ENTRIES_TYPE = 'application/x-ndjson';
const HTML_TYPE = 'text/html; charset=utf-8';
const EVENTS_TYPE = 'text/event-stream';

const WAIT: Parameter = {
  name: 'wait', value: { kind: 'integer', least: 1, most: 30 }, example: '1',
  text: 'For how many seconds the request waits for a task that does not exist yet.',
};
const TIMES = flag('times', false, 'Whether each line of the log as text has its time before it.');
/** Of a resource with these representations. */
const asOneOf = (...values: readonly string[]): Parameter => ({
  name: 'as', value: { kind: 'choice', values }, example: values[0]!, text: 'The representation, for links, which can not send Accept.',
});
const AFTER_EVENT: Parameter = {
  name: 'after', value: { kind: 'text' }, example: '0',
  text: 'The id of an event, after which the stream goes on; the header Last-Event-ID counts before it.',
};

/** What the page of a task shows: they change nothing in its other representations. */
const TASK_PAGE: readonly Parameter[] = [
  flag('embed', false, 'Whether the page has the task alone, without actions, for a frame.'),
  { name: 'attempt', value: { kind: 'integer', least: 1 }, example: '1', text: 'The attempt whose steps the page shows. Default: the latest.' },
  { name: 'of', value: { kind: 'text', pattern: '^[0-9a-f]{16}$' }, example: '00f067aa0ba902b7', text: 'The step whose inside the page shows.' },
  { name: 'cursor', value: { kind: 'text', pattern: '^[\\w-]+$' }, example: 'czAuMC4w', text: 'Where the steps inside it go on, as a link of the page has it.' },
  { name: 'before', value: { kind: 'integer', least: 0 }, example: '65536', text: 'The byte of the log before which the page shows it. Default: its end.' },
];

/** The parameters of a filter. */
const FILTER: readonly Parameter[] = FILTER_PARAMETERS.map(({ name, pattern, example, text }) => ({
  name, value: { kind: 'text', ...(pattern !== undefined && { pattern }) }, repeats: true, example, text,
}));

const NOT_MODIFIED: Answer = { status: 304, headers: ['ETag'], text: 'The client has this representation already, by If-None-Match.' };
const UNKNOWN_TASK: Answer = { status: 404, text: 'There is no such task.' };

/** The names of the operations. */
export type RouteName =
  | 'listTasks'
  | 'countTasks'
  | 'watchTasks'
  | 'getTask'
  | 'deleteTask'
  | 'getScopes'
  | 'watchTask'
  | 'getLog'
  | 'cancelTask'
  | 'getCancellations'
  | 'confirmCancellation'
  | 'getAsset'
  | 'getIndex'
  | 'getHealth'
  | 'getReadiness'
  | 'getMetrics';

/**
 * All routes of the app: the app is fed from them, and `openapi.json` is made from them. `docs/http-api.md` is their
 * page.
 */
export const ROUTES: Readonly<Record<RouteName, Route>> = {
  listTasks: {
    method: 'GET', path: '/tasks', right: 'read', isForTasks: true,
    text: 'Lists tasks without their logs, as JSON or as a page.',
    parameters: [
      asOneOf('json', 'html'),
      { name: 'limit', value: { kind: 'integer', least: 1, most: 200 }, default: 50, example: '10', text: 'How many tasks a page has at most.' },
      { name: 'order', value: { kind: 'choice', values: TASK_ORDERS }, default: 'newest', example: 'oldest', text: 'Which tasks come first, by their first commits.' },
      ...FILTER,
      { name: 'cursor', value: { kind: 'text' }, example: 'dDE3', text: 'The "next" of the page before.' },
    ],
    answers: [{ status: 200, bodies: { [JSON_TYPE]: 'TaskList', [HTML_TYPE]: 'Text' }, headers: ['Link'], text: 'A page of the list; Link has the address of the next one.' }],
  },
  countTasks: {
    method: 'GET', path: '/tasks/counts', right: 'read', isForTasks: true,
    text: 'Gives how many tasks are in each state.',
    parameters: FILTER,
    answers: [{ status: 200, bodies: { [JSON_TYPE]: 'TaskCounts' }, text: 'The numbers; those of capped states are the least that there are.' }],
  },
  watchTasks: {
    method: 'GET', path: '/tasks/events', right: 'read', isForTasks: true,
    text: 'Sends each new or changed task as its entry in the list, and which tasks do not fit the filter any more.',
    parameters: [AFTER_EVENT, ...FILTER],
    answers: [{ status: 200, bodies: { [EVENTS_TYPE]: 'TaskListEvents' }, text: 'A stream that goes on.' }],
  },
  getTask: {
    method: 'GET', path: '/tasks/:uuid', right: 'read', isForTasks: true,
    text: 'Gives the record of a task as JSON, its whole log as text, or its page.',
    parameters: [asOneOf('json', 'text', 'html'), flag('log', true, 'Whether the record has its log.'), WAIT, TIMES, ...TASK_PAGE],
    answers: [
      { status: 200, bodies: { [JSON_TYPE]: ['TaskRecord', 'TaskSummary'], [TEXT_TYPE]: 'Text', [HTML_TYPE]: 'Text' }, headers: ['ETag'], text: 'The record, the log, or the page.' },
      NOT_MODIFIED,
      UNKNOWN_TASK,
    ],
  },
  deleteTask: {
    method: 'DELETE', path: '/tasks/:uuid', right: 'change',
    text: 'Deletes a task that has ended, with its log and scopes.',
    answers: [
      { status: 204, text: 'The task is deleted.' },
      UNKNOWN_TASK,
      { status: 409, text: 'The task has not ended.' },
    ],
  },
  getScopes: {
    method: 'GET', path: '/tasks/:uuid/scopes', right: 'read', isForTasks: true,
    text: 'Gives the attempts and scopes of a task as a tree; with of, limit or cursor as lines, a bounded number of them.',
    parameters: [
      {
        name: 'of', value: { kind: 'text', pattern: '^[0-9A-Fa-f]{16}$' }, example: '8000000000000001',
        text: 'The span id of the scope or attempt whose scopes are asked for.',
      },
      { name: 'limit', value: { kind: 'integer', least: 1, most: 1000 }, default: 200, example: '10', text: 'How many lines there are at most, at all depths together.' },
      { name: 'cursor', value: { kind: 'text' }, example: 'czAuMC4w', text: 'The "next" of the page before.' },
      WAIT,
    ],
    answers: [
      { status: 200, bodies: { [JSON_TYPE]: ['TaskScopes', 'ScopeLines'] }, headers: ['ETag', 'Link'], text: 'The tree, or the lines; Link has the address of the next ones.' },
      NOT_MODIFIED,
      UNKNOWN_TASK,
    ],
  },
  watchTask: {
    method: 'GET', path: '/tasks/:uuid/events', right: 'read', isForTasks: true,
    text: 'Sends the record of a task, then each change of it, until the task has ended.',
    parameters: [
      AFTER_EVENT,
      WAIT,
      flag('scopes', false, 'Whether the scopes come too: at first as a tree of some hundred, then those that have changed.'),
      {
        name: 'log', value: { kind: 'choice', values: LOG_VIEWS }, default: 'text', example: 'entries',
        text: 'How the log comes: as text, as entries, or not at all.',
      },
    ],
    answers: [
      { status: 200, bodies: { [EVENTS_TYPE]: 'TaskEvents' }, text: 'A stream that ends after the task.' },
      { status: 204, text: 'The client has all of a task that has ended: an EventSource stops here.' },
      UNKNOWN_TASK,
    ],
  },
  getLog: {
    method: 'GET', path: '/tasks/:uuid/log', right: 'read', isForTasks: true,
    text: 'Gives the log of a task, as text or as its entries.',
    parameters: [
      {
        name: 'offset', value: { kind: 'integer' }, default: 0, example: '-65536',
        text: 'The byte of the log to begin with; a negative one counts from the end, and is moved forward to the beginning of a line.',
      },
      {
        name: 'limit', value: { kind: 'integer', least: 1, most: 1_048_576 }, example: '65536',
        text: 'How many bytes the answer has at most, up to the end of a line where one fits. Not with follow.',
      },
      flag('follow', false, 'Whether the answer goes on until the task has ended.'),
      TIMES,
      {
        name: 'find', value: { kind: 'text', longest: 200 }, example: 'five',
        text: 'A text of one line that is looked for in the log, without regard to case; the answer is where it stands.',
      },
      { name: 'after', value: { kind: 'integer', least: 0 }, default: 0, needs: 'find', example: '0', text: 'The byte of the log from which on a text is looked for: "looked_to" of the answer before.' },
      WAIT,
    ],
    answers: [
      { status: 200, bodies: { [TEXT_TYPE]: 'Text', [ENTRIES_TYPE]: 'LogEntries', [JSON_TYPE]: 'FoundLines' }, headers: ['Content-Range'], text: 'The log from that byte on, of which Content-Range has the bytes; with find as JSON where the text stands.' },
      UNKNOWN_TASK,
      { status: 416, headers: ['Content-Range'], text: 'The offset is beyond the end of the log; Content-Range has its length.' },
    ],
  },
  cancelTask: {
    method: 'POST', path: '/tasks/:uuid/cancel', right: 'change',
    text: 'Requests that a task is cancelled.',
    parameters: [
      { name: 'by', value: { kind: 'text', longest: 200, mayBeEmpty: true }, example: 'ops', text: 'Who requests it.' },
      { name: 'reason', value: { kind: 'text', longest: 1000, mayBeEmpty: true }, example: 'duplicate', text: 'Why.' },
      { name: 'children', value: { kind: 'choice', values: ['true', 'false'] }, default: 'true', example: 'false', text: 'Whether its child tasks are cancelled too.' },
    ],
    answers: [
      { status: 202, bodies: { [JSON_TYPE]: 'CancelAnswer' }, headers: ['Location'], text: 'The request stays with the task; its record shows what comes of it.' },
      { status: 303, headers: ['Location'], text: 'The same for a browser that has sent a form: Location has the page of the task.' },
      UNKNOWN_TASK,
      { status: 409, text: 'The task has ended, or its worker does not listen.' },
    ],
  },
  getCancellations: {
    method: 'GET', path: '/workers/:worker/cancellations', right: 'read',
    text: 'Gives a worker without access to the store the requests to cancel its tasks.',
    parameters: [
      { name: 'after', value: { kind: 'integer', least: 0 }, default: 0, example: '0', text: 'The number of the last request that the worker has.' },
      { ...WAIT, value: { kind: 'integer', least: 0, most: 30 }, default: 0, example: '0', text: 'For how many seconds the answer waits for a request to cancel.' },
    ],
    answers: [{ status: 200, bodies: { [JSON_TYPE]: 'Cancellations' }, text: 'The requests, oldest first.' }],
  },
  confirmCancellation: {
    method: 'POST', path: '/workers/:worker/cancellations/:number', right: 'change',
    text: 'Stores that code of the task has received a request to cancel it.',
    answers: [{ status: 204, text: 'It is stored.' }],
  },
  getAsset: {
    method: 'GET', path: '/tasks/assets/:name', right: 'public',
    text: 'Gives a script, the style or an icon of the pages.',
    answers: [{ status: 200, bodies: { 'text/javascript': 'Text', 'text/css': 'Text', 'image/svg+xml': 'Text' }, text: 'The asset.' }, NOT_MODIFIED],
  },
  getIndex: {
    method: 'GET', path: '/', right: 'open',
    text: 'Leads to the list of tasks where the app has the option index.',
    answers: [{ status: 302, headers: ['Location'], text: 'Location has the list.' }],
  },
  getHealth: {
    method: 'GET', path: '/healthz', right: 'open',
    text: 'Answers as long as the server does; it does not check the store.',
    answers: [{ status: 200, bodies: { [JSON_TYPE]: 'Health' }, text: 'The server answers.' }],
  },
  getReadiness: {
    method: 'GET', path: '/readyz', right: 'open',
    text: 'Answers whether the store could be read and written within the last second.',
    answers: [
      { status: 200, bodies: { [JSON_TYPE]: 'Health' }, text: 'It could.' },
      { status: 503, headers: ['Retry-After'], text: 'It could not.' },
    ],
  },
  getMetrics: {
    method: 'GET', path: '/metrics', right: 'read',
    text: "Gives the collector's own figures for Prometheus.",
    answers: [{ status: 200, bodies: { [TEXT_TYPE]: 'Text' }, text: 'The figures.' }],
  },
};

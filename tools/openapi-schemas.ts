import { Type } from 'typebox';
import type { TProperties, TSchema } from 'typebox';
import { ANNOUNCEMENT_OUTCOMES, LOST, OUTCOMES } from '../src/conventions.ts';
import { TASK_STATES } from '../src/task-record.ts';
import type { CancelRecord, CurrentScope, NotificationRecord, ScopeLine, ScopeNode, ScopeRecord, TaskError, TaskJobs, TaskRecord, TaskSummary } from '../src/task-record.ts';
import type { LogEntryJson, StreamEnd, StreamRecord, TaskChange } from '../src/task-stream.ts';

/**
 * The schemas of all bodies. What `src` has as a type is held to it: a field that is missing in a schema, or that the type
 * does not have, is an error of the compiler.
 */

/** An object that has the fields of a type, all of them and no others. */
function ofType<Shape>(): <Fields extends TProperties & Record<Keys<Shape>, TSchema>>(
  fields: Fields & Record<Exclude<keyof Fields, Keys<Shape>>, never>,
  description: string,
) => TSchema {
  return (fields, description) => Type.Object(fields, { description });
}

/** Also those that may be absent. */
type Keys<Shape> = Extract<keyof Required<Shape>, string>;

const text = (description?: string): TSchema => Type.String({ ...(description !== undefined && { description }) });
const time = (description?: string): TSchema => Type.String({ format: 'date-time', ...(description !== undefined && { description }) });
const count = (description?: string): TSchema => Type.Integer({ minimum: 0, ...(description !== undefined && { description }) });
const share = (description: string): TSchema => Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], { description });
const orNull = (schema: TSchema, description?: string): TSchema => Type.Union([schema, Type.Null()], { ...(description !== undefined && { description }) });
const oneOf = (values: readonly (string | number)[], description?: string): TSchema => Type.Enum([...values], { ...(description !== undefined && { description }) });
const listOf = (name: SchemaName, description?: string): TSchema => Type.Array(ref(name), { ...(description !== undefined && { description }) });
const ref = (name: SchemaName): TSchema => Type.Ref(`#/components/schemas/${name}`);
const uuid = (description?: string): TSchema => Type.String({ format: 'uuid', ...(description !== undefined && { description }) });
const spanId = Type.String({ pattern: '^[0-9a-f]{16}$' });
const traceId = Type.String({ pattern: '^[0-9a-f]{32}$' });

const outcome = oneOf(['running', ...OUTCOMES, LOST], '"running" until it has ended, "lost" where it was open when the task had finished.');
const steps = {
  done: orNull(Type.Number(), 'Steps done, as progress() reported them last.'),
  total: orNull(Type.Number(), 'Steps to do.'),
};

const summary = {
  task_name: text('Name of the task.'),
  task_uuid: uuid(),
  start: orNull(time(), 'When it began; null until it has.'),
  end: orNull(time(), 'When it ended; null until it has.'),
  exception: text('Message of the latest error; "" if there was none.'),
  finished: Type.Boolean(),
  status: oneOf([0, 1, 2], '0 failed, cancelled, expired or lost for good, 1 completed, 2 pending.'),
  state: oneOf(TASK_STATES),
  attempt: count('Number of the latest attempt, from 1; 0 while there is none.'),
  jobs: ref('TaskJobs'),
  progress: share('0 to 1; null while it is not known.'),
  current: orNull(ref('CurrentScope'), 'What it is doing; null while no scope is open, and after the end.'),
  result: Type.Unknown({ description: 'Any JSON: the last value of setResult().' }),
  outcome: orNull(oneOf([...new Set([...OUTCOMES, ...ANNOUNCEMENT_OUTCOMES, LOST])]), 'How it ended, more exactly than state; null until then.'),
  error: orNull(ref('TaskError'), 'The error that exception names.'),
  exception_causes: Type.Array(Type.String(), { description: 'The errors inside it, each as "NAME: MESSAGE".' }),
  attributes: ref('Attributes'),
  service_name: orNull(text()),
  parent_task_uuid: orNull(uuid()),
  trace_id: orNull(traceId),
  trace_sampled: Type.Boolean({ description: 'Whether a tracing backend has the trace.' }),
  facts_missing: count('How many facts of the attempt are known not to have arrived.'),
  created: orNull(time(), 'Time of the earliest announcement or start.'),
  updated: time('Time of the latest fact.'),
  cancel: orNull(ref('CancelRecord'), 'The request to cancel it.'),
  cancellable: Type.Boolean(),
  heard: orNull(time(), "Time of the worker's last heartbeat; null where none is expected."),
  busy_since: orNull(time(), "Since when the worker's event loop is blocked; null if it is not."),
  version: count('How many commits the task has seen.'),
  log_offset: count('Byte of the whole log at which log begins.'),
  log_bytes: count('Length of the whole log in bytes.'),
  log_lines: count('How many lines the whole log has.'),
  cut: Type.Optional(Type.Array(oneOf(['result', 'attributes']), { description: 'In lists alone: the fields that are left out since they are long.' })),
};

const scope = {
  span_id: spanId,
  trace_id: traceId,
  name: text(),
  start: orNull(time()),
  end: orNull(time()),
  outcome,
  heading: Type.Boolean({ description: 'Whether it encloses other scopes: then it is no job.' }),
  progress: share('0 to 1; null while it is not known.'),
  ...steps,
  error: orNull(text(), '"ErrorName: message" of the error that it reported.'),
  attributes: ref('Attributes'),
  notifications: listOf('Notification', 'The last 100, oldest first.'),
  notification_count: count('How many there were in all.'),
  facts_missing: count(),
  scopes: listOf('Scope', 'The scopes inside.'),
};

const line = {
  span_id: spanId,
  parent: orNull(spanId, 'Span id of the scope around it; null for an attempt.'),
  attempt: Type.Optional(count('Number of the attempt; of attempts alone.')),
  name: text(),
  start: orNull(time()),
  end: orNull(time()),
  outcome,
  progress: share('0 to 1; null while it is not known.'),
  ...steps,
  error: orNull(text(), '"ErrorName: message" of the error that it reported.'),
  last: orNull(ref('Notification'), 'The last notification.'),
  steps: count('How many scopes are inside it, at any depth.'),
  failed: count('How many of these have failed.'),
  running: count('How many of these run.'),
};

const { log_offset: _logOffset, ...changed } = summary;

const optional = (fields: Readonly<Record<string, TSchema>>): TProperties =>
  Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)]));

const LOG_ENTRY_KINDS = ['attempt', 'scope', 'message', 'outcome', 'end', 'missing'] as const satisfies LogEntryJson['kind'][];

export type SchemaName =
  | 'Problem' | 'Text' | 'Health' | 'Attributes' | 'TaskRecord' | 'TaskSummary' | 'TaskJobs' | 'CurrentScope' | 'TaskError' | 'ErrorCause' | 'CancelRecord'
  | 'TaskList' | 'TaskCounts' | 'TaskScopes' | 'Scope' | 'Attempt' | 'Notification' | 'ScopeLines' | 'ScopeLine' | 'ScopeNode'
  | 'LogEntry' | 'LogEntries' | 'FoundLines' | 'LogMatch' | 'CancelAnswer' | 'Cancellations' | 'Cancellation'
  | 'TaskEvents' | 'StreamRecord' | 'TaskChange' | 'StreamEnd' | 'Gone' | 'TaskListEvents' | 'ListStart';

export const SCHEMAS: Readonly<Record<SchemaName, TSchema>> = {
  Problem: Type.Object(
    { type: Type.String(), title: Type.String(), status: Type.Integer(), detail: text('What is wrong with this request, for a person to read.') },
    { description: 'A problem of RFC 9457.' },
  ),
  Text: Type.String(),
  Health: Type.Object({ status: oneOf(['ok', 'ready']) }),
  Attributes: Type.Record(
    Type.String(),
    Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]))]),
    { description: 'Attributes of OpenTelemetry.' },
  ),
  TaskRecord: ofType<TaskRecord>()({ ...summary, log: text('The log; of one longer than 1 MiB its last lines.') }, 'The status of a task.'),
  TaskSummary: ofType<TaskSummary>()(summary, 'The status of a task without its log.'),
  TaskJobs: ofType<TaskJobs>()({ total: count(), finished: count(), failed: count(), running: count() }, 'Jobs: total is the sum of the others.'),
  CurrentScope: ofType<CurrentScope>()(
    { name: text(), span_id: spanId, ...steps, share: share('done / total; null without these.') },
    'The scope that began or reported progress last.',
  ),
  TaskError: ofType<TaskError>()(
    {
      name: text(),
      message: text(),
      causes: Type.Optional(listOf('ErrorCause', 'The errors inside it, at most 8. Lists leave them out.')),
      path: Type.Array(Type.String(), { description: 'Names of the scopes in which it happened, outermost first.' }),
      span_id: spanId,
      log_offset: orNull(count(), 'Byte of the log at which the lines begin that show it.'),
    },
    'An error of a task, and where it happened.',
  ),
  ErrorCause: Type.Object({ name: text(), message: text() }),
  CancelRecord: ofType<CancelRecord>()(
    { requested: time(), by: orNull(text()), reason: orNull(text()), heard: orNull(time(), 'When code of the task has received it.') },
    'A request to cancel a task.',
  ),
  TaskList: Type.Object({ tasks: listOf('TaskSummary'), next: orNull(text(), 'The cursor of the next page.'), searched_to: Type.Optional(time('Where the page ended before it was full: how far the search has come.')) }, { description: 'A page of tasks.' }),
  TaskCounts: Type.Object({
    counts: Type.Record(Type.String(), count(), { description: 'By state; a state of no tasks may be absent.' }),
    capped: Type.Array(oneOf(TASK_STATES), { description: 'The states of which there may be more than the number.' }),
  }),
  TaskScopes: Type.Object({ task_uuid: uuid(), version: count(), attempts: listOf('Attempt', 'First to last.') }),
  Scope: ofType<ScopeRecord>()(scope, 'A scope with those inside it.'),
  Attempt: Type.Object({ attempt: count(), ...scope }, { description: 'One run of a task.' }),
  Notification: ofType<NotificationRecord>()({ time: time(), message: text(), attributes: Type.Optional(ref('Attributes')) }, 'A message for the person who waits.'),
  ScopeLines: Type.Object(
    { task_uuid: uuid(), version: count(), of: orNull(spanId), scopes: listOf('ScopeNode'), next: orNull(text(), 'The cursor of the next lines.') },
    { description: 'Some scopes as lines.' },
  ),
  ScopeLine: ofType<ScopeLine>()(line, 'A scope in one line.'),
  ScopeNode: ofType<ScopeNode>()({ ...line, scopes: listOf('ScopeNode') }, 'A scope in one line, with those inside it that were asked for.'),
  LogEntry: ofType<LogEntryJson>()(
    { offset: count('Byte of the log at which text begins.'), time: time(), span_id: spanId, kind: oneOf(LOG_ENTRY_KINDS), text: text(), attributes: ref('Attributes') },
    'The lines of one fact in a log.',
  ),
  LogEntries: Type.String({ description: 'One LogEntry as JSON a line.', 'x-lines': ref('LogEntry') }),
  FoundLines: Type.Object(
    {
      matches: listOf('LogMatch', 'At most 100, in the order of the log.'),
      looked_to: count('All matches that begin before this byte are known.'),
      more: Type.Boolean({ description: 'Whether there is more of the log after that.' }),
      log_bytes: count(),
    },
    { description: 'Where a text stands in a log.' },
  ),
  LogMatch: Type.Object({
    offset: count('Byte of the log at which the match begins.'),
    bytes: count('Its length in bytes.'),
    line: count('Byte of the log at which text begins.'),
    text: text('The line in which it stands, or a part of a long one.'),
  }),
  CancelAnswer: Type.Object({ task_uuid: uuid(), url: Type.String({ format: 'uri', description: 'Address of the record.' }) }),
  Cancellations: Type.Object({ cancellations: listOf('Cancellation') }),
  Cancellation: Type.Object({ number: count(), task_uuid: uuid(), span_id: spanId, by: orNull(text()), reason: orNull(text()) }),
  TaskEvents: Type.String({
    description: 'Server-sent events: record first, then change, at last end, or gone if the task was deleted.',
    'x-events': { record: ref('StreamRecord'), change: ref('TaskChange'), end: ref('StreamEnd'), gone: ref('Gone') },
  }),
  StreamRecord: ofType<StreamRecord>()(
    {
      ...summary,
      log: Type.Optional(text('The end of the log, at most 64 KiB.')),
      entries: Type.Optional(listOf('LogEntry', 'The same, as entries.')),
      log_from: Type.Optional(count('Byte of the whole log at which these begin.')),
      attempts: Type.Optional(listOf('ScopeNode')),
    },
    'A task as it is, with the end of its log.',
  ),
  TaskChange: ofType<TaskChange>()(
    {
      ...(optional(changed) as Record<keyof typeof changed, TSchema>),
      log: Type.Optional(Type.Object({ offset: count(), text: text() }, { description: 'What the log gained.' })),
      entries: Type.Optional(listOf('LogEntry', 'The same, as entries.')),
      scopes: Type.Optional(listOf('ScopeLine', 'The scopes whose lines have changed.')),
      attempts: Type.Optional(listOf('ScopeNode', 'Instead of scopes where very many have changed.')),
    },
    'The fields that have changed, and what log and scopes gained.',
  ),
  StreamEnd: ofType<StreamEnd>()({ version: count(), state: oneOf(TASK_STATES) }, 'The task has ended, and the stream ends.'),
  Gone: Type.Object({ task_uuid: uuid() }, { description: 'A task that fits the filter no more, or was deleted.' }),
  TaskListEvents: Type.String({
    description: 'Server-sent events: start first, then change for each new or changed task, and gone.',
    'x-events': { start: ref('ListStart'), change: ref('TaskSummary'), gone: ref('Gone') },
  }),
  ListStart: Type.Object({ change: text('The position at which the stream begins.') }),
};

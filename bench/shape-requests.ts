import type { Attributes } from '@opentelemetry/api';
import { logRecordOf } from '../collector/facts/log-record.ts';
import type { LogRecord } from '../collector/facts/log-record.ts';
import type { Fact } from '../collector/index.ts';
import { logRequest } from '../collector/otlp/send/logs-endpoint.ts';
import { BEAT_EVENT, WORKER_ID, WORKER_INTERVAL_MS } from '../src/conventions.ts';
import { hexId, NewTask } from './new-task.ts';
import { bodiesOf } from './task-bodies.ts';

/** A request: `POST` with a body, else `GET`. */
export interface Exchange {
  readonly path: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Requests that cost more than others of their length, unless the server takes care. */
export interface Shape {
  readonly name: string;
  /** Requests that come before those that are measured. */
  readonly prepare?: readonly Exchange[];
  readonly requests: readonly Exchange[];
}

const PROTOBUF = { 'Content-Type': 'application/x-protobuf' };

/** Gives requests of about 500 spans of new tasks, as `ingest` has them. */
export function ordinarySpans(): () => Exchange {
  const next = bodiesOf('protobuf', 'tasks');
  return () => ({ path: '/v1/traces', body: new Uint8Array(next().body), headers: PROTOBUF });
}

export function recordsOf(records: readonly LogRecord[], resource: Attributes = {}): Exchange {
  return { path: '/v1/logs', body: new Uint8Array(logRequest(resource, records)), headers: PROTOBUF };
}

export function logsOf(facts: readonly Fact[]): Exchange {
  return recordsOf(facts.map(logRecordOf));
}

/** The same facts in requests of so many. */
export function inRequests(facts: readonly Fact[], size: number): Exchange[] {
  const requests: Exchange[] = [];
  for (let at = 0; at < facts.length; at += size) requests.push(logsOf(facts.slice(at, at + size)));
  return requests;
}

/** All shapes, each with a task of its own. */
export function shapesOf(isQuick: boolean): Shape[] {
  const n = isQuick ? 1000 : 10_000;
  const planned = plannedByName(n);
  const chain = chainWithProgress(isQuick ? 1000 : 4000);
  const open = openScopes(10 * n);
  const breaks = lines(n / 100, '\n'.repeat(65_000));
  const results = Array.from({ length: n / 100 }, () => result(JSON.stringify('long '.repeat(30_000))));
  return [
    { name: 'one request of many facts', requests: [logsOf(lines(6 * n))] },
    { name: 'a plan by names in a scope, one request', requests: [logsOf(plannedByName(n))] },
    { name: 'a plan by names in a scope, requests of 100 facts', requests: inRequests(planned, 100) },
    { name: 'progress through a chain of scopes, one request', requests: [logsOf(chainWithProgress(isQuick ? 1000 : 4000))] },
    { name: 'progress through a chain of scopes, requests of 100 facts', requests: inRequests(chain, 100) },
    { name: 'a chain of scopes, innermost first', requests: inRequests(chainWithProgress(isQuick ? 1000 : 4000).toReversed(), 100) },
    { name: 'gaps in sequence numbers', requests: [logsOf(gaps(6 * n))] },
    { name: 'gaps in sequence numbers, from the last', requests: inRequests(gaps(6 * n).toReversed(), 1000) },
    { name: 'one span id in many traces', requests: inRequests(oneSpanId(n), 1000) },
    { name: 'circles of parents', requests: inRequests(circles(n), 1000) },
    { name: 'attempts of one task', requests: inRequests(attempts(n / 10), 100) },
    { name: 'attempts of one task, beyond those that are kept', requests: [logsOf(attempts(n))] },
    { name: 'attempts of one run of a job', requests: [logsOf(attempts(n / 10).map((fact) => (fact.kind === 'task-start' ? { ...fact, run: 'one' } : fact)))] },
    { name: 'scopes that stay open', requests: inRequests(open.begin, 1000) },
    { name: 'their ends', requests: inRequests(open.end, 1000) },
    { name: 'heartbeats of workers with a long resource', requests: [heartbeats(n)] },
    { name: 'one span of many events, JSON', requests: [jsonSpan({ events: events(4 * n) })] },
    { name: 'one span of many attributes, JSON', requests: [jsonSpan({ more: Array.from({ length: n }, (_, at) => ({ key: `key.${at}`, value: { intValue: at } })) })] },
    { name: 'an attribute of 20,000 levels, JSON', requests: [jsonSpan({ nested: 20_000 })] },
    { name: 'messages of line breaks', requests: inRequests(breaks, 50) },
    { name: 'long results', requests: results.map(logsOf) },
    { name: 'a result of 20,000 levels', requests: [logsOf(result('['.repeat(20_000) + ']'.repeat(20_000)))] },
  ];
}

/** A task's span in JSON, with an attribute that nests so many lists if need be. */
function jsonSpan({ events: ofSpan = [], more = [], nested = 0 }: { events?: readonly unknown[]; more?: readonly unknown[]; nested?: number }): Exchange {
  const { taskUuid } = new NewTask().root;
  const own = { 'taskspan.span': 'task', 'taskspan.task.uuid': taskUuid, 'taskspan.task.name': 'In JSON', 'taskspan.outcome': 'completed' };
  const attributes = [...Object.entries(own).map(([key, stringValue]) => ({ key, value: { stringValue } })), ...more, { key: 'nested', value: 'HERE' }];
  const now = `${Date.now()}000000`;
  const span = { traceId: hexId(16), spanId: hexId(8), name: 'In JSON', startTimeUnixNano: now, endTimeUnixNano: now, attributes, events: ofSpan };
  const value = `${'{"arrayValue":{"values":['.repeat(nested)}{}${']}}'.repeat(nested)}`;
  const json = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }).replace('"HERE"', value);
  return { path: '/v1/traces', body: new TextEncoder().encode(json), headers: { 'Content-Type': 'application/json' } };
}

function events(count: number): unknown[] {
  const timeUnixNano = `${Date.now()}000000`;
  return Array.from({ length: count }, (_, at) => ({
    name: 'taskspan.notification', timeUnixNano,
    attributes: [{ key: 'taskspan.seq', value: { intValue: at + 1 } }, { key: 'taskspan.message', value: { stringValue: `Line ${at} of many.` } }],
  }));
}

function lines(count: number, more = ''): Fact[] {
  const task = new NewTask();
  return [task.start(), ...Array.from({ length: count }, (_, line) => task.notification(task.root, `Line ${line} of many.${more}`))];
}

function result(json: string): Fact[] {
  const task = new NewTask();
  return [task.start(), { kind: 'result', ...task.next(task.root), result: json }];
}

function heartbeats(count: number): Exchange {
  const resource = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`resource.attribute.${at}`, 'x'.repeat(100)]));
  const beats = Array.from({ length: count }, (_, worker): LogRecord => {
    const attributes = { [WORKER_ID]: `worker ${worker}`, [WORKER_INTERVAL_MS]: 60_000 };
    return { eventName: BEAT_EVENT, traceId: '', spanId: '', time: Date.now() * 1000, sampled: false, attributes };
  });
  return recordsOf(beats, resource);
}

function plannedByName(count: number): Fact[] {
  const task = new NewTask();
  const names = Array.from({ length: count }, (_, file) => `file-${file}.csv`);
  const all = task.scope();
  const facts = [task.start(), task.begin(all), task.plan(all, Object.fromEntries(names.map((name) => [name, 1])))];
  for (const name of names) {
    const scope = task.scope();
    facts.push(task.begin(scope, all, name), task.end(scope));
  }
  return facts;
}

function chainWithProgress(depth: number): Fact[] {
  const task = new NewTask();
  const facts = [task.start(), task.plan(task.root, 1)];
  let scope = task.root;
  for (let level = 0; level < depth; level++) {
    const inner = task.scope();
    facts.push(task.begin(inner, scope), task.plan(inner, 1));
    scope = inner;
  }
  for (let done = 1; done <= depth; done++) facts.push(task.progress(scope, done, depth));
  return facts;
}

function gaps(count: number): Fact[] {
  const task = new NewTask();
  const facts = Array.from({ length: count }, (_, at): Fact => ({ ...task.next(task.root), kind: 'notification', seq: 2 * at + 2, message: '' }));
  return [task.start(), ...facts];
}

function oneSpanId(count: number): Fact[] {
  const task = new NewTask();
  const spanId = hexId(8);
  return [task.start(), ...Array.from({ length: count }, () => task.begin(task.scope({ ...task.root, traceId: hexId(16) }, spanId)))];
}

/** Scopes around each other, with a plan each, and progress in them. */
function circles(count: number): Fact[] {
  const task = new NewTask();
  const scopes = Array.from({ length: count }, () => task.scope());
  const facts = [task.start()];
  scopes.forEach((scope, at) => facts.push(task.begin(scope, scopes[(at + 1) % count]), task.plan(scope, 2)));
  scopes.forEach((scope) => facts.push(task.progress(scope, 1, 3)));
  return facts;
}

function attempts(count: number): Fact[] {
  const task = new NewTask();
  return Array.from({ length: count }, (_, attempt) => task.start(task.attempt(), attempt + 1));
}

function openScopes(count: number): { begin: Fact[]; end: Fact[] } {
  const task = new NewTask();
  const scopes = Array.from({ length: count }, () => task.scope());
  return { begin: [task.start(), ...scopes.map((scope) => task.begin(scope))], end: scopes.map((scope) => task.end(scope)) };
}

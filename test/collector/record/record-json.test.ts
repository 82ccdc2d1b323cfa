import type { Attributes } from '@opentelemetry/api';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordJson, summaryJson } from '../../../collector/record/record-json.ts';
import { TaskFold } from '../../../collector/record/task-fold.ts';
import type { TaskRecord } from '../../../src/task-record.ts';
import type { TaskEnd } from '../../../src/fact.ts';
import { anyText, arbitraryTask, cases } from './arbitrary-task.ts';
import { taskAfter } from './folding.ts';
import { ScriptedTask, UUID } from './scripted-task.ts';

const KEYS = [
  'task_name', 'task_uuid', 'start', 'end', 'log', 'exception', 'finished', 'status',
  'state', 'attempt', 'jobs', 'progress', 'current', 'result', 'outcome', 'error', 'exception_causes', 'attributes', 'service_name', 'parent_task_uuid', 'trace_id', 'trace_sampled',
  'facts_missing', 'created', 'updated', 'cancel', 'cancellable', 'heard', 'busy_since', 'version', 'log_offset', 'log_bytes', 'log_lines',
];

function summaryOf(...calls: ((task: ScriptedTask) => void)[]): string {
  const task = new ScriptedTask();
  for (const call of calls) call(task);
  return summaryJson(taskAfter([task.facts]));
}

function record(summary: string, log?: { text: string; offset: number }): TaskRecord {
  return JSON.parse(recordJson({ summary, version: 7, logBytes: 2000, logLines: 30 }, log)) as TaskRecord;
}

describe('the JSON of a record', () => {
  test('has the seed\'s eight keys first, in its order, and then the others', () => {
    const summary = summaryOf((task) => task.attempt().complete());
    expect(Object.keys(record(summary, { text: '', offset: 0 }))).toEqual(KEYS);
  });

  test('has no log in a list, and else the same keys', () => {
    const summary = summaryOf((task) => task.attempt().complete());
    expect(Object.keys(record(summary))).toEqual(KEYS.filter((key) => key !== 'log'));
  });

  test('of a running task has what is not known as null', () => {
    const summary = summaryOf((task) => task.attempt({ name: 'Import customers', sampled: false }));
    expect(record(summary, { text: '', offset: 0 })).toEqual({
      task_name: 'Import customers', task_uuid: UUID, start: '2023-11-14T22:13:20.000001Z', end: null, log: '',
      exception: '', finished: false, status: 2, state: 'running', attempt: 1,
      jobs: { total: 0, finished: 0, failed: 0, running: 0 }, progress: null, current: null, result: null, outcome: null, error: null, exception_causes: [], attributes: {},
      service_name: null, parent_task_uuid: null, trace_id: '3c6ef372fe94f82aabcdef0123456789', trace_sampled: false, facts_missing: 0,
      created: '2023-11-14T22:13:20.000001Z', updated: '2023-11-14T22:13:20.000001Z', cancel: null, cancellable: false, heard: null, busy_since: null, version: 7, log_offset: 0, log_bytes: 2000, log_lines: 30,
    });
  });

  test('of a task whose end left attributes out has those of its end alone, by spans too, which have none at their start', () => {
    const final = { ...Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`k${100 + at}`, at])), '…': '… (cut: 1 of 65 attributes)' };
    const summary = summaryOf((task) => {
      task.attempt({ attributes: { queue: 'mail' } }).complete();
      const end = task.facts.pop() as TaskEnd;
      task.facts.push({ ...end, attributes: final });
    });
    expect(record(summary, { text: '', offset: 0 }).attributes).toEqual(final);
  });

  test('of an ended task has what it came to', () => {
    const summary = summaryOf((task) => {
      const attempt = task.attempt({ attributes: { queue: 'mail' }, parentTaskUuid: UUID });
      attempt.result('{"rows":12}');
      attempt.scope('Read file').fail({ name: 'TypeError', message: '' });
      attempt.passOn();
    });
    expect(record(summary, { text: 'x', offset: 5 })).toMatchObject({
      end: '2023-11-14T22:13:20.000006Z', exception: 'TypeError', finished: true, status: 0, state: 'failed',
      jobs: { total: 1, finished: 0, failed: 1, running: 0 }, result: { rows: 12 }, attributes: { queue: 'mail' },
      parent_task_uuid: UUID, trace_sampled: true, log: 'x', log_offset: 5,
    });
  });

  test('of a task of which nothing but a scope is known yet is whole all the same', () => {
    const task = new ScriptedTask();
    task.attempt().scope('Read file').notify('x');
    const json = record(summaryJson(taskAfter([task.facts.slice(-1)])));
    expect(json).toMatchObject({ task_name: '', start: null, attempt: 0, state: 'running', status: 2 });
  });

  test('has the time when the worker was heard, and since when it is busy', () => {
    const liveness = { heard: 1_767_323_045_000_006, busySince: 1_767_323_046_000_007, final: false };
    const summary = summaryOf((task) => task.attempt());
    expect(JSON.parse(recordJson({ summary, version: 1, logBytes: 0, logLines: 0, state: 'running', liveness }))).toMatchObject({
      state: 'running', heard: '2026-01-02T03:04:05.000006Z', busy_since: '2026-01-02T03:04:06.000007Z',
    });
  });

  test.each([
    ',"exception":', '"', '","exception":"', '\\', '\\"', '","log":"x', '}', '\0\x1b[31m', 'a\u2028b', '🎉 "é"',
  ])('is not broken by %j as a task name, message, attribute or result', (text) => {
    const summary = summaryOf((task) => {
      const attempt = task.attempt({ name: text, attributes: { text } });
      attempt.result(JSON.stringify({ text }));
      attempt.fail({ name: text, message: text });
    });
    const { task_name, log, exception, result, attributes } = record(summary, { text, offset: 0 });
    expect({ task_name, log, exception, result, attributes }).toEqual({
      task_name: text, log: text, exception: text, result: { text }, attributes: { text },
    });
  });

  test('has its log in its place though attributes and result have a key of the same name as what follows it', () => {
    const summary = summaryOf((task) => {
      const attempt = task.attempt({ attributes: { table: 'customers', exception: 'none', log: 'x' } });
      attempt.result('{"rows":1,"exception":"none","log":"x"}');
    });
    const json = record(summary, { text: 'the log', offset: 0 });
    expect(json).toMatchObject({
      log: 'the log', exception: '', attributes: { table: 'customers', exception: 'none', log: 'x' },
      result: { rows: 1, exception: 'none', log: 'x' },
    });
    expect(Object.keys(json)).toEqual(KEYS);
  });

  test.each([',"exception":', '__proto__', '1', 'log'])('is not broken by %j as the name of an attribute', (key) => {
    const attributes = JSON.parse(`{${JSON.stringify(key)}:"x"}`) as Attributes;
    const summary = summaryOf((task) => task.attempt({ attributes }));
    expect(Object.entries(record(summary, { text: '', offset: 0 }).attributes)).toEqual([[key, 'x']]);
  });

  test('of any task, with any text as its log, is its summary with the log put in its place', () => {
    fc.assert(
      fc.property(arbitraryTask(), anyText, ({ facts }, text) => {
        const summary = summaryJson(taskAfter([facts]));
        const json = record(summary, { text, offset: 3 });
        const { log, cancel: _cancel, heard: _heard, busy_since: _busy, version: _version, log_offset: _offset, log_bytes: _bytes, log_lines: _lines, ...rest } = json;
        expect(log).toBe(text);
        expect(JSON.stringify(rest)).toBe(JSON.stringify(JSON.parse(summary)));
        expect(Object.keys(json)).toEqual(KEYS);
      }),
      cases(500),
    );
  });

  test('of a result with line feeds between its tokens, as a foreign sender may write it, is one line all the same', () => {
    const summary = summaryOf((task) => task.attempt().result('{\n  "rows": 12,\n  "text": "a\\nb"\n}'));
    const json = recordJson({ summary, version: 1, logBytes: 0, logLines: 0 });
    expect(json).not.toContain('\n');
    expect((JSON.parse(json) as TaskRecord).result).toEqual({ rows: 12, text: 'a\nb' });
    expect((JSON.parse(summary) as TaskRecord).result).toEqual({ rows: 12, text: 'a\nb' });
  });

  test('of a task without any fact is whole too', () => {
    expect(Object.keys(record(summaryJson(new TaskFold(UUID)), { text: '', offset: 0 }))).toEqual(KEYS);
  });
});

import type { Screen } from '../../../../collector/cli/view/task-lines.ts';
import type { AttemptRecord, ScopeRecord, TaskRecord } from '../../../../src/task-record.ts';

/** The time at which everything is drawn. */
export const NOW: string = '2026-11-24T09:01:00.000000Z';

/** A screen without colours. */
export function screen(columns: number, rows: number = 24): Screen {
  return { columns, rows, now: Date.parse(NOW), paint: (_format, text) => text };
}

/** A task that has run for a minute, with these fields. */
export function shownTask(fields: Partial<TaskRecord> = {}): TaskRecord {
  return {
    task_name: 'Import customers',
    task_uuid: '54bf5712-b9ec-11e9-afdd-8c16454a0938',
    start: '2026-11-24T09:00:00.000000Z',
    end: null,
    log: '',
    exception: '',
    finished: false,
    status: 2,
    state: 'running',
    attempt: 1,
    jobs: { total: 0, finished: 0, failed: 0, running: 0 },
    progress: null,
    current: null,
    result: null,
    outcome: null,
    error: null,
    exception_causes: [],
    attributes: {},
    service_name: null,
    parent_task_uuid: null,
    trace_id: null,
    trace_sampled: false,
    created: NOW,
    updated: NOW,
    cancel: null,
    cancellable: false,
    heard: null,
    busy_since: null,
    version: 1,
    log_offset: 0,
    log_bytes: 0,
    log_lines: 0,
    facts_missing: 0,
    ...fields,
  };
}

let spans = 0;

/** A scope that has run for 30 s, with these fields. */
export function shownScope(name: string, fields: Partial<ScopeRecord> = {}): ScopeRecord {
  const scopes = fields.scopes ?? [];
  return {
    span_id: (++spans).toString(16).padStart(16, '0'),
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    name,
    start: '2026-11-24T09:00:30.000000Z',
    end: fields.outcome === undefined || fields.outcome === 'running' ? null : '2026-11-24T09:00:32.500000Z',
    outcome: 'running',
    heading: scopes.length > 0,
    progress: null,
    done: null,
    total: null,
    error: null,
    attributes: {},
    notifications: [],
    notification_count: 0,
    facts_missing: 0,
    ...fields,
    scopes,
  };
}

export function shownAttempt(...scopes: ScopeRecord[]): AttemptRecord {
  return { ...shownScope('Import customers', { scopes }), attempt: 1 };
}

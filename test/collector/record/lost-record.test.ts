import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Liveness } from '../../../collector/record/liveness.ts';
import { recordJson, summaryJson } from '../../../collector/record/record-json.ts';
import { latestAttempt } from '../../../collector/record/task-fold.ts';
import type { TaskRecord } from '../../../src/task-record.ts';
import { entityTag } from '../../../collector/server/answers.ts';
import { arbitraryTask, cases } from './arbitrary-task.ts';
import { taskAfter } from './folding.ts';
import { summaryOf } from './summary-of.ts';

const HEARD = 1_767_323_045_000_006;

function recordOf(summary: string, state: 'running' | 'lost', liveness: Partial<Liveness> = {}): TaskRecord {
  const parts = { summary, version: 7, logBytes: 0, logLines: 0, state, liveness: { heard: HEARD, busySince: null, final: false, ...liveness } };
  return JSON.parse(recordJson(parts, { text: 'log', offset: 0 })) as TaskRecord;
}

describe('the record of a lost task', () => {
  test('is that of the running one but for its state, and when it is lost for good for how it finished', () => {
    const running = arbitraryTask().map(({ facts }) => taskAfter([facts])).filter((task) => latestAttempt(task)!.end === null);
    fc.assert(
      fc.property(running, (task) => {
        const summary = summaryJson(task);
        const record = recordOf(summary, 'running');
        const heard = '2026-01-02T03:04:05.000006Z';
        expect(record).toMatchObject({ state: 'running', status: 2, finished: false, heard });
        expect(JSON.stringify(recordOf(summary, 'lost'))).toBe(JSON.stringify({ ...record, state: 'lost' }));
        expect(JSON.stringify(recordOf(summary, 'lost', { final: true }))).toBe(
          JSON.stringify({
            ...record, exception: `lost: last heard ${heard}`, finished: true, status: 0, state: 'lost', current: null, outcome: 'lost', error: null, exception_causes: [],
            cancellable: false, jobs: { ...record.jobs, total: record.jobs.finished + record.jobs.failed, running: 0 },
          }),
        );
      }),
      cases(500),
    );
  });

  test('does not show that its worker is busy', () => {
    const summary = summaryOf({ task_name: 'x', exception: '', finished: false, status: 2, state: 'running', attempt: 1, cancellable: true });
    expect(recordOf(summary, 'running', { busySince: HEARD }).busy_since).toBe('2026-01-02T03:04:05.000006Z');
    expect(recordOf(summary, 'lost', { busySince: HEARD }).busy_since).toBeNull();
  });
});

describe('the entity tag', () => {
  const liveness = { heard: HEARD, busySince: null, final: false };
  const running = { version: 3, state: 'running', liveness } as const;

  test('of a record is another for each version, each liveness and each state of a request to cancel', () => {
    const tasks = [
      running,
      { ...running, version: 4 },
      { version: 3, state: 'running' as const },
      { ...running, state: 'lost' as const },
      { ...running, state: 'lost' as const, liveness: { ...liveness, final: true } },
      { ...running, liveness: { ...liveness, heard: HEARD + 1 } },
      { ...running, liveness: { ...liveness, busySince: HEARD } },
      { ...running, cancel: { requested: HEARD, by: null, reason: null, heard: null, children: true } },
      { ...running, cancel: { requested: HEARD, by: null, reason: null, heard: HEARD + 1, children: true } },
    ];
    expect(new Set(tasks.map((task) => entityTag(task, 'json'))).size).toBe(tasks.length);
  });

  test('of a log does not change while nothing is reported', () => {
    expect(entityTag(running, 'text')).toBe(entityTag({ version: 3, state: 'lost' }, 'text'));
    expect(entityTag(running, 'text')).not.toBe(entityTag({ ...running, version: 4 }, 'text'));
  });
});

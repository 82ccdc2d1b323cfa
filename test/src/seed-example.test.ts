import { describe, expect, test } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';
import { turn } from './support/turn.ts';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

class ZeroDivisionError extends Error {
  override readonly name = 'ZeroDivisionError';
}

const FIRST_PART = `\t - TEST - First part
\tSome notification related to the task
\t\tSuccessfully completed
\t\tTime spent: 0h0m
`;
const SUBTASK_1 = `\t - My subtask 1 in my task 2
\tSome notification related to the task
\t\tSuccessfully completed
\t\tTime spent: 0h0m
`;
const SUBTASK_2 = `\t - My subtask 2 in my task 2
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
ZeroDivisionError: division by zero
`;
const SUBTASK_3 = `\t - My subtask 3 in my task 2
\tSome notification related to the task
\t\tSuccessfully completed
\t\tTime spent: 0h0m
`;
const SECOND_PART = '\t - TEST - Second part\n';
const FINAL = '\tTask Finished - 3 out of 4 jobs finished\n';
const WHOLE = FIRST_PART + SECOND_PART + SUBTASK_1 + SUBTASK_2 + SUBTASK_3 + FINAL;

const ISO_MICROSECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe('the example of the first version in Python', () => {
  test('its log is the sample, character for character, live after each scope and at the end', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'TEST', taskUuid: UUID });
    expect(await log(UUID)).toBe('');

    await updater.scope('TEST - First part', async () => {
      await turn();
      updater.notify('Some notification related to the task');
    });
    expect(await log(UUID)).toBe(FIRST_PART);

    await updater.scope('TEST - Second part', async () => {
      expect(await log(UUID)).toBe(FIRST_PART + SECOND_PART);
      await updater.scope('My subtask 1 in my task 2', async () => {
        await turn();
        updater.notify('Some notification related to the task');
      });
      expect(await log(UUID)).toBe(FIRST_PART + SECOND_PART + SUBTASK_1);
      await updater.scope('My subtask 2 in my task 2', async () => {
        await turn();
        throw new ZeroDivisionError('division by zero');
      });
      expect(await log(UUID)).toBe(FIRST_PART + SECOND_PART + SUBTASK_1 + SUBTASK_2);
      await updater.scope('My subtask 3 in my task 2', async () => {
        await turn();
        updater.notify('Some notification related to the task');
      });
    });
    expect(await log(UUID)).toBe(WHOLE.slice(0, -FINAL.length));

    expect(() => updater.raiseLatestException()).toThrow(new ZeroDivisionError('division by zero'));
    expect(await log(UUID)).toBe(WHOLE);
  });

  test('from synchronous code the log is the same', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'TEST', taskUuid: UUID });
    updater.scope('TEST - First part', () => updater.notify('Some notification related to the task'));
    updater.scope('TEST - Second part', () => mySecondTask(updater));
    updater.insertFinalUpdate();
    expect(await log(UUID)).toBe(WHOLE);
  });

  test('its record has the eight keys of that version first, and the state at every moment', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'TEST', taskUuid: UUID });
    const begun = await record(UUID);
    expect(Object.keys(begun).slice(0, 8)).toEqual([
      'task_name',
      'task_uuid',
      'start',
      'end',
      'log',
      'exception',
      'finished',
      'status',
    ]);
    expect(begun).toMatchObject({
      task_name: 'TEST',
      task_uuid: UUID,
      start: expect.stringMatching(ISO_MICROSECONDS),
      end: null,
      log: '',
      exception: '',
      finished: false,
      status: 2,
      state: 'running',
      jobs: { total: 0, finished: 0, failed: 0, running: 0 },
    });

    updater.scope('TEST - First part', () => updater.notify('Some notification related to the task'));
    expect((await record(UUID)).jobs).toEqual({ total: 1, finished: 1, failed: 0, running: 0 });

    await updater.scope('TEST - Second part', async () => {
      expect((await record(UUID)).jobs).toEqual({ total: 2, finished: 1, failed: 0, running: 1 });
      mySecondTask(updater);
    });
    expect(await record(UUID)).toMatchObject({
      end: null,
      exception: 'division by zero',
      finished: false,
      status: 2,
      state: 'running',
      jobs: { total: 4, finished: 3, failed: 1, running: 0 },
    });

    updater.insertFinalUpdate();
    expect(await record(UUID)).toMatchObject({
      task_name: 'TEST',
      task_uuid: UUID,
      start: begun.start,
      end: expect.stringMatching(ISO_MICROSECONDS),
      log: WHOLE,
      exception: 'division by zero',
      finished: true,
      status: 0,
      state: 'failed',
      attempt: 1,
      jobs: { total: 4, finished: 3, failed: 1, running: 0 },
      trace_id: updater.traceId,
      trace_sampled: true,
      log_bytes: Buffer.byteLength(WHOLE),
    });
  });
});

function mySecondTask(updater: TaskUpdater): void {
  updater.scope('My subtask 1 in my task 2', () => updater.notify('Some notification related to the task'));
  updater.scope('My subtask 2 in my task 2', () => {
    throw new ZeroDivisionError('division by zero');
  });
  updater.scope('My subtask 3 in my task 2', () => updater.notify('Some notification related to the task'));
}

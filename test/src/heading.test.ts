import { describe, expect, test } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';
import { caught, thrown } from './support/thrown.ts';

const DONE = '\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n';
const failedBy = (error: string): string => `\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\n${error}\n`;

describe('a scope that encloses others', () => {
  test('is a heading at three levels: only the innermost are jobs', async () => {
    const { log, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Chapter', (chapter) => {
      chapter.scope('Section', (section) => {
        section.scope('Paragraph 1', () => undefined);
        section.scope('Paragraph 2', () => updater.notify('Written'));
      });
      chapter.scope('Figure', () => undefined);
    });
    updater.insertFinalUpdate();
    expect(await log(updater)).toBe(
      `\t - Chapter\n\t - Section\n\t - Paragraph 1\n${DONE}\t - Paragraph 2\n\tWritten\n${DONE}\t - Figure\n${DONE}` +
        '\tTask Finished - 3 out of 3 jobs finished\n',
    );
    expect(await record(updater)).toMatchObject({ status: 1, jobs: { total: 3, finished: 3, failed: 0, running: 0 } });
  });

  test('counts as a job until a scope inside it opens', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const chapter = updater.scope('Chapter');
    expect((await record(updater)).jobs).toMatchObject({ total: 1, running: 1 });
    const section = chapter.scope('Section');
    expect((await record(updater)).jobs).toMatchObject({ total: 1, running: 1 });
    section.complete();
    chapter.complete();
    expect((await record(updater)).jobs).toEqual({ total: 1, finished: 1, failed: 0, running: 0 });
  });

  test('that fails by an error of its own is named again, and is a failed job', async () => {
    const { log, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Heading', (heading) => {
      heading.scope('Job', () => undefined);
      throw new RangeError('its own');
    });
    updater.insertFinalUpdate();
    expect(await log(updater)).toBe(
      `\t - Heading\n\t - Job\n${DONE}\t - Heading (continued)\n${failedBy('RangeError: its own')}` +
        '\tTask Finished - 1 out of 2 jobs finished\n',
    );
    expect(await record(updater)).toMatchObject({
      exception: 'its own',
      status: 0,
      jobs: { total: 2, finished: 1, failed: 1, running: 0 },
    });
  });

  test('that only rethrows the error of a scope inside does not log it again at any level', async () => {
    const { log, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T', suppressException: false });
    const error = new Error('inside');
    const passed = caught(() =>
      updater.scope('Outer', (outer) => outer.scope('Middle', (middle) => middle.scope('Job', () => thrown(error)))),
    );
    expect(passed).toBe(error);
    updater.insertFinalUpdate();
    expect(await log(updater)).toBe(
      `\t - Outer\n\t - Middle\n\t - Job\n${failedBy('Error: inside')}\tTask Finished - 0 out of 1 jobs finished\n`,
    );
    expect((await record(updater)).jobs).toEqual({ total: 1, finished: 0, failed: 1, running: 0 });
  });

  test('that wraps the error of a scope inside reports the wrapping as its own', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Heading', (heading) => {
      try {
        heading.scope('Job', () => thrown(new Error('inside')), { suppressException: false });
      } catch (error) {
        throw new Error('outside', { cause: error });
      }
    });
    updater.insertFinalUpdate();
    expect(await log(updater)).toBe(
      `\t - Heading\n\t - Job\n${failedBy('Error: inside')}\t - Heading (continued)\n${failedBy('Error: outside')}` +
        '\t  | caused by Error: inside\n\tTask Finished - 0 out of 2 jobs finished\n',
    );
  });

  test('may handle the error of a scope inside, and succeed', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const value = updater.scope('Heading', (heading) => {
      const read = heading.scope('Job', (): number => thrown(new Error('inside')));
      return read ?? 'fallback';
    });
    expect(value).toBe('fallback');
    expect((await record(updater)).jobs).toEqual({ total: 1, finished: 0, failed: 1, running: 0 });
  });
});

describe('a task without jobs', () => {
  test('is a success', async () => {
    const { log, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.notify('Nothing to do');
    updater.insertFinalUpdate();
    expect(await log(updater)).toBe('\tNothing to do\n\tTask Finished\n');
    expect(await record(updater)).toMatchObject({ status: 1, state: 'completed', progress: 1 });
  });
});

describe('a second attempt', () => {
  test('begins with its number, and the record is its', async () => {
    const { log, record } = recorded();
    const first = new TaskUpdater({ taskName: 'T' });
    first.scope('Job', () => thrown(new Error('no')));
    first.insertFinalUpdate();
    const { taskUuid } = first;
    const second = new TaskUpdater({ taskName: 'T', taskUuid, attempt: 2 });
    second.scope('Job', () => undefined);
    second.insertFinalUpdate();
    expect(await log(taskUuid)).toBe(
      `\t - Job\n${failedBy('Error: no')}\tTask Finished - 0 out of 1 jobs finished\n` +
        `\tAttempt 2\n\t - Job\n${DONE}\tTask Finished - 1 out of 1 jobs finished\n`,
    );
    expect(await record(taskUuid)).toMatchObject({ attempt: 2, status: 1, exception: '', trace_id: second.traceId });
  });
});

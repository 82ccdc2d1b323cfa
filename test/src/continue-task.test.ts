import { context, trace } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import { continueTask, currentUpdater, notify, runTask, TaskUpdater } from '../../src/index.ts';
import type { Carrier, Scope } from '../../src/index.ts';
import { cancelLiveTask, closeLiveTasks, worker } from '../../src/worker.ts';
import { diagnosed } from './support/diagnosed.ts';
import { recorded } from './support/recorded.ts';
import { caught, thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

const DONE = '\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n';
const failedBy = (error: string): string => `\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\n${error}\n`;

/** A task that goes on from one of its scopes, as in another process. */
async function sending(work: (carrier: Carrier) => unknown, taskName = 'Sender'): Promise<TaskUpdater> {
  const updater = new TaskUpdater({ taskName });
  await updater.scope('Send', async (scope) => {
    const { taskspan, traceparent } = scope.carrier();
    // Another process has neither the scope nor its context.
    await context.with(trace.deleteSpan(context.active()), async () => work({ taskspan, traceparent: traceparent! }));
  });
  updater.insertFinalUpdate();
  return updater;
}

test('a notification after a part or a child in the same process comes after it in the log, however fast', async () => {
  const { log } = recorded();
  for (let n = 0; n < 100; n++) {
    const updater = await sending((carrier) => {
      continueTask(carrier).scope('Part', () => undefined);
      notify('after the part');
      continueTask(carrier).child('Child', () => undefined);
      notify('after the child');
    });
    expect(await log(updater)).toBe(
      `\t - Send\n\t - Part\n${DONE}\tafter the part\n\t - Child\n${DONE}\tafter the child\n\t - Send (continued)\n${DONE}` +
        '\tTask Finished - 1 out of 1 jobs finished\n',
    );
  }
});

describe('a carrier without a task', () => {
  test('is reported once, and each way runs all the same', async () => {
    const warnings = diagnosed();
    const { spans, record } = recorded();
    const nothing = continueTask({ host: 'localhost' });
    expect(nothing.scope('Part', () => 1)).toBe(1);
    expect((await spans()).length).toBe(0);
    const [child, parent] = continueTask({ taskspan: 'rubbish' }).child('Child', (updater) => [updater.taskUuid, nothing.taskUuid]);
    expect(parent).toBeUndefined();
    expect(await record(child)).toMatchObject({ task_name: 'Child', state: 'completed', parent_task_uuid: null });
    const uuid = continueTask({}).nextAttempt((updater) => updater.taskUuid, { taskName: 'Retried' });
    expect(await record(uuid)).toMatchObject({ task_name: 'Retried', attempt: 1, state: 'completed' });
    expect(await record(continueTask({}).nextAttempt((updater) => updater.taskUuid))).toMatchObject({ task_name: 'Unnamed task' });
    expect(warnings).toEqual(['taskspan: continueTask() got no task: expected what carrier() gave, with a well-formed "taskspan"']);
  });

  test('may be a hostile object', () => {
    recorded();
    const hostile = new Proxy({}, { ownKeys: () => thrown(new Error('no')), has: () => thrown(new Error('no')) });
    expect(continueTask(hostile).scope('Part', () => 1)).toBe(1);
  });

  test.each([[undefined], [null], ['00-4bf92f-01'], [5], [['a']], [() => undefined]])('is a TypeError where it is %j', (value) => {
    expect(() => continueTask(value as never)).toThrow(/^continueTask: expected a carrier, headers or an environment, got /);
  });

  test('leaves a part unrecorded if the sender was not traced, while a child knows its parent', async () => {
    const carrier = new TaskUpdater({ taskName: 'Sender' }).carrier();
    const { spans, record } = recorded();
    expect(continueTask(carrier).scope('Part', () => currentUpdater()!.taskUuid)).toBe(continueTask(carrier).taskUuid);
    expect(await spans()).toEqual([]);
    const child = continueTask(carrier).child('Child', (updater) => updater.taskUuid);
    expect(await record(child)).toMatchObject({ parent_task_uuid: continueTask(carrier).taskUuid });
  });
});

describe('a part of a task', () => {
  test('is a scope inside that of the carrier, which stays a job itself', async () => {
    const { log, record, attempts, span } = recorded();
    const updater = await sending((carrier) => {
      continueTask(carrier).scope('Part', (part) => {
        notify('In the part');
        part.progress(1, 2);
      });
    });
    expect(await log(updater)).toBe(
      `\t - Send\n\t - Part\n\tIn the part\n${DONE}\t - Send (continued)\n${DONE}\tTask Finished - 1 out of 1 jobs finished\n`,
    );
    expect(await record(updater)).toMatchObject({ state: 'completed', jobs: { total: 2, finished: 2 } });
    const [send] = (await attempts(updater))[0]!.scopes;
    expect(send).toMatchObject({ name: 'Send', heading: false, scopes: [{ name: 'Part', heading: false, progress: 1 }] });
    const [part, sender] = [await span('Part'), await span('Send')];
    expect(part.attributes).toMatchObject({
      'taskspan.span': 'scope', 'taskspan.task.uuid': updater.taskUuid, 'taskspan.task.name': 'Sender', 'taskspan.task.attempt': 1,
      'taskspan.task.span': updater.spanId, 'taskspan.scope.parent': sender.spanContext().spanId, 'taskspan.scope.remote': true,
      'taskspan.worker.id': worker.id,
    });
    expect(part.parentSpanContext!.spanId).toBe(sender.spanContext().spanId);
  });

  test('has scopes inside, and is their heading then', async () => {
    const { log } = recorded();
    const updater = await sending((carrier) =>
      continueTask(carrier).scope('Part', async () => {
        await turn();
        currentUpdater()!.scope('Inside', () => currentUpdater()!.notify('deep'));
      }),
    );
    expect(await log(updater)).toContain(`\t - Part\n\t - Inside\n\tdeep\n${DONE}\t - Send (continued)\n`);
  });

  test('fails by its error, which is rethrown unless suppressException is true', async () => {
    const { log, record } = recorded();
    const error = new RangeError('too far');
    const updater = await sending(async (carrier) => {
      expect(caught(() => continueTask(carrier).scope('Part', () => thrown(error)))).toBe(error);
      expect(continueTask(carrier).scope('Kept', () => thrown(error), { suppressException: true })).toBeUndefined();
      expect((await record(continueTask(carrier).taskUuid!)).exception).toBe('too far');
    });
    expect(await log(updater)).toContain(`\t - Part\n${failedBy('RangeError: too far')}\t - Kept\n${failedBy('RangeError: too far')}`);
    // The task itself has caught the error.
    expect(await record(updater)).toMatchObject({ state: 'completed', exception: '', jobs: { total: 3, failed: 2 } });
  });

  test('reports its error, and a scope of the task that fails by it reports it too, as if the part were in another process', async () => {
    const { log, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'Task' });
    updater.scope('Send', (send) => continueTask(send.carrier()).scope('Part', () => thrown(new RangeError('too far'))));
    updater.insertFinalUpdate();
    const failed = failedBy('RangeError: too far');
    expect(await log(updater)).toBe(`\t - Send\n\t - Part\n${failed}\t - Send (continued)\n${failed}\tTask Finished - 0 out of 1 jobs finished\n`);
    expect(await record(updater)).toMatchObject({ state: 'failed', exception: 'too far', jobs: { total: 2, failed: 2 } });
  });

  test('is ended by its own updater, never the task', async () => {
    const { log, record } = recorded();
    const updater = await sending((carrier) =>
      continueTask(carrier).scope('Part', () => {
        const own = currentUpdater()!;
        expect([own.taskUuid, own.taskName, own.isOpen]).toEqual([continueTask(carrier).taskUuid, 'Sender', true]);
        own.insertFinalUpdate();
        expect(own.isOpen).toBe(false);
      }),
    );
    expect(await log(updater)).toContain(`\t - Part\n${DONE}\t - Send (continued)\n${DONE}\tTask Finished`);
    expect((await record(updater)).state).toBe('completed');
  });

  test('that has ended is named in warnings about later calls, since the task goes on', async () => {
    const warnings = diagnosed();
    const { log } = recorded();
    const updater = await sending((carrier) => {
      for (const name of ['One', 'Two']) {
        continueTask(carrier).scope(name, (part) => {
          currentUpdater()!.insertFinalUpdate();
          notify('too late');
          const late = part.scope('Late', (scope) => scope);
          late?.notify('later still');
        });
      }
    });
    expect(await log(updater)).not.toContain('too late');
    expect(warnings).toEqual(['One', 'Two'].map((name) => `taskspan: notify() after the end of part "${name}" of task ${updater.taskUuid} is dropped`));
  });

  test('sets no result of the task, and reports that', async () => {
    const warnings = diagnosed();
    const { record } = recorded();
    const updater = await sending((carrier) => continueTask(carrier).scope('Part', () => currentUpdater()!.setResult(1)));
    expect((await record(updater)).result).toBeNull();
    expect(warnings.join()).toContain('setResult() in "Part" is dropped');
  });

  test('goes on from part to part', async () => {
    const { attempts } = recorded();
    const updater = await sending((carrier) =>
      continueTask(carrier).scope('One', (one) => continueTask(one.carrier()).scope('Two', () => undefined)),
    );
    expect((await attempts(updater))[0]!.scopes[0]).toMatchObject({ scopes: [{ name: 'One', heading: false, scopes: [{ name: 'Two' }] }] });
  });

  test('is in the trace inside the span that sent it, or the active one', async () => {
    const { span } = recorded();
    await sending(({ taskspan, traceparent }) => {
      const [, traceId = ''] = traceparent!.split('-');
      continueTask({ taskspan, traceparent: `00-${traceId}-00000000000000aa-01` }).scope('Sent', () => undefined);
      const tracer = trace.getTracer('server');
      const server = trace.setSpanContext(context.active(), { traceId, spanId: '00000000000000aa', traceFlags: 1, isRemote: true });
      tracer.startActiveSpan('GET /', {}, server, (handling) => {
        continueTask({ taskspan, traceparent: `00-${traceId}-00000000000000aa-01` }).scope('Handled', () => undefined);
        handling.end();
      });
    });
    expect((await span('Sent')).parentSpanContext!.spanId).toBe('00000000000000aa');
    expect((await span('Handled')).parentSpanContext!.spanId).toBe((await span('GET /')).spanContext().spanId);
    const send = (await span('Send')).spanContext().spanId;
    for (const name of ['Sent', 'Handled']) expect((await span(name)).attributes['taskspan.scope.parent']).toBe(send);
  });

  test('removes secrets by its options', async () => {
    const { log } = recorded();
    const updater = await sending((carrier) =>
      continueTask(carrier).scope('Part', () => notify('secret'), { redact: (text) => text.replaceAll('secret', '***') }),
    );
    expect(await log(updater)).toContain('\t***\n');
  });

  test('that is open at the end of its process is ended with it', async () => {
    const { log } = recorded();
    let part: Scope | undefined;
    const updater = await sending((carrier) => {
      void continueTask(carrier).scope('Part', (scope) => {
        part = scope;
        return new Promise(() => undefined);
      });
      closeLiveTasks({ outcome: 'cancelled', notice: 'Stopped by SIGTERM' });
    });
    expect(part).toBeDefined();
    expect(await log(updater)).toContain('\tStopped by SIGTERM\n\t\tCancelled\n');
  });

  test.each([
    ['a number as name', 5, Boolean, undefined],
    ['no function', 'Part', 5, undefined],
    ['an unknown option', 'Part', () => undefined, { verbose: true }],
    ['a wrong option', 'Part', () => undefined, { suppressException: 1 }],
  ])('is a TypeError with %s', (_what, name, fn, options) => {
    recorded();
    const carrier = new TaskUpdater({ taskName: 'T' }).carrier();
    expect(() => continueTask(carrier).scope(name as string, fn as () => undefined, options as never)).toThrow(TypeError);
  });
});

describe('the next attempt', () => {
  test('has the same UUID and name, the next number, and a link to where the carrier was made', async () => {
    const { log, record, span, spans } = recorded();
    let carrier: Carrier | undefined;
    const updater = await sending((sent) => (carrier = sent));
    const uuid = continueTask(carrier!).nextAttempt((next) => {
      next.notify('Once more');
      return next.taskUuid;
    });
    expect(uuid).toBe(updater.taskUuid);
    expect(await record(uuid)).toMatchObject({ task_name: 'Sender', attempt: 2, state: 'completed', parent_task_uuid: null });
    expect(await log(uuid)).toMatch(/\tTask Finished .*\n\tAttempt 2\n\tOnce more\n\tTask Finished/);
    const [, task] = (await spans()).filter(({ name }) => name === 'Sender');
    const send = (await span('Send')).spanContext();
    expect(task!.links.map(({ context: to }) => [to.traceId, to.spanId])).toEqual([[send.traceId, send.spanId]]);
    expect(task!.spanContext().traceId).not.toBe(send.traceId);
  });

  test('has the number of its options', async () => {
    const { record } = recorded();
    const carrier = new TaskUpdater({ taskName: 'T', attempt: 3 }).carrier();
    const uuid = continueTask(carrier).nextAttempt((next) => next.taskUuid, { attempt: 7 });
    expect(await record(uuid)).toMatchObject({ attempt: 7 });
  });

  test('treats an option that is undefined as one that is absent', async () => {
    const { record } = recorded();
    const carrier = new TaskUpdater({ taskName: 'T', attempt: 3 }).carrier();
    const unset = { attempt: undefined, taskName: undefined, suppressException: undefined } as object;
    const [next, ran] = continueTask(carrier).nextAttempt((updater) => {
      const error = new Error('in a scope');
      return [updater, caught(() => updater.scope('S', () => thrown(error))) === error];
    }, unset);
    expect(ran).toBe(true);
    expect(await record(next)).toMatchObject({ task_name: 'T', attempt: 4, state: 'completed' });
  });

  test('rethrows its error, and fails by it', async () => {
    const { record } = recorded();
    const first = new TaskUpdater({ taskName: 'T' });
    const error = new Error('again');
    expect(caught(() => continueTask(first.carrier()).nextAttempt(() => thrown(error)))).toBe(error);
    expect(await record(first)).toMatchObject({ attempt: 2, state: 'failed', exception: 'again' });
  });

  test('of a child stays a child', async () => {
    const { record } = recorded();
    const parent = runTask('Parent', (updater) => updater);
    const carrier = continueTask(parent.carrier()).child('Child', (child) => child.carrier());
    const uuid = continueTask(carrier).nextAttempt((next) => next.taskUuid);
    expect(await record(uuid)).toMatchObject({ task_name: 'Child', attempt: 2, parent_task_uuid: parent.taskUuid });
  });

  test.each([['a UUID', { taskUuid: '54bf5712-b9ec-11e9-afdd-8c16454a0938' }], ['attempt 0', { attempt: 0 }]])(
    'is a TypeError with %s',
    (_what, options) => {
      recorded();
      const carrier = new TaskUpdater({ taskName: 'T' }).carrier();
      expect(() => continueTask(carrier).nextAttempt(() => undefined, options as never)).toThrow(TypeError);
    },
  );
});

describe('a child task', () => {
  test('rethrows the errors of its scopes if that option is undefined or absent', () => {
    const { taskspan } = new TaskUpdater({ taskName: 'T' }).carrier();
    const error = new Error('in a scope');
    const child = continueTask({ taskspan }).child('Child', (updater) => caught(() => updater.scope('S', () => thrown(error))), {
      suppressException: undefined,
    } as object);
    expect(child).toBe(error);
  });

  test('fails by its error in the log of its parent, which reports the error itself if it fails by it too', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'Parent' });
    updater.scope('Send', (send) => continueTask(send.carrier()).child('Child', () => thrown(new RangeError('no file'))));
    updater.insertFinalUpdate();
    expect((await log(updater)).match(/RangeError: no file/g)).toHaveLength(2);
  });

  test('has a record of its own, and one scope in the log of its parent', async () => {
    const { log, record, span, spans } = recorded();
    let child: string | undefined;
    const parent = await sending((carrier) => {
      child = continueTask(carrier).child('Convert', (updater) => {
        updater.scope('Read', () => notify('Of the child'));
        return updater.taskUuid;
      }, { attributes: { format: 'png' } });
    });
    expect(await record(child!)).toMatchObject({
      task_name: 'Convert', parent_task_uuid: parent.taskUuid, attempt: 1, state: 'completed', attributes: { format: 'png' },
    });
    expect(await log(child!)).toBe(`\t - Read\n\tOf the child\n${DONE}\tTask Finished - 1 out of 1 jobs finished\n`);
    expect(await log(parent)).toBe(
      `\t - Send\n\t - Convert\n${DONE}\t - Send (continued)\n${DONE}\tTask Finished - 1 out of 1 jobs finished\n`,
    );
    const [task] = (await spans()).filter(({ attributes }) => attributes['taskspan.parent.task.uuid'] === parent.taskUuid);
    const [scope] = (await spans()).filter(({ attributes }) => attributes['taskspan.scope.remote'] === true);
    expect(task!.attributes).toMatchObject({
      'taskspan.parent.task.span': parent.spanId, 'taskspan.parent.scope': scope!.spanContext().spanId,
    });
    expect(task!.parentSpanContext!.spanId).toBe(scope!.spanContext().spanId);
    expect(task!.spanContext().traceId).toBe((await span('Send')).spanContext().traceId);
  });

  test.each<[string, (updater: TaskUpdater<boolean>) => unknown, RegExp, string]>([
    ['fails', () => thrown(new RangeError('no file')), /\t - Child\n\t\tFailed\n.*\n.*\nRangeError: no file\n/, 'failed'],
    ['fails later', async () => (await turn(), thrown(new RangeError('no file'))), /\t - Child\n\t\tFailed\n.*\n.*\nRangeError: no file\n/, 'failed'],
    ['fails without throwing', (updater) => updater.fail(new Error('quiet')), /\t - Child\n\t\tFailed\n.*\n.*\nError: quiet\n/, 'failed'],
    [
      'is cancelled',
      (updater) => (cancelLiveTask(updater.taskUuid, updater.spanId), updater.scope('S', () => undefined)),
      /\t - Child\n\t\tCancelled\n/, 'cancelled',
    ],
    ['completes', async () => turn(), /\t - Child\n\t\tSuccessfully completed\n/, 'completed'],
  ])('that %s has that outcome in the log of its parent', async (_how, work, outcome, state) => {
    const { log, record } = recorded();
    let child: string | undefined;
    const parent = await sending(async (carrier) => {
      const running = async (): Promise<void> => {
        await continueTask(carrier).child('Child', (updater) => {
          child = updater.taskUuid;
          return work(updater);
        });
      };
      await running().catch(() => undefined);
    });
    expect(await log(parent)).toMatch(outcome);
    expect((await record(child!)).state).toBe(state);
    expect((await record(parent)).state).toBe('completed');
  });

  test('is not cancelled by a request that its parent has received, nor is the scope that stands for it: a store asks for it too', async () => {
    const { log, record } = recorded();
    let child: string | undefined;
    const parent: TaskUpdater = await sending(async (carrier) => {
      await continueTask(carrier).child('Child', async (updater) => {
        child = updater.taskUuid;
        cancelLiveTask(continueTask(carrier).taskUuid!, /task=(\w+)/.exec(carrier.taskspan)![1]!);
        await turn();
        expect(updater.signal.aborted).toBe(false);
        updater.scope('Inside', () => undefined);
      });
    });
    expect(parent.signal.aborted).toBe(true);
    expect(await log(parent)).toContain(`\t - Child\n${DONE}`);
    expect((await record(child!)).state).toBe('completed');
  });

  test('gives its function\'s value, and throws its very error', async () => {
    recorded();
    const carrier = new TaskUpdater({ taskName: 'T' }).carrier();
    expect(continueTask(carrier).child('C', () => 5)).toBe(5);
    expect(await continueTask(carrier).child('C', async () => 5)).toBe(5);
    const error = new Error('x');
    expect(caught(() => continueTask(carrier).child('C', () => thrown(error)))).toBe(error);
    await expect(continueTask(carrier).child('C', async () => thrown(error))).rejects.toBe(error);
  });

  test.each([
    ['a number as name', 5, Boolean, undefined],
    ['no function', 'C', 5, undefined],
    ['a malformed UUID', 'C', () => undefined, { taskUuid: 'x' }],
    ['a wrong attempt', 'C', () => undefined, { attempt: 0 }],
    ['an unknown option', 'C', () => undefined, { parent: 1 }],
  ])('is a TypeError with %s, and nothing has begun', async (_what, name, fn, options) => {
    const { attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(() => continueTask(updater.carrier()).child(name as string, fn as () => undefined, options as never)).toThrow(TypeError);
    expect((await attempts(updater))[0]!.scopes).toEqual([]);
  });
});

test('without an SDK each way runs', () => {
  const carrier = new TaskUpdater({ taskName: 'T' }).carrier();
  expect(continueTask(carrier).scope('Part', (part) => part.scope('Inside', () => 1))).toBe(1);
  expect(continueTask(carrier).nextAttempt((next) => next.scope('Inside', () => 2))).toBe(2);
  expect(continueTask(carrier).child('Child', (child) => child.scope('Inside', () => 3))).toBe(3);
});

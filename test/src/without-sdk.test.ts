import { context, diag, propagation, trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { currentUpdater, notify, progress, runTask, TaskUpdater } from '../../src/index.ts';
import { exported, recorded } from './support/recorded.ts';
import { capturedStdout } from './support/stdout.ts';
import { caught, thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

/** Runs a task that uses the whole API, and returns what its code saw. */
async function eventful(attempt = 1): Promise<unknown[]> {
  const seen: unknown[] = [];
  const updater = new TaskUpdater({ taskName: 'Eventful', attempt, verbose: true, attributes: { a: 1 } });
  updater.plan(['First', 'Second']);
  updater.notify('Before any scope');
  seen.push(updater.scope('First', () => 1));
  await updater.scope('Second', async (second) => {
    seen.push(currentUpdater() === updater);
    notify('Inside the second\nin two lines');
    progress(1, 2);
    await turn();
    seen.push(currentUpdater() === updater);
    second.scope('Breaks', () => thrown(new RangeError('too far')));
    const parts = ['One', 'Two'].map((name) =>
      updater.scope(name, async () => {
        await turn();
        notify(`Inside ${name}`);
        await turn();
      }),
    );
    await Promise.all(parts);
    for (const item of second.each(['a', 'b'])) seen.push(item);
    throw new TypeError('by itself');
  });
  {
    using block = updater.scope('Block');
    block.notify('In the block');
  }
  updater.setResult(seen);
  seen.push(caught(() => updater.scope('Throws on', () => thrown('text'), { suppressException: false })));
  seen.push(caught(() => updater.raiseLatestException()), updater.isOpen);
  updater.notify('too late');
  return seen;
}

const EVENTFUL = [1, true, true, 'a', 'b', 'text', 'text', false];

describe('without an SDK', () => {
  test('a task runs the same and prints the same as with one', async () => {
    const printed = capturedStdout();
    expect(await eventful()).toEqual(EVENTFUL);
    const bare = printed();

    recorded();
    expect(await eventful()).toEqual(EVENTFUL);
    expect(printed()).toBe(bare + bare);
    expect(bare).toMatch(/^\tBefore any scope\n\t - First\n/);
    expect(bare).toMatch(/\tTask Finished - 3 out of 7 jobs finished\n$/);
  });

  test('runTask returns and throws the same', async () => {
    const error = new Error('no');
    expect(runTask('T', (updater) => updater.scope('Job', () => 42))).toBe(42);
    expect(await runTask('T', async () => turn().then(() => 43))).toBe(43);
    expect(caught(() => runTask('T', () => thrown(error)))).toBe(error);
    const rejected = runTask('T', () => Promise.reject(error));
    expect(await rejected.catch((reason: unknown) => reason)).toBe(error);
  });

  test('a task has no trace', () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(trace.isSpanContextValid({ traceId: updater.traceId, spanId: updater.spanId, traceFlags: 0 })).toBe(false);
    updater.scope('Job', () => expect(trace.getActiveSpan()).toBeUndefined());
  });

  test('a task that is running when an SDK is registered stays unrecorded as a whole', async () => {
    const updater = new TaskUpdater({ taskName: 'Early' });
    const { spans } = recorded();
    updater.scope('Job', () => updater.notify('unheard'));
    updater.complete();
    new TaskUpdater({ taskName: 'Later' }).complete();
    expect((await spans()).map(({ name }) => name)).toEqual(['Later']);
  });
});

describe('verbose', () => {
  test('prints the log, line by line as it happens', async () => {
    const { log } = recorded();
    const printed = capturedStdout();
    const updater = new TaskUpdater({ taskName: 'T', attempt: 2, verbose: true });
    expect(printed()).toBe('\tAttempt 2\n');
    updater.notify('Some notification');
    expect(printed()).toBe('\tAttempt 2\n\tSome notification\n');
    updater.scope('Heading', (heading) => {
      heading.scope('Job', () => thrown(new Error('no')));
      throw new RangeError('own');
    });
    updater.fail(new TypeError('of the task'));
    expect(printed()).toBe(await log(updater));
    expect(printed()).toContain('\t - Heading (continued)\n\t\tFailed\n');
  });

  test('is off by default', async () => {
    const printed = capturedStdout();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => updater.notify('here'));
    updater.complete();
    expect(printed()).toBe('');
  });

  test('names scopes again within one task, not between tasks', () => {
    const printed = capturedStdout();
    const [one, two] = ['One', 'Two'].map((taskName) => new TaskUpdater({ taskName, verbose: true }));
    const scope = one!.scope('Of one');
    two!.scope('Of two', () => undefined);
    scope.notify('here');
    expect(printed()).toBe(
      '\t - Of one\n\t - Of two\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\there\n',
    );
  });
});

describe('with an SDK but without our processor', () => {
  test('spans and events are there all the same', async () => {
    const { spans } = exported();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => updater.notify('here'));
    updater.scope('Breaks', () => thrown(new Error('no')));
    expect(() => updater.raiseLatestException()).toThrow('no');
    const seen = (await spans()).map(({ name, events, attributes }) => [
      name,
      events.map((event) => event.name),
      attributes['taskspan.outcome'],
    ]);
    expect(seen).toEqual([
      ['Job', ['taskspan.notification'], 'completed'],
      ['Breaks', ['exception'], 'failed'],
      ['T', [], 'failed'],
    ]);
  });

  test('that keeps no context, spans have the right parents all the same', async () => {
    const { spans } = exported();
    context.disable();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Outer', () => updater.scope('Inner', () => undefined));
    updater.complete();
    const [inner, outer, task] = await spans();
    expect(inner!.parentSpanContext?.spanId).toBe(outer!.spanContext().spanId);
    expect(outer!.parentSpanContext?.spanId).toBe(task!.spanContext().spanId);
  });

  test('that was shut down meanwhile, the task goes on', async () => {
    const provider = new NodeTracerProvider();
    provider.register();
    onTestFinished(() => {
      trace.disable();
      context.disable();
      propagation.disable();
      diag.disable();
    });
    const updater = new TaskUpdater({ taskName: 'T' });
    await updater.scope('Job', async () => {
      await provider.shutdown();
      updater.notify('after the shutdown');
    });
    expect(updater.scope('Another', () => 42)).toBe(42);
    updater.raiseLatestException();
  });
});

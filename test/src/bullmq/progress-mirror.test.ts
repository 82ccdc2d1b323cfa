import { expect, it } from 'vitest';
import { ProgressMirror } from '../../../src/bullmq/track-job.ts';
import { heldClock } from '../../support/held-clock.ts';
import { diagnosed } from '../support/diagnosed.ts';

/** Updates that wait until a test lets them finish, in the order in which they came. */
function slowUpdates(): { shown: unknown[]; mirror: ProgressMirror; next: () => Promise<void> } {
  const shown: unknown[] = [];
  const waiting: (() => void)[] = [];
  const mirror = new ProgressMirror((progress) => {
    shown.push(progress);
    return new Promise<void>((resolve) => waiting.push(resolve));
  });
  return { shown, mirror, next: async () => {
    waiting.shift()?.();
    await new Promise(setImmediate);
  } };
}

it('while an update is being sent the next one waits, and then has the latest state', async () => {
  const { shown, mirror, next } = slowUpdates();
  for (const share of [0.1, 0.2, 0.3]) mirror.show(share);
  expect(shown).toEqual([10]);
  await next();
  expect(shown).toEqual([10, 30]);
  await next();
  expect(shown).toEqual([10, 30]);
});

it('the last state is sent before the end, even while another update is being sent', () => {
  const { shown, mirror } = slowUpdates();
  mirror.show(0.1);
  mirror.show(1);
  mirror.flush();
  mirror.flush();
  expect(shown).toEqual([10, 100]);
});

it('whole percents are shown, each once, and none for a task that reports no progress', async () => {
  const { shown, mirror, next } = slowUpdates();
  mirror.flush();
  mirror.show(0.29);
  await next();
  mirror.show(0.291);
  mirror.show(0.299_999);
  expect(shown).toEqual([29]);
});

it('while no share is known the scope is shown, at most twice a second, and its last state before the end', async () => {
  const clock = heldClock();
  const { shown, mirror, next } = slowUpdates();
  const scope = (name: string, done: number | null = null, total: number | null = null) => ({ name, done, total });
  mirror.showScope(scope('Read'));
  await next();
  for (let row = 0; row <= 20; row++) mirror.showScope(scope('Write', row, 100));
  await next();
  await clock.pass(499);
  expect(shown).toEqual([scope('Read')]);
  await clock.pass(1);
  expect(shown).toEqual([scope('Read'), scope('Write', 20, 100)]);
  mirror.showScope(scope('Write', 21, 100));
  expect(shown).toHaveLength(2);
  mirror.flush();
  expect(shown).toEqual([scope('Read'), scope('Write', 20, 100), scope('Write', 21, 100)]);
});

it('a share that becomes known replaces the scope at once, and for good', async () => {
  const { shown, mirror, next } = slowUpdates();
  const scope = { name: 'Read', done: null, total: null };
  mirror.showScope(scope);
  await next();
  mirror.show(0);
  mirror.showScope({ ...scope, name: 'Write' });
  await next();
  mirror.flush();
  expect(shown).toEqual([scope, 0]);
});

it('an update that fails, at once or later, is reported once and has no other effect', async () => {
  const warnings = diagnosed();
  const failing = new ProgressMirror(() => Promise.reject(new Error('Missing key for job 1')));
  const throwing = new ProgressMirror(() => {
    throw new Error('not connected');
  });
  for (const share of [0.1, 0.2]) {
    failing.show(share);
    throwing.show(share);
    await new Promise(setImmediate);
  }
  expect(warnings).toEqual([expect.stringContaining('the progress of a job could not be shown')]);
});

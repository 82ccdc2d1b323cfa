import { AsyncLocalStorage } from 'node:async_hooks';
import { runTask } from '../src/index.ts';
import type { TaskUpdater } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';
import { textAt } from './texts.ts';

/**
 * What task code pays where no OpenTelemetry SDK is registered, so that nothing is recorded;
 * bare is a function called in `AsyncLocalStorage.run`.
 */
export function measure(effort: Effort): Promise<Figure[]> {
  return runTask('No SDK', (updater) =>
    updater.scope('Scope', async () => {
      const bare = bareRuns();
      const notify = await measureRounds({ ours: notifications(updater), bare }, { effort });
      const scope = await measureRounds({ ours: scopes(updater), bare }, { effort });
      return [
        figureOf('no SDK: notify(text)', notify, { of: 'ours', most: 100 }),
        figureOf('no SDK: an empty scope', scope, { of: 'ours', most: 700 }),
      ];
    }),
  );
}

const nothing = (): void => undefined;

function notifications(updater: TaskUpdater<false>): Work {
  return (count) => {
    for (let index = 0; index < count; index++) updater.notify(textAt(index));
  };
}

function scopes(updater: TaskUpdater<false>): Work {
  return (count) => {
    for (let index = 0; index < count; index++) updater.scope('Scope', nothing);
  };
}

function bareRuns(): Work {
  const storage = new AsyncLocalStorage<object>();
  const store = {};
  return (count) => {
    for (let index = 0; index < count; index++) storage.run(store, nothing);
  };
}

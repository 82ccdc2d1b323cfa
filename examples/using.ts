/**
 * Scopes and tasks closed by `using`, JavaScript's context manager. Disposal can't see an error,
 * so `complete()` marks success: a scope or task that is left without it has failed. `using` needs
 * Node.js 24 or a compiler.
 *
 * Nothing is recorded here; the log is printed all the same.
 */
import { TaskUpdater } from 'taskspan';

for (const photo of ['a photo', '']) {
  try {
    convert(photo);
  } catch (error) {
    console.log(`The caller gets ${String(error)}`);
  }
}

function convert(photo: string): void {
  using updater = new TaskUpdater({ taskName: 'Convert a photo', verbose: true });
  {
    using scope = updater.scope('Shrink');
    if (photo === '') throw new RangeError('there is no photo');
    scope.notify(`Shrank ${photo}`);
    scope.complete();
  }
  updater.complete();
}

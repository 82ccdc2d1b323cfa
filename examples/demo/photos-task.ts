import { runTask } from 'taskspan';
import type { Sleep } from './sleep.ts';

const PHOTOS: readonly number[] = Array.from({ length: 72 }, (_, at) => at + 1);

/** A long job that can be cancelled at any time; it then cleans up before it ends. */
export async function resizePhotos(sleep: Sleep): Promise<void> {
  await runTask('Resize photos', async (updater) => {
    updater.plan({ 'Open the album': 1, 'Resize': 36 });
    await updater.scope('Open the album', async (scope) => {
      await sleep(2, updater.signal);
      scope.notify(`${PHOTOS.length} photos. Cancel this task whenever you like.`);
    });
    await updater.scope('Resize', async (scope) => {
      try {
        for (const photo of scope.each(PHOTOS)) {
          await sleep(1, updater.signal);
          if (photo % 12 === 0) scope.notify(`${photo} photos are done`);
        }
      } finally {
        if (updater.signal.aborted) {
          scope.notify('Removing the photo that is half done');
          await sleep(2);
        }
      }
    });
  });
}

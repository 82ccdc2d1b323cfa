import { held } from './stop-signal.ts';
import type { SourcePlace } from './options.ts';
import type { TaskSource } from './source/task-source.ts';

/** Opens where the tasks are, for as long as something is done with them. */
export async function withSource<T>(place: SourcePlace, use: (source: TaskSource) => Promise<T>): Promise<T> {
  const { openSource } = await import('./source/open-source.ts');
  const source = await openSource(place);
  try {
    return await held(use(source));
  } finally {
    await source.close();
  }
}

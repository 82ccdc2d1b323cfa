import { setTimeout } from 'node:timers/promises';
import { UnavailableError } from '../command-error.ts';
import type { TaskEvent, TaskSource } from './task-source.ts';

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Told each time that the connection breaks off or can't be had again. */
  readonly onTrouble: (error: UnavailableError) => void;
}

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;

/**
 * What happens to a task until it has ended or the signal is aborted. A connection that breaks off
 * is made again, however long that takes, and goes on where it was; the first one must succeed.
 */
export async function* followTask(
  source: TaskSource,
  uuid: string,
  { signal, onTrouble }: FollowOptions,
): AsyncGenerator<TaskEvent, void> {
  let after: string | undefined;
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, LONGEST_DELAY_MS)) {
    try {
      for await (const event of source.events(uuid, { signal, ...(after !== undefined && { after }) })) {
        delay = FIRST_DELAY_MS;
        if ('id' in event && event.id !== '') after = event.id;
        yield event;
        if (event.event === 'end') return;
      }
      onTrouble(new UnavailableError(`${source.name} has closed the connection`));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UnavailableError) || after === undefined) throw error;
      onTrouble(error);
    }
    try {
      await setTimeout(delay, undefined, { signal });
    } catch {
      // The signal: nobody waits for it any more.
      return;
    }
  }
}

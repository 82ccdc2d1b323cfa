import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { vi } from 'vitest';
import type { Recorded } from './recorded.ts';

/** The one ended span of this name, while time is faked: the exporter in memory takes a timer. */
export async function spanInFakeTime(recording: Recorded, name: string): Promise<ReadableSpan> {
  await vi.advanceTimersByTimeAsync(0);
  return recording.span(name);
}

/** The progress events of a span, as `done/total` or `done`. */
export function progressEvents(span: ReadableSpan): string[] {
  return span.events
    .filter(({ name }) => name === 'taskspan.progress')
    .map(({ attributes }) => {
      const { 'taskspan.done': done, 'taskspan.total': total } = attributes ?? {};
      return total === undefined ? `${String(done)}` : `${String(done)}/${String(total)}`;
    });
}

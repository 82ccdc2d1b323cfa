import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';

/** The progress events of a span, as `done/total` or `done`. */
export function progressEvents(span: ReadableSpan): string[] {
  return span.events
    .filter(({ name }) => name === 'taskspan.progress')
    .map(({ attributes }) => {
      const { 'taskspan.done': done, 'taskspan.total': total } = attributes ?? {};
      return total === undefined ? String(done) : `${String(done)}/${String(total)}`;
    });
}

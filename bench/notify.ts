import { trace } from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import { MESSAGE, NOTIFICATION_EVENT, SEQ } from '../src/conventions.ts';
import { runTask } from '../src/index.ts';
import type { TaskUpdater } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { withTaskspan } from './fresh-taskspan.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';
import { textAt } from './texts.ts';

const TARGET = { of: 'ratio', most: 1.7 } as const;

/** How many notifications come at once where a collector has time between them. */
const BURST = 1000;

/** What the caller of `notify` waits, against a bare `addEvent` on a span of the same provider. */
export function measure(effort: Effort): Promise<Figure[]> {
  return withTaskspan((taskspan) =>
    runTask('Notify', (updater) =>
      updater.scope('Scope', async () => {
        const span = trace.getTracer('bench').startSpan('Bare');
        const options = { effort, settle: () => taskspan.flush() };
        const plain = { ours: notifications(updater), bare: events(span) };
        const detailed = { ours: detailedNotifications(updater), bare: detailedEvents(span) };
        return [
          figureOf('notify(text)', await measureRounds(plain, options), TARGET),
          figureOf('notify(text, { a, b })', await measureRounds(detailed, options)),
          figureOf(
            `notify(text), ${BURST} at once`,
            await measureRounds(plain, { ...options, burst: BURST, count: effort.quick ? 20_000 : 100_000 }),
            TARGET,
          ),
        ];
      }),
    ),
  );
}

function notifications(updater: TaskUpdater<false>): Work {
  return (count) => {
    for (let index = 0; index < count; index++) updater.notify(textAt(index));
  };
}

function events(span: Span): Work {
  let seq = 0;
  return (count) => {
    for (let index = 0; index < count; index++) {
      span.addEvent(NOTIFICATION_EVENT, { [MESSAGE]: textAt(index), [SEQ]: ++seq }, Date.now());
    }
  };
}

function detailedNotifications(updater: TaskUpdater<false>): Work {
  return (count) => {
    for (let index = 0; index < count; index++) updater.notify(textAt(index), { a: 1, b: 'x' });
  };
}

function detailedEvents(span: Span): Work {
  let seq = 0;
  return (count) => {
    for (let index = 0; index < count; index++) {
      span.addEvent(NOTIFICATION_EVENT, { a: 1, b: 'x', [MESSAGE]: textAt(index), [SEQ]: ++seq }, Date.now());
    }
  };
}

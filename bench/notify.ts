import { setTimeout as delay } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { AlwaysOffSampler, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Span } from '@opentelemetry/api';
import { NOTIFICATION_EVENT } from '../src/conventions.ts';
import type { Taskspan } from '../collector/index.ts';
import { runTask } from '../src/index.ts';
import type { TaskUpdater } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { withTaskspan } from './fresh-taskspan.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';
import { freshTextAt, textAt } from './texts.ts';

const TARGET = { of: 'ratio', most: 1.4 } as const;

/** Four tenths of a notification that is sampled. */
const SAMPLED_OUT = { of: 'ratio', most: 0.56 } as const;

/** How many notifications come at once where a collector has time between them. */
const BURST = 1000;

/** What the caller of `notify` waits, against a bare `addEvent` on a span of the same provider. */
export async function measure(effort: Effort): Promise<Figure[]> {
  return [...(await measureSampled(effort)), await measureSampledOut(effort)];
}

/** Where the sampler drops the trace there is no copy on a span: the record has the notification all the same. */
function measureSampledOut(effort: Effort): Promise<Figure> {
  const bare = new NodeTracerProvider().getTracer('bench').startSpan('Bare');
  return withTaskspan(
    (taskspan) =>
      runTask('Notify', async (updater) => {
        const work = { ours: notifications(updater, textAt), bare: events(bare, textAt) };
        return figureOf('notify(text), sampled out', await measureRounds(work, { effort, settle: () => taskspan.flush() }), SAMPLED_OUT);
      }),
    { sampler: new AlwaysOffSampler() },
  );
}

function measureSampled(effort: Effort): Promise<Figure[]> {
  return withTaskspan((taskspan) =>
    runTask('Notify', (updater) =>
      updater.scope('Scope', async () => {
        const span = trace.getTracer('bench').startSpan('Bare');
        const options = { effort, settle: () => taskspan.flush() };
        const plain = { ours: notifications(updater, textAt), bare: events(span, textAt) };
        const fresh = { ours: notifications(updater, freshTextAt), bare: events(span, freshTextAt) };
        const detailed = { ours: detailedNotifications(updater), bare: detailedEvents(span) };
        return [
          figureOf('notify(text)', await measureRounds(plain, options), TARGET),
          figureOf('notify(`a text made of ${parts}`)', await measureRounds(fresh, options)),
          figureOf('notify(text, { a, b })', await measureRounds(detailed, options)),
          figureOf(
            `notify(text), ${BURST} at once`,
            await measureRounds(plain, { effort, settle: () => rest(taskspan), burst: BURST, count: effort.quick ? 20_000 : 100_000 }),
            TARGET,
          ),
        ];
      }),
    ),
  );
}

function notifications(updater: TaskUpdater<false>, text: (index: number) => string): Work {
  return (count) => {
    for (let index = 0; index < count; index++) updater.notify(text(index));
  };
}

function events(span: Span, text: (index: number) => string): Work {
  let seq = 0;
  return (count) => {
    for (let index = 0; index < count; index++) {
      span.addEvent(NOTIFICATION_EVENT, { 'taskspan.message': text(index), 'taskspan.seq': ++seq }, Date.now());
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
      span.addEvent(NOTIFICATION_EVENT, { a: 1, b: 'x', 'taskspan.message': textAt(index), 'taskspan.seq': ++seq }, Date.now());
    }
  };
}

/** Before a burst of either side: a processor that has just had nothing to do is slower at first. */
async function rest(taskspan: Taskspan): Promise<void> {
  await taskspan.flush();
  await delay(5);
}

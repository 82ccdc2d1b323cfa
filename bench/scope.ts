import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Tracer } from '@opentelemetry/api';
import { runTask } from '../src/index.ts';
import type { TaskUpdater } from '../src/index.ts';
import { bareAttributes } from './bare-attributes.ts';
import type { Figure } from './figure.ts';
import { withTaskspan } from './fresh-taskspan.ts';
import { figureOf, measureRounds } from './rounds.ts';
import type { Effort, Work } from './rounds.ts';

const TARGET = { of: 'ratio', most: 1.35 } as const;

/**
 * An empty scope, and an empty task, against a bare active span with the attributes of a scope: of a provider of its own,
 * since taskspan's processor would take it for a scope.
 */
export function measure(effort: Effort): Promise<Figure[]> {
  return withTaskspan((taskspan) =>
    runTask('Scope', async (updater) => {
      const tracer = new NodeTracerProvider().getTracer('bench');
      const options = { effort, settle: () => taskspan.flush() };
      const sync = { ours: scopes(updater), bare: spans(tracer) };
      const async = { ours: asyncScopes(updater), bare: asyncSpans(tracer) };
      return [
        figureOf('an empty scope, sync', await measureRounds(sync, options), TARGET),
        figureOf('an empty scope, async', await measureRounds(async, options), TARGET),
        figureOf('an empty task', await measureRounds({ ours: tasks, bare: sync.bare }, options)),
      ];
    }),
  );
}

const nothing = (): void => undefined;
const nothingAsync = async (): Promise<void> => undefined;

const tasks: Work = (count) => {
  for (let index = 0; index < count; index++) runTask('Task', nothing, { attributes: { tenant: 'one' } });
};

function scopes(updater: TaskUpdater<false>): Work {
  return (count) => {
    for (let index = 0; index < count; index++) updater.scope('Scope', nothing);
  };
}

function spans(tracer: Tracer): Work {
  return (count) => {
    for (let index = 0; index < count; index++) {
      tracer.startActiveSpan('Scope', { attributes: bareAttributes() }, (span) => {
        nothing();
        span.end();
      });
    }
  };
}

function asyncScopes(updater: TaskUpdater<false>): Work {
  return async (count) => {
    for (let index = 0; index < count; index++) await updater.scope('Scope', nothingAsync);
  };
}

function asyncSpans(tracer: Tracer): Work {
  return async (count) => {
    for (let index = 0; index < count; index++) {
      await tracer.startActiveSpan('Scope', { attributes: bareAttributes() }, async (span) => {
        await nothingAsync();
        span.end();
      });
    }
  };
}

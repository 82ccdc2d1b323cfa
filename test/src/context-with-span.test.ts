import { createContextKey, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { Context, Span } from '@opentelemetry/api';
import { array, assert, constant, constantFrom, integer, oneof, property, tuple } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { expect, test } from 'vitest';
import { ContextWithSpan } from '../../src/open-span.ts';

const KEYS = ['baggage', 'locale', 'user'].map((name) => createContextKey(name));
const SPANS = ['1111111111111111', '2222222222222222'].map((spanId) =>
  trace.wrapSpanContext({ traceId: '0123456789abcdef0123456789abcdef', spanId, traceFlags: 1 }),
);

type WithSpan = (context: Context, span: Span) => Context;
type Step = (context: Context, withSpan: WithSpan) => Context;

const key = constantFrom(...KEYS);
const span = constantFrom(...SPANS);
const step: Arbitrary<Step> = oneof(
  tuple(key, integer()).map(([of, value]): Step => (context) => context.setValue(of, value)),
  key.map((of): Step => (context) => context.deleteValue(of)),
  span.map((active): Step => (context) => trace.setSpan(context, active)),
  constant<Step>((context) => trace.deleteSpan(context)),
  span.map((active): Step => (context, withSpan) => withSpan(context, active)),
);

test('a context with a span is what trace.setSpan gives, whatever is set and deleted before and after', () => {
  assert(
    property(array(step, { maxLength: 12 }), (steps) => {
      const after = (withSpan: WithSpan): Context => {
        let context = ROOT_CONTEXT;
        for (const take of steps) context = take(context, withSpan);
        return context;
      };
      const ours = after((context, active) => new ContextWithSpan(context, active));
      expect(seen(ours)).toEqual(seen(after((context, active) => trace.setSpan(context, active))));
    }),
    { numRuns: 2000 },
  );
});

test('it leaves the context that it was made of as it was', () => {
  const outer = new ContextWithSpan(ROOT_CONTEXT, SPANS[0]!);
  const inner = new ContextWithSpan(outer, SPANS[1]!);
  inner.setValue(KEYS[0]!, 1);
  trace.deleteSpan(inner);
  expect(trace.getSpan(inner)).toBe(SPANS[1]);
  expect(trace.getSpan(outer)).toBe(SPANS[0]);
  expect(inner.getValue(KEYS[0]!)).toBeUndefined();
});

function seen(context: Context): unknown[] {
  return [trace.getSpan(context)?.spanContext().spanId, ...KEYS.map((of) => context.getValue(of))];
}

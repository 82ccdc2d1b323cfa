import { TraceFlags } from '@opentelemetry/api';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { carriedTaskOf, carriedText, carriedBy } from '../../src/carrier.ts';
import type { CarriedTask } from '../../src/carrier.ts';
import { carrierEnv, TaskUpdater } from '../../src/index.ts';
import type { Carrier, CarrierSource } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const TASKSPAN = `uuid=${UUID};attempt=2;name=Import%20customers;task=5ebae16bbb7be9ef;scope=00-${TRACE}-${SPAN}-01`;

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: digits, maxLength: digits }).filter((id) => /[^0]/.test(id));

const anyCarried: fc.Arbitrary<CarriedTask> = fc.record(
  {
    taskUuid: fc.uuid(),
    taskName: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((name) => name.trim() !== ''),
    attempt: fc.nat(999_999_999_999_999),
    parentTaskUuid: fc.uuid(),
    scope: fc.record({
      taskSpanId: hex(16),
      isInTrace: fc.boolean(),
      spanContext: fc.record({
        traceId: hex(32), spanId: hex(16), traceFlags: fc.nat(255), isRemote: fc.constant(true),
      }),
    }),
  },
  { requiredKeys: ['taskUuid', 'taskName', 'attempt'] },
);

describe('the text of a carrier', () => {
  test('is read as it was written, whatever the names', () => {
    fc.assert(
      fc.property(anyCarried, (carried) => {
        expect(carriedTaskOf(carriedText(carried))).toEqual(carried);
      }),
    );
  });

  test('fits any header: visible ASCII without commas and quotes', () => {
    fc.assert(
      fc.property(anyCarried, (carried) => {
        expect(carriedText(carried)).toMatch(/^[!#-+\--~]+$/);
      }),
    );
  });

  test('is not parsed if it is longer than any header', () => {
    const padded = (length: number): string => `${TASKSPAN};later=`.padEnd(length, ';');
    expect(carriedTaskOf(padded(16_384))).toEqual(carriedTaskOf(TASKSPAN));
    expect(carriedTaskOf(padded(16_385))).toBeUndefined();
  });

  test('parses to a task or undefined, and never throws', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(anyCarried, fc.nat(), fc.string({ maxLength: 3 })).map(([carried, at, text]) => {
        const whole = carriedText(carried);
        return whole.slice(0, at % whole.length) + text + whole.slice((at % whole.length) + 1);
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const carried = carriedTaskOf(text);
        if (carried !== undefined) expect(carriedTaskOf(carriedText(carried))).toEqual(carried);
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['no UUID', 'uuid=1;attempt=1;name=T'],
    ['no name', `uuid=${UUID};attempt=1;name=`],
    ['a blank name', `uuid=${UUID};attempt=1;name=%20`],
    ['a name that is not encoded well', `uuid=${UUID};attempt=1;name=%E0%A4%A`],
    ['no number', `uuid=${UUID};attempt=first;name=T`],
    ['a negative number', `uuid=${UUID};attempt=-1;name=T`],
    ['a parent that is no UUID', `uuid=${UUID};attempt=1;name=T;parent=x`],
    ['a task span without a scope', `uuid=${UUID};attempt=1;name=T;task=5ebae16bbb7be9ef`],
    ['a scope without a task span', `uuid=${UUID};attempt=1;name=T;scope=00-${TRACE}-${SPAN}-01`],
    ['a scope of zeros', `uuid=${UUID};attempt=1;name=T;task=5ebae16bbb7be9ef;scope=00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a task span of zeros', `uuid=${UUID};attempt=1;name=T;task=${'0'.repeat(16)};scope=00-${TRACE}-${SPAN}-01`],
  ])('is none with %s', (_what, text) => {
    expect(carriedTaskOf(text)).toBeUndefined();
  });

  test('may have keys of a later version', () => {
    expect(carriedTaskOf(`v=2;${TASKSPAN};more=1`)).toEqual(carriedTaskOf(TASKSPAN));
  });
});

describe('a carrier', () => {
  test('has the span of its scope as W3C Trace Context, and the task', async () => {
    const { span } = recorded();
    const updater = new TaskUpdater({ taskName: 'Import customers', taskUuid: UUID, attempt: 2 });
    const carrier = updater.scope('Read', (scope) => scope.carrier());
    updater.insertFinalUpdate();
    const { traceId, spanId } = (await span('Read')).spanContext();
    const scope = `00-${traceId}-${spanId}-01`;
    expect(carrier).toEqual({
      traceparent: scope,
      taskspan: `uuid=${UUID};attempt=2;name=Import%20customers;task=${updater.spanId};scope=${scope}`,
    });
    expect(JSON.parse(JSON.stringify(carrier))).toEqual(carrier);
  });

  test('of the updater is that of the innermost scope, and outside any that of the task', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(updater.carrier().traceparent).toBe(`00-${updater.traceId}-${updater.spanId}-01`);
    updater.scope('Outer', () => {
      updater.scope('Inner', (inner) => expect(updater.carrier()).toEqual(inner.carrier()));
    });
    updater.insertFinalUpdate();
  });

  test('has the trace state where there is one', () => {
    recorded();
    const carried = carriedBy({ taskspan: TASKSPAN, traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=a' })!;
    expect(carried.scope!.spanContext.traceState!.get('vendor')).toBe('a');
  });

  test('has the task alone where there is no SDK', () => {
    const updater = new TaskUpdater({ taskName: 'Añadir', taskUuid: UUID });
    expect(updater.scope('S', (scope) => scope.carrier())).toEqual({ taskspan: `uuid=${UUID};attempt=1;name=A%C3%B1adir` });
  });
});

describe('a carrier is read', () => {
  const sent = { traceparent: `00-${TRACE}-${SPAN}-01`, taskspan: TASKSPAN };
  const env = { PATH: '/bin', ...carrierEnv(sent) };
  test.each<[string, CarrierSource]>([
    ['as it is', sent],
    ['from JSON', JSON.parse(JSON.stringify(sent)) as Carrier],
    ['from headers of a request', new Headers({ ...sent })],
    ['from headers as Node.js has them', { host: 'localhost', traceparent: sent.traceparent, taskspan: [sent.taskspan] }],
    ['from names in any case', { Traceparent: sent.traceparent, TaskSpan: sent.taskspan }],
    ['from a map', new Map(Object.entries(sent))],
    ['from an environment', env],
  ])('%s', (_where, source) => {
    expect(carriedBy(source)).toEqual(carriedTaskOf(TASKSPAN));
  });

  test('with the span that sent it, if a client has added its own to the trace', () => {
    const carried = carriedBy({ ...sent, traceparent: `00-${TRACE}-00000000000000aa-01` })!;
    expect(carried.scope!.spanContext.spanId).toBe(SPAN);
    expect(carried.scope!.sender).toEqual({
      traceId: TRACE, spanId: '00000000000000aa', traceFlags: TraceFlags.SAMPLED, isRemote: true,
    });
  });

  test.each([`00-${'a'.repeat(32)}-${SPAN}-01`, 'rubbish', ''])('without a traceparent of another trace, or a malformed one: %j', (traceparent) => {
    expect(carriedBy({ ...sent, traceparent })).toEqual(carriedTaskOf(TASKSPAN));
  });
});

describe('a carrier for an environment', () => {
  test('removes inherited values that it does not have', () => {
    const inherited = { TRACEPARENT: `00-${TRACE}-${SPAN}-01`, TRACESTATE: 'vendor=a', TASKSPAN: 'x' };
    const updater = new TaskUpdater({ taskName: 'T', taskUuid: UUID });
    expect({ ...inherited, ...carrierEnv(updater.carrier()) }).toEqual({
      TRACEPARENT: undefined, TRACESTATE: undefined, TASKSPAN: `uuid=${UUID};attempt=1;name=T`,
    });
  });

  test.each([[undefined], [null], ['x'], [{}]])('is made only from a carrier, not from %j', (value) => {
    expect(() => carrierEnv(value as never)).toThrow(TypeError);
  });
});

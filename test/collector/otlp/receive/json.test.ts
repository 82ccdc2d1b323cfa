import { expect, it } from 'vitest';
import { readJsonLogs, readJsonTraces } from '../../../../collector/otlp/receive/json.ts';
import { Received } from '../../../../collector/otlp/receive/otlp-items.ts';
import { UUID } from '../../record/scripted-task.ts';

/** In the shape of OTLP's example `trace.json`: numbers as numbers, ids in upper case, fields of the scope that are not needed. */
function traces(span: Record<string, unknown>): unknown {
  return {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'my.service' } }] },
        scopeSpans: [
          {
            scope: { name: 'my.library', version: '1.0.0', attributes: [{ key: 'my.scope.attribute', value: { stringValue: 'some' } }] },
            spans: [
              {
                traceId: '5B8EFFF798038103D269B633813FC60C',
                spanId: 'EEE19B7EC3C1B174',
                parentSpanId: 'EEE19B7EC3C1B173',
                name: "I'm a server span",
                startTimeUnixNano: 1544712660000000000,
                endTimeUnixNano: 1544712661000000000,
                kind: 2,
                ...span,
              },
            ],
          },
        ],
      },
    ],
  };
}

const OWN = [{ key: 'my.span.attr', value: { stringValue: 'some value' } }];
const TASK = [
  { key: 'taskspan.span', value: { stringValue: 'task' } },
  { key: 'taskspan.task.uuid', value: { stringValue: UUID.toUpperCase() } },
  { key: 'taskspan.task.attempt', value: { intValue: '2' } },
];

function readTraces(span: Record<string, unknown>): Received {
  return readJsonTraces(Buffer.from(JSON.stringify(traces(span))));
}

it('a span in the form of OTLP\'s example is accepted and of no task', () => {
  expect(readTraces({ attributes: OWN })).toEqual(new Received());
});

it('the same span with the contract\'s attributes is a task, its ids in lower case', () => {
  const { facts, rejected } = readTraces({ attributes: [...TASK, ...OWN] });
  expect(rejected).toBe(0);
  expect(facts).toMatchObject([
    {
      kind: 'task-start', seq: 0, time: 1_544_712_660_000_000, attempt: 2, name: "I'm a server span", attributes: {},
      span: { taskUuid: UUID, traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', taskSpanId: 'eee19b7ec3c1b174' },
    },
    { kind: 'task-end', seq: 1, time: 1_544_712_661_000_000, duration: 1_000_000, outcome: 'completed', attributes: { 'my.span.attr': 'some value' } },
  ]);
});

it('times as strings are exact to the microsecond', () => {
  const { facts } = readTraces({ attributes: TASK, startTimeUnixNano: '1544712660300001999', endTimeUnixNano: '1544712660300002000' });
  expect(facts.map(({ time }) => time)).toEqual([1_544_712_660_300_001, 1_544_712_660_300_002]);
});

it('a status is read by number and by name', () => {
  for (const code of [2, 'STATUS_CODE_ERROR', '2']) {
    const { facts } = readTraces({ attributes: TASK, status: { code, message: 'no rows' } });
    expect(facts.at(-1)).toMatchObject({ kind: 'task-end', outcome: 'failed' });
  }
  expect(readTraces({ attributes: TASK, status: { code: 'STATUS_CODE_OK' } }).facts.at(-1)).toMatchObject({ outcome: 'completed' });
});

it.each([
  [{ traceId: '0'.repeat(32) }, /^expected a trace id of 16 bytes/],
  [{ spanId: 'EEE1' }, /^expected a trace id of 16 bytes/],
  [{ spanId: 'not hex at all..' }, /^expected a trace id of 16 bytes/],
  [{ startTimeUnixNano: 'yesterday' }, /^span eee19b7ec3c1b174: expected a start and an end/],
  [{ endTimeUnixNano: undefined }, /^span eee19b7ec3c1b174: expected a start and an end/],
  [{ endTimeUnixNano: '18446744073709551615' }, /^span eee19b7ec3c1b174: expected a start and an end/],
  [{ attributes: TASK.slice(0, 1) }, /^span eee19b7ec3c1b174: expected taskspan.task.uuid to be a UUID, got none$/],
])('a task with %j is rejected', (span, message) => {
  const { facts, rejected, message: reason } = readTraces({ attributes: TASK, ...span });
  expect([facts, rejected, reason]).toEqual([[], 1, expect.stringMatching(message)]);
});

it('the end of a dead task that another server sent is ignored', () => {
  const lost = { key: 'taskspan.outcome', value: { stringValue: 'lost' } };
  expect(readTraces({ attributes: [...TASK, lost] })).toEqual(new Received());
});

it('attributes of all kinds are read, also those that look like the parts of an object', () => {
  const attributes = [
    ...TASK,
    { key: 'flag', value: { boolValue: false } },
    { key: 'int', value: { intValue: 10 } },
    { key: 'double', value: { doubleValue: 637.704 } },
    { key: 'not a number', value: { doubleValue: 'NaN' } },
    { key: 'list', value: { arrayValue: { values: [{ stringValue: 'many' }, {}, { intValue: '7' }] } } },
    { key: 'map', value: { kvlistValue: { values: [{ key: 'some', value: { stringValue: 'value' } }] } } },
    { key: 'bytes', value: { bytesValue: 'aGVsbG8' } },
    { key: 'empty', value: {} },
    { key: 'nothing' },
    { key: '__proto__', value: { stringValue: 'own' } },
    { key: 'constructor', value: { stringValue: 'own too' } },
  ];
  const [, end] = readTraces({ attributes }).facts;
  const received = end?.kind === 'task-end' ? end.attributes! : {};
  expect(Object.entries(received)).toEqual([
    ['flag', false], ['int', 10], ['double', 637.704], ['not a number', 'NaN'], ['list', '["many",null,7]'],
    ['map', '{"some":"value"}'], ['bytes', 'aGVsbG8='], ['empty', null], ['nothing', null], ['__proto__', 'own'], ['constructor', 'own too'],
  ]);
  expect(Object.getPrototypeOf(received)).toBe(Object.prototype);
});

it('integers of 64 bits are exact, as numbers and as strings; as text where no number holds them', () => {
  const given = ['1234567890123456789', '-9223372036854775808', '9007199254740991', '-9007199254740992', '42', '-0'];
  const kept = ['1234567890123456789', '-9223372036854775808', 9_007_199_254_740_991, '-9007199254740992', 42, -0];
  for (const quote of ['"', '']) {
    const pairs = given.map((digits, at) => `{"key":"k${at}","value":{"intValue": ${quote}${digits}${quote}}}`);
    const body = JSON.stringify(traces({ attributes: [...TASK, 'HERE'], name: '"intValue": 1234567890123456789' }));
    const [start, end] = readJsonTraces(Buffer.from(body.replace('"HERE"', pairs.join()))).facts;
    expect(start).toMatchObject({ name: '"intValue": 1234567890123456789' });
    expect(end?.kind === 'task-end' && Object.values(end.attributes!)).toEqual(kept);
  }
});

it('times as numbers are exact to the microsecond', () => {
  const body = JSON.stringify(traces({ attributes: TASK })).replace('1544712660000000000', '1544712660300001999');
  expect(readJsonTraces(Buffer.from(body)).facts[0]!.time).toBe(1_544_712_660_300_001);
});

it('a log record in the form of OTLP\'s example is accepted and ignored, and so is one of a later contract', () => {
  const record = {
    timeUnixNano: 1544712660300000000, observedTimeUnixNano: 1544712660300000000, severityNumber: 10, severityText: 'Information',
    traceId: '5B8EFFF798038103D269B633813FC60C', spanId: 'EEE19B7EC3C1B174', body: { stringValue: 'Example log record' }, attributes: OWN,
  };
  const later = { ...record, eventName: 'taskspan.later', attributes: TASK };
  const body = { resourceLogs: [{ scopeLogs: [{ logRecords: [record, later] }] }] };
  expect(readJsonLogs(Buffer.from(JSON.stringify(body)))).toEqual(new Received());
});

it.each([
  ['5', /^expected a JSON object, got 5$/],
  ['{"resourceSpans":7}', /^resourceSpans: expected a list, got 7$/],
  ['{"resourceSpans":[null]}', /^resourceSpans: expected objects, got null$/],
  ['{"resourceSpans":[{"scopeSpans":[{"spans":["x"]}]}]}', /^spans: expected objects, got "x"$/],
  ['{"resourceSpans":[', /^no JSON$/],
  [JSON.stringify(traces({ attributes: [...TASK, { key: 'k', value: { stringValue: 5 } }] })), /^stringValue: got 5$/],
  [JSON.stringify(traces({ attributes: [...TASK, { key: 'k', value: { intValue: 1.5 } }] })), /^intValue: got 1.5$/],
  [JSON.stringify(traces({ attributes: [...TASK, { key: 'k', value: { arrayValue: [] } }] })), /^arrayValue: expected objects, got \[\]$/],
  [JSON.stringify(traces({ attributes: [...TASK, { key: 'k', value: 'text' }] })), /^value: expected an object, got "text"$/],
])('%s is malformed', (text, message) => {
  expect(() => readJsonTraces(Buffer.from(text))).toThrow(message);
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factOf, logRecordOf } from '../../../../collector/facts/log-record.ts';
import { logRequest, partialSuccessOf } from '../../../../collector/otlp/send/logs-endpoint.ts';
import { beatRecordOf } from '../../../../collector/otlp/send/otlp-sink.ts';
import { anyFact } from '../../capture/arbitrary-fact.ts';
import { decodeLogs } from '../receive/decoded-logs.ts';

describe('a request for /v1/logs', () => {
  it('has any facts, whole and in their order', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { minLength: 1, maxLength: 5 }), (facts) => {
        // Half of a surrogate pair has no UTF-8.
        const records = (JSON.parse(JSON.stringify(facts).replaceAll(/\\ud[89a-f][0-9a-f]{2}/gi, '?')) as typeof facts).map(logRecordOf);
        const [{ records: decoded } = { records: [] }] = decodeLogs(logRequest({}, records));
        expect(decoded.map(factOf)).toEqual(records.map(factOf));
      }),
    );
  });

  it('has times to the nanosecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000_000 }), (time) => {
        const record = { eventName: 'e', traceId: '', spanId: '', time, attributes: {}, sampled: false };
        expect(decodeLogs(logRequest({}, [record]))[0]?.records[0]?.nanos).toBe(BigInt(time) * 1000n);
      }),
    );
  });

  it('names the resource, the instrumentation and each attribute by its type', () => {
    const attributes = { text: 'héllo 🎉', whole: 2 ** 53 - 1, negative: -7, half: 0.5, yes: true, no: false, list: ['a', 'b'], none: [] };
    const record = { eventName: 'e', traceId: '0a'.repeat(16), spanId: '0b'.repeat(8), time: 1_767_323_045_000_001, attributes, sampled: true };
    const [decoded] = decodeLogs(logRequest({ 'service.name': 'imports', 'process.pid': 42 }, [record]));
    expect(decoded).toMatchObject({
      resource: { 'service.name': 'imports', 'process.pid': 42 },
      scope: ['taskspan', expect.stringMatching(/^\d+\.\d+\.\d+$/)],
      records: [{ ...record, flags: 1 }],
    });
  });

  it('has a heartbeat without ids, and for how long the event loop has been blocked', () => {
    const beat = { workerId: 'w', host: 'here', pid: 7, intervalMs: 5000, time: 1_767_323_045_000_000, busySince: 1_767_323_042_500_000 };
    const [decoded] = decodeLogs(logRequest({}, [beatRecordOf(beat), beatRecordOf({ ...beat, busySince: null })]));
    const attributes = { 'taskspan.worker.id': 'w', 'taskspan.worker.interval_ms': 5000, 'host.name': 'here', 'process.pid': 7 };
    expect(decoded?.records).toMatchObject([
      { eventName: 'taskspan.beat', traceId: '', spanId: '', time: beat.time, attributes: { ...attributes, 'taskspan.worker.busy_ms': 2500 } },
      { attributes },
    ]);
    expect(decoded?.records[1]?.attributes).not.toHaveProperty('taskspan.worker.busy_ms');
  });

  it('is empty without records', () => {
    expect(logRequest({ 'service.name': 'imports' }, [])).toHaveLength(0);
  });
});

describe('the answer', () => {
  it('has how many records were rejected, and why', () => {
    const body = Buffer.from([0x0a, 7, 0x08, 3, 0x12, 3, 0x62, 0x61, 0x64]);
    expect(partialSuccessOf(body)).toEqual({ rejected: 3, message: 'bad' });
    expect(partialSuccessOf(new Uint8Array())).toEqual({ rejected: 0, message: '' });
  });
});

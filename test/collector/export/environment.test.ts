import { describe, expect, test } from 'vitest';
import { endpointFault, protocolFault, spanProtocol, unheededVariables } from '../../../collector/export/environment.ts';

describe('OTEL_EXPORTER_OTLP_PROTOCOL', () => {
  test.each([
    ['nothing', {}, 'http/protobuf'],
    ['a blank value', { OTEL_EXPORTER_OTLP_PROTOCOL: ' ' }, 'http/protobuf'],
    ['JSON', { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, 'http/json'],
    ['the one for traces before the one for all', { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' }, 'http/json'],
  ])('%s', (_, env, expected) => {
    expect([spanProtocol(env), protocolFault(env)]).toEqual([expected, undefined]);
  });

  test('gRPC is not available; the message names what is', () => {
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    expect(spanProtocol(env)).toBe('http/protobuf');
    expect(protocolFault(env)).toBe(
      'OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf or http/json, got "grpc"; spans are sent as http/protobuf. ' +
        'gRPC is not available: send to the HTTP port of an OpenTelemetry Collector (4318), which can send on by gRPC',
    );
  });

  test('an unknown one is named', () => {
    expect(protocolFault({ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'carrier pigeon' })).toMatch(/^OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: expected .* got "carrier pigeon"/);
  });
});

describe('an endpoint in the environment', () => {
  test.each([
    [{}],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector:4318/v1/traces' }],
  ])('is used: %j', (env) => {
    expect(endpointFault(env)).toBeUndefined();
  });

  test.each(['collector:4318', 'collector'])('without http:// is reported with its variable: %s', (value) => {
    expect(endpointFault({ OTEL_EXPORTER_OTLP_ENDPOINT: value })).toBe(
      `OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL such as http://127.0.0.1:4318, got "${value}"; spans will not arrive there`,
    );
  });
});

test('variables without an effect are named, in one list', () => {
  const heeded = {
    OTEL_SERVICE_NAME: 'a',
    OTEL_RESOURCE_ATTRIBUTES: 'a=b',
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_BSP_SCHEDULE_DELAY: '1000',
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '10',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=b',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_PROPAGATORS: 'tracecontext,baggage',
    OTEL_BLRP_SCHEDULE_DELAY: '',
    OTHER: 'value',
  };
  expect(unheededVariables({ ...heeded, OTEL_PROPAGATORS: 'b3', OTEL_METRICS_EXPORTER: 'otlp' })).toEqual(['OTEL_METRICS_EXPORTER', 'OTEL_PROPAGATORS']);
  expect(unheededVariables(heeded)).toEqual([]);
});

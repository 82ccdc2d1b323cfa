import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { installed, passed, versions } from './project.ts';

/** The ends of the ranges in our package.json. An application has its own versions of these packages. */
const RANGES = versions(
  [{ name: 'newest', packages: {} }],
  [
    {
      name: 'oldest',
      packages: {
        '@opentelemetry/api': '1.9.0',
        '@opentelemetry/core': '2.0.0',
        '@opentelemetry/exporter-trace-otlp-http': '0.200.0',
        '@opentelemetry/exporter-trace-otlp-proto': '0.200.0',
        '@opentelemetry/resources': '2.0.0',
        '@opentelemetry/sdk-trace-node': '2.0.0',
      },
    },
  ],
);

test.each(RANGES)('with the $name packages of OpenTelemetry 2 tasks are recorded and their spans exported', async ({ packages }) => {
  const project = await installed('require', { packages });
  const paths: string[] = [];
  await using server = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => response.setHeader('Content-Type', 'application/x-protobuf').end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const { stdout, stderr } = await passed(
    project.node(['--disable-warning=ExperimentalWarning', 'program.js'], { env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } }),
  );
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ text: '\treported\n', failures: [] });
  expect(paths).toEqual(['POST /v1/traces']);
});

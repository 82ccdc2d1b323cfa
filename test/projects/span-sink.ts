import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

/** A span that arrived, as far as the tests look at it. */
interface ArrivedSpan {
  readonly id: string;
  readonly parent: string | undefined;
  readonly name: string;
}

/** Whose exporter sent spans: that of taskspan, or that of another provider. */
type Exporter = 'ours' | 'theirs';

/** A real HTTP server that takes spans: by OTLP in JSON, and as envelopes of Sentry. It is gone after the test. */
export interface SpanSink {
  /** The URL for spans of this exporter, by OTLP. */
  url(exporter: Exporter): string;
  /** The DSN for Sentry; its spans are theirs. */
  readonly dsn: string;
  /** What arrived from this exporter since the last call: `NAME in NAME OF THE PARENT` of each span, sorted. */
  taken(exporter: Exporter): string[];
}

export async function spanSink(): Promise<SpanSink> {
  const arrived: Record<Exporter, ArrivedSpan[]> = { ours: [], theirs: [] };
  const take = (pathname: string, body: string): void => {
    if (pathname.startsWith('/api/')) arrived.theirs.push(...spansOfEnvelope(body));
    else takeOtlp(body, pathname === '/ours' ? 'ours' : 'theirs');
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://127.0.0.1');
    textOf(request).then(
      (body) => {
        take(pathname, body);
        response.setHeader('Content-Type', 'application/json').end('{}');
      },
      () => response.destroy(),
    );
  });
  const takeOtlp = (body: string, exporter: Exporter): void => {
    const { resourceSpans = [] } = JSON.parse(body) as { resourceSpans?: OtlpResourceSpans[] };
    for (const { resource, scopeSpans } of resourceSpans) {
      // Of two exporters that have one URL from the environment, theirs is known by its resource.
      const isTheirs = resource.attributes.some(({ key }) => key === 'process.pid');
      arrived[isTheirs ? 'theirs' : exporter].push(...scopeSpans.flatMap(({ spans }) => spans.map(spanOfOtlp)));
    }
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: (exporter) => `http://${host}/${exporter}`,
    dsn: `http://key@${host}/1`,
    taken(exporter) {
      const spans = arrived[exporter].splice(0);
      const names = new Map(spans.map(({ id, name }) => [id, name]));
      return spans.map(({ name, parent }) => (parent === undefined ? name : `${name} in ${names.get(parent) ?? 'a span that is missing'}`)).toSorted();
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const body = await buffer(request);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
}

interface OtlpSpan {
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}

interface OtlpResourceSpans {
  readonly resource: { readonly attributes: readonly { readonly key: string }[] };
  readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
}

function spanOfOtlp({ spanId, parentSpanId, name }: OtlpSpan): ArrivedSpan {
  return { id: spanId, parent: parentSpanId || undefined, name };
}

interface SentrySpan {
  readonly span_id: string;
  readonly parent_span_id?: string;
  readonly name?: string;
  readonly description?: string;
}

/** Up to Sentry 10 spans come with the transaction that they lie in, from 11 on in lists. */
interface SentryItem {
  readonly transaction?: string;
  readonly contexts?: { readonly trace: SentrySpan };
  readonly spans?: readonly SentrySpan[];
  readonly items?: readonly SentrySpan[];
}

/** An envelope is lines of JSON: its own header, then two for each item, a header and the payload. */
function spansOfEnvelope(body: string): ArrivedSpan[] {
  const [, ...lines] = body.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);
  return lines.flatMap((line, at) => {
    const { type } = (lines[at - 1] ?? {}) as { type?: string };
    if (type !== 'transaction' && type !== 'span') return [];
    const { transaction = '', contexts, spans = [], items = [] } = line as SentryItem;
    const root = contexts === undefined ? [] : [{ ...contexts.trace, name: transaction }];
    return [...root, ...spans, ...items].map(({ span_id: id, parent_span_id: parent, name, description = '' }) => ({ id, parent, name: name ?? description }));
  });
}

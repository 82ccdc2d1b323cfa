import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Context } from 'hono';
import { notModified, problem } from '../answers.ts';
import { browserFiles } from './browser-files.ts';
import { FAVICONS } from './icons.ts';

/** A script, a style or a favicon. */
interface Asset {
  readonly type: string;
  readonly text: string;
  /** Its bytes by encoding, each made when it is first asked for, in a thread of the pool. */
  readonly encoded: Map<Encoding, Promise<Uint8Array<ArrayBuffer>>>;
}

type Encoding = 'br' | 'gzip' | 'identity';

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

let loaded: { readonly byName: ReadonlyMap<string, Asset>; readonly version: string } | undefined;

/** All assets, and the version of their contents; made when a page is first asked for. */
function assets(): NonNullable<typeof loaded> {
  if (loaded !== undefined) return loaded;
  const texts = [...browserFiles(), ...FAVICONS];
  const hash = createHash('sha256');
  for (const [name, text] of texts) hash.update(`${name}\n${text}\n`);
  const byName = new Map(texts.map(([name, text]) => [name, { text, type: TYPES[name.split('.').at(-1)!]!, encoded: new Map() }]));
  loaded = { byName, version: hash.digest('base64url').slice(0, 12) };
  return loaded;
}

/** The URL of an asset, relative to the folder of the tasks. Its contents never change while the URL is the same. */
export function assetUrl(name: string): string {
  return `assets/${name}?v=${assets().version}`;
}

const YEAR_SECONDS = 31_536_000;

/** `GET /tasks/assets/:name`: a script, a style or a favicon of the pages. It contains nothing of any task. */
export async function assetRoute(c: Context): Promise<Response> {
  const name = c.req.param('name') ?? '';
  const { byName, version } = assets();
  const asset = byName.get(name);
  if (asset === undefined) return problem(404, `there is no asset ${name}`);
  // The shortest one.
  const encoding = accepts(c, 'br') ? 'br' : accepts(c, 'gzip') ? 'gzip' : 'identity';
  const headers = {
    'Content-Type': asset.type,
    // A module asks for its own imports without a version.
    'Cache-Control': c.req.query('v') === version ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache',
    Vary: 'Accept-Encoding',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Access-Control-Allow-Origin': '*',
  };
  const tag = `"${version}-${encoding}"`;
  const unchanged = notModified(c, tag, headers);
  if (unchanged !== undefined) return unchanged;
  const body = await bytesOf(asset, encoding);
  const described = { ...headers, ETag: tag, ...(encoding !== 'identity' && { 'Content-Encoding': encoding }), 'Content-Length': String(body.length) };
  return new Response(c.req.method === 'HEAD' ? null : body, { headers: described });
}

/** Whether a client accepts an encoding, by its `Accept-Encoding`. */
export function accepts(c: Context, encoding: 'br' | 'gzip'): boolean {
  return new RegExp(`(?:^|[\\s,])${encoding}(?!\\s*;\\s*q=0(?:\\.0*)?(?:\\s*,|\\s*$))(?=[\\s,;]|$)`, 'i').test(c.req.header('Accept-Encoding') ?? '');
}

function bytesOf({ encoded, text }: Asset, encoding: Encoding): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = encoded.get(encoding);
  if (bytes === undefined) encoded.set(encoding, (bytes = compressed(text, encoding)));
  return bytes;
}

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);

/** A text as bytes in an encoding, as short as it can be made. */
function compressed(text: string, encoding: Encoding): Promise<Uint8Array<ArrayBuffer>> {
  if (encoding === 'identity') return Promise.resolve(Buffer.from(text));
  if (encoding === 'gzip') return gzipped(text, { level: 9 });
  return brotli(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } });
}

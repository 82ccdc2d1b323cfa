import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { isHost } from '../options/kinds.ts';
import { problem } from './answers.ts';

/** The client's request, as the headers of proxies describe it. */
export interface Forwarded {
  /** Each host that the request was sent to, in lower case; the client's first. */
  readonly hosts: readonly string[];
  /** The protocol by which the client sent it. */
  readonly protocol: 'http' | 'https' | undefined;
  /** What proxies have removed from the beginning of its path: `''`, or a path such as `/jobs`. */
  readonly prefix: string;
}

const HEADERS = ['Forwarded', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Prefix'] as const;
/** The longest value of one of these headers, in characters. */
const LONGEST_HEADER = 1024;

const read = new WeakMap<Context, Forwarded | Response>();

/**
 * Reads `Forwarded` (RFC 7239), `X-Forwarded-Host`, `X-Forwarded-Proto` and `X-Forwarded-Prefix`, once a request.
 * `Forwarded` precedes the others. For an invalid header it gives a 400 that names the header.
 */
export function forwardedOf(c: Context): Forwarded | Response {
  const known = read.get(c);
  if (known !== undefined) return known;
  const forwarded = readHeaders(c);
  read.set(c, forwarded);
  return forwarded;
}

function readHeaders(c: Context): Forwarded | Response {
  const values = HEADERS.map((name): Value => [name, c.req.header(name) ?? '']);
  const long = values.find(([, value]) => value.length > LONGEST_HEADER);
  if (long !== undefined) {
    return problem(400, `${long[0]}: expected at most ${LONGEST_HEADER} characters, got ${long[1].length}`);
  }
  const [forwarded, forwardedHost, forwardedProto, forwardedPrefix] = values as [Value, Value, Value, Value];
  const pairs = pairsOf(forwarded[1]);
  if (pairs === undefined) return invalid(forwarded, 'pairs such as host=tasks.example;proto=https');

  const hosts = [...standard(pairs, 'host'), ...listed(forwardedHost)];
  const badHost = hosts.find(([, host]) => !isHost(host));
  if (badHost !== undefined) return invalid(badHost, 'a host such as "tasks.example"');

  const [sentBy] = [...standard(pairs, 'proto'), ...listed(forwardedProto)];
  const protocol = sentBy?.[1].toLowerCase();
  if (protocol !== undefined && protocol !== 'http' && protocol !== 'https') return invalid(sentBy!, 'http or https');

  const prefixes = listed(forwardedPrefix);
  const badPrefix = prefixes.find(([, prefix]) => !isPath(prefix));
  if (badPrefix !== undefined) return invalid(badPrefix, 'a path such as "/jobs"');
  return {
    hosts: hosts.map(([, host]) => host.toLowerCase()),
    protocol,
    // Each proxy removes a prefix of its own, the outermost first.
    prefix: prefixes.map(([, prefix]) => prefix.replace(/\/$/, '')).join(''),
  };
}

type Value = readonly [header: string, value: string];

function standard(pairs: readonly Pair[], name: string): Value[] {
  return pairs.filter((pair) => pair.name === name).map(({ value }) => ['Forwarded', value]);
}

function listed([header, value]: Value): Value[] {
  const items = value.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '').map((item) => [header, item]);
}

function invalid([header, value]: Value, expected: string): Response {
  return problem(400, `${header}: expected ${expected}, got ${received(value)}`);
}

interface Pair {
  readonly name: string;
  readonly value: string;
}

/**
 * Matches a pair of `Forwarded`, or an empty one, and its separator. The quotes that a port needs may be missing, as
 * some senders leave them out. Spaces after a pair are in the pair's group: two runs of spaces side by side would take
 * quadratic time.
 */
const PAIR = /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))[ \t]*)?([;,]|$)/y;

/** The pairs of `Forwarded`, those of the first proxy first; `undefined` for a malformed header. */
function pairsOf(header: string): Pair[] | undefined {
  const pairs: Pair[] = [];
  PAIR.lastIndex = 0;
  for (;;) {
    const match = PAIR.exec(header);
    if (match === null) return undefined;
    const [, name, quoted, plain = '', end] = match;
    if (name !== undefined) pairs.push({ name: name.toLowerCase(), value: quoted?.replaceAll(/\\(.)/g, '$1') ?? plain });
    if (end === '') return pairs;
  }
}

/** Whether it is `/`, or a path of segments (RFC 3986) without `.` and `..`. */
function isPath(text: string): boolean {
  if (!/^\/(?:(?:[\w.~!$&'()*+;=:@-]|%[0-9a-f]{2})+(?:\/|$))*$/i.test(text)) return false;
  return !text.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
}

import { isIPv4 } from 'node:net';
import { received } from '../../src/failure.ts';

/**
 * A host as a browser writes it into `Host`, which is in ASCII: a name, an IPv4 address or an IPv6 address in brackets.
 * No part of a name is empty or made of hyphens alone; one dot may end it. A port begins with no 0.
 */
const HOST = /^(?:\[[0-9a-f:.]+\]|-*\w[\w-]*(?:\.-*\w[\w-]*)*\.?)(?::[1-9]\d{0,4})?$/i;
/** An origin. No page has a scheme of files, FTP or WebSockets. */
const ORIGIN = /^(?!(?:file|ftp|wss?):)[a-z][a-z0-9+.-]*:\/\/(.*)$/i;
const DEFAULT_PORT = /:(?:80|443)$/;

/** Whether a text is a host, with a port or without. */
export function isHost(text: string): boolean {
  return HOST.test(text) && URL.canParse(`http://${text}`);
}

/** The host without its port. */
export function withoutPort(host: string): string {
  const colon = host.endsWith(']') ? -1 : host.lastIndexOf(':');
  return colon === -1 ? host : host.slice(0, colon);
}

/** The host without a default port of HTTP or HTTPS: a browser never sends that, but a proxy may. */
function withoutDefaultPort(host: string): string {
  return host.replace(DEFAULT_PORT, '');
}

/** Whether an origin is that of a page of this host, by HTTP or HTTPS: behind a proxy the protocol may be unknown. */
export function isOriginOf(host: string, origin: string): boolean {
  const [, named] = /^https?:\/\/(.+)$/.exec(origin) ?? [];
  return named !== undefined && withoutDefaultPort(named) === withoutDefaultPort(host);
}

/**
 * Makes the check of a host against the entries of `allowedHosts`: `tasks.example` allows any port, `tasks.example:8080` that
 * one. An entry with a default port allows the name without a port too.
 *
 * @param name The option or variable, for the `TypeError` about an entry that can never match.
 */
export function hostCheck(name: string, entries: unknown): (host: string) => boolean {
  const names = new Set<string>();
  const hosts = new Set<string>();
  for (const entry of listOf(name, entries)) {
    if (typeof entry !== 'string' || !isHost(entry)) throw invalid(name, 'a host name such as "tasks.example"', entry);
    const host = entry.toLowerCase();
    // The URL has an address in the form that browsers send: 127.1 is 127.0.0.1, [0::1] is [::1].
    const { hostname } = new URL(`http://${host}`);
    const bare = withoutPort(host);
    if (bare === host) names.add(hostname);
    else hosts.add(withoutDefaultPort(hostname + host.slice(bare.length)));
  }
  return (host) => names.has(withoutPort(host)) || hosts.has(withoutDefaultPort(host));
}

/**
 * Gives the entries of `allowedOrigins` in the form that browsers send.
 *
 * @param name The option or variable, for the `TypeError` about an entry that can never match.
 */
export function originSet(name: string, entries: unknown): Set<string> {
  return new Set(
    listOf(name, entries).map((entry) => {
      const [, host = ''] = typeof entry === 'string' ? (ORIGIN.exec(entry) ?? []) : [];
      if (!isHost(host)) throw invalid(name, 'an origin such as "https://app.example"', entry);
      const origin = (entry as string).toLowerCase();
      return /^https?:/.test(origin) ? new URL(origin).origin : origin;
    }),
  );
}

function listOf(name: string, entries: unknown): unknown[] {
  if (!Array.isArray(entries)) throw new TypeError(`${name}: expected a list, got ${received(entries)}`);
  return entries;
}

function invalid(name: string, expected: string, entry: unknown): TypeError {
  return new TypeError(`${name}: expected ${expected}, got ${received(entry)}${hintFor(entry)}`);
}

function hintFor(entry: unknown): string {
  if (typeof entry !== 'string') return '';
  if (entry.includes('*')) return '; there is no wildcard: each name needs an entry of its own';
  if (!/[^\p{ASCII}]/u.test(entry)) return '';
  const url = URL.parse(entry.includes('://') ? entry : `http://${entry}`);
  if (url === null || url.host === '') return '';
  return `; browsers send ${received(entry.includes('://') ? url.origin : url.host)}`;
}

/** Whether a host name without port is the local machine, whoever resolves it. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || isLoopbackAddress(name) || name === '[::1]' || name.endsWith('.localhost');
}

/** Whether a text is an IPv4 address in 127.0.0.0/8. */
export function isLoopbackAddress(address: string): boolean {
  return address === '127.0.0.1' || (address.startsWith('127.') && isIPv4(address));
}

import { isIPv4 } from 'node:net';

const DEFAULT_PORT = /:(?:80|443)$/;

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
 * Makes the check of a host against the entries of `allowedHosts`, which are valid: `tasks.example` allows any port,
 * `tasks.example:8080` that one. An entry with a default port allows the name without a port too.
 */
export function hostCheck(entries: readonly string[]): (host: string) => boolean {
  const names = new Set<string>();
  const hosts = new Set<string>();
  for (const entry of entries) {
    const host = entry.toLowerCase();
    // The URL has an address in the form that browsers send: 127.1 is 127.0.0.1, [0::1] is [::1].
    const { hostname } = new URL(`http://${host}`);
    const bare = withoutPort(host);
    if (bare === host) names.add(hostname);
    else hosts.add(withoutDefaultPort(hostname + host.slice(bare.length)));
  }
  return (host) => names.has(withoutPort(host)) || hosts.has(withoutDefaultPort(host));
}

/** Gives the entries of `allowedOrigins`, which are valid, in the form that browsers send. */
export function originSet(entries: readonly string[]): Set<string> {
  return new Set(
    entries.map((entry) => {
      const origin = entry.toLowerCase();
      return /^https?:/.test(origin) ? new URL(origin).origin : origin;
    }),
  );
}

/** Whether a host name without port is the local machine for every resolver. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || isLoopbackAddress(name) || name === '[::1]' || name.endsWith('.localhost');
}

/** Whether a text is an IPv4 address in 127.0.0.0/8. */
export function isLoopbackAddress(address: string): boolean {
  return address === '127.0.0.1' || (address.startsWith('127.') && isIPv4(address));
}

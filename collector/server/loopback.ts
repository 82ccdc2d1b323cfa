import { isIPv4 } from 'node:net';

/** Whether a host name, without port, is this very machine for everyone who resolves it. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || isLoopbackAddress(name) || name === '[::1]' || name.endsWith('.localhost');
}

/** Whether it is an IPv4 address in 127.0.0.0/8. */
export function isLoopbackAddress(address: string): boolean {
  return address === '127.0.0.1' || (address.startsWith('127.') && isIPv4(address));
}

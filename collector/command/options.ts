import { InvalidArgumentError, Option } from 'commander';
import { isLoopbackAddress } from '../app/access.ts';

/** Options that more than one subcommand has, each with its environment variable. */

export function portOption(): Option {
  return new Option('-p, --port <number>', 'port to serve the tasks on; 0 takes a free one')
    .env('TASKSPAN_PORT')
    .default(4320)
    .argParser(parsePort);
}

export function hostOption(): Option {
  return new Option('--host <address>', 'loopback address to serve them on')
    .env('TASKSPAN_HOST')
    .default('127.0.0.1')
    .argParser(parseHost);
}

export function storeOption(): Option {
  return new Option('-s, --store <path>', 'SQLite file that keeps records and logs')
    .env('TASKSPAN_STORE')
    .default('./taskspan.sqlite')
    .argParser(parseStore);
}

function parsePort(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port <= 65_535) return port;
  throw new InvalidArgumentError('Expected a whole number from 0 to 65535.');
}

function parseHost(value: string): string {
  if (value === 'localhost' || value === '::1' || value === '[::1]' || isLoopbackAddress(value)) return value;
  throw new InvalidArgumentError('Expected a loopback address such as 127.0.0.1; any other would need a token.');
}

function parseStore(value: string): string {
  if (value.trim() !== '') return value;
  throw new InvalidArgumentError('Expected a path.');
}

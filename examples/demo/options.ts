import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const HELP = `Usage: npm start -- [options] [folder]

Runs five tasks for some 80 seconds and serves the page that shows them. One of the tasks makes an index of a folder.

  folder               folder to index (default: ".")
  -p, --port <number>  port of the page; 0 takes a free one (default: 4320 or, if that is taken, a free one, env: TASKSPAN_PORT)
  --host <address>     address to serve it on; any but loopback needs TASKSPAN_TOKEN or TASKSPAN_GUARDED (default: "127.0.0.1", env: TASKSPAN_HOST)
  -s, --store <path>   SQLite file that keeps records and logs (default: "./taskspan.sqlite", env: TASKSPAN_STORE)
  --speed <number>     how many times as fast the tasks run (default: 1)
  --once               exit when the tasks have ended, instead of staying up
  -h, --help           print this
`;

export interface DemoOptions {
  readonly folder: string;
  readonly store: string;
  readonly serve: { readonly port?: number; readonly host?: string };
  readonly speed: number;
  /** Whether to exit when the tasks have ended. */
  readonly exits: boolean;
  readonly help: boolean;
}

/** Reads the arguments of `npm start`. Throws an error that names what was expected and what came. */
export function optionsOf(args: readonly string[]): DemoOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', short: 'p' },
      host: { type: 'string' },
      store: { type: 'string', short: 's' },
      speed: { type: 'string', default: '1' },
      once: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
    allowPositionals: true,
  });
  const { port, host, once: exits, help, speed, store = process.env['TASKSPAN_STORE'] || './taskspan.sqlite' } = values;
  if (positionals.length > 1) throw new TypeError(`too many arguments: expected one folder, got ${positionals.length}`);
  if (port !== undefined && !/^\d+$/.test(port)) {
    throw new TypeError(`--port: expected a whole number from 0 to 65535, got ${JSON.stringify(port)}`);
  }
  if (!/^\d+(?:\.\d+)?$/.test(speed) || Number(speed) <= 0) {
    throw new TypeError(`--speed: expected a number above 0, such as 2, got ${JSON.stringify(speed)}`);
  }
  return {
    folder: resolve(positionals[0] ?? '.'),
    store,
    serve: { ...(port !== undefined && { port: Number(port) }), ...(host !== undefined && { host }) },
    speed: Number(speed),
    exits,
    help,
  };
}

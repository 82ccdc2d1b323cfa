import { Command } from 'commander';
import { endpointOption, hostOption, portOption, storeOption } from './options.ts';
import type { ServingOptions } from './serving.ts';

/** `taskspan serve`: the tasks of a store by HTTP. */
export function serveCommand(): Command {
  return new Command('serve')
    .summary('serve the tasks of a store')
    .description('Serves the records and logs of a store, whoever writes them, and takes what others send by OTLP/HTTP, until it is told to stop.')
    .addOption(portOption())
    .addOption(hostOption())
    .addOption(storeOption())
    .addOption(endpointOption())
    .action(async (options: ServingOptions) => {
      const [{ startServing }, { held, listenForStop }] = await Promise.all([
        import('./serving.ts'),
        import('./stop-signal.ts'),
      ]);
      const taskspan = await startServing({ ...options, registerProvider: false, receive: true });
      const stop = listenForStop(false);
      try {
        process.stdout.write(`Tasks are served on ${taskspan.url}/tasks and kept in ${options.store}. Ctrl-C stops the server.\n`);
        await held(stop.stopped);
      } finally {
        await taskspan.close();
        stop.release();
      }
    });
}

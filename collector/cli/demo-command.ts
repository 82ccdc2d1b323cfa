import { Command } from 'commander';
import { hostOption, portOption, storeOption } from './options.ts';
import type { DemoOptions } from './demo.ts';

/** `taskspan demo [folder]`: what `npm start` runs. */
export function demoCommand(): Command {
  return new Command('demo')
    .summary('run two tasks and serve them')
    .description('Runs two tasks, an example with a failing job and an index of a folder, and serves their records and logs.')
    .argument('[folder]', 'folder to index', '.')
    .addOption(portOption())
    .addOption(hostOption())
    .addOption(storeOption())
    .option('--once', 'exit when the tasks have ended, instead of staying up')
    .action(async (folder: string, options: DemoOptions) => {
      // Loaded when it is run: help and usage errors need none of it.
      const { demo } = await import('./demo.ts');
      await demo(folder, options);
    });
}

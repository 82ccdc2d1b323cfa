import { Command, Option } from 'commander';
import type { ExitWith } from './exit-codes.ts';
import { jsonOption, parseCount, parseName, parseUuid, recordingStoreOption } from './options.ts';
import type { RunOptions } from './run/run.ts';

/** `taskspan run -- COMMAND…`: any program as a task. */
export function runCommand(exitWith: ExitWith): Command {
  return new Command('run')
    .summary('run any program as a task')
    .description(
      'Runs a program as a task: each line that it writes is a notification, its exit code is the outcome. ' +
        'It has our standard input and gets our signals, and its exit code is ours: 128 and the number for a signal.',
    )
    .usage('[options] -- command [argument...]')
    .argument('<command...>', 'the program with its arguments')
    .passThroughOptions()
    .addOption(recordingStoreOption())
    .addOption(new Option('--name <text>', 'what the task is called; the command line if absent').argParser(parseName))
    .addOption(new Option('--uuid <uuid>', "the task's UUID; a new one if absent").argParser(parseUuid))
    .addOption(new Option('--attempt <number>', 'number of this attempt, for a retry').argParser(parseCount(1)))
    .option('-q, --quiet', 'do not pass on what the program writes, nor tell the UUID')
    .addOption(jsonOption('print the record at the end; what the program writes goes to standard error'))
    .action(async (line: string[], options: RunOptions) => {
      const { run } = await import('./run/run.ts');
      exitWith(await run(line, options));
    });
}

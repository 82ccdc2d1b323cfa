import { Command, Option } from 'commander';
import { exitCodeOf } from './exit-codes.ts';
import type { ExitWith } from './exit-codes.ts';
import { addSourceOptions, jsonOption, parseCount, sourceOf, taskArgument } from './options.ts';
import type { TaskArgument } from './options.ts';
import type { TaskSource } from './source/task-source.ts';
import { listenForStop } from './stop-signal.ts';
import type { TailDisplay } from './tail/tail.ts';
import { withSource } from './with-source.ts';

interface TailCommandOptions {
  readonly lines?: number;
  readonly plain?: boolean;
  readonly json?: boolean;
}

/** `taskspan tail UUID`: follows a task until it has ended. */
export function tailCommand(exitWith: ExitWith): Command {
  const command = new Command('tail')
    .summary('follow a task until it has ended')
    .description(
      'Follows a task until it has ended and exits with its outcome. On a terminal the log goes by above the ' +
        'scopes with their progress; else, and with NO_COLOR or TERM=dumb, it is the log alone.',
    )
    .addArgument(taskArgument())
    .addOption(new Option('-n, --lines <number>', 'how many lines of the log so far to begin with; all that the record has if absent, at most 1 MiB').argParser(parseCount(0)))
    .option('--plain', 'print the log alone, also on a terminal')
    .addOption(jsonOption('print the events as JSON, one a line').conflicts(['lines', 'plain']));
  return addSourceOptions(command).action(async (task: TaskArgument, options: TailCommandOptions) => {
    const stop = listenForStop();
    try {
      const outcome = await withSource(sourceOf(command, task), async (source) => {
        const [{ tail }, display] = await Promise.all([import('./tail/tail.ts'), displayFor(source, task.uuid, options)]);
        return tail(source, task.uuid, display, { signal: stop.signal, lines: options.lines });
      });
      exitWith(outcome === undefined ? stop.exitCode : exitCodeOf(outcome));
    } finally {
      stop.release();
    }
  });
}

async function displayFor(source: TaskSource, uuid: string, { plain, json }: TailCommandOptions): Promise<TailDisplay> {
  if (json === true) return (await import('./tail/json-display.ts')).jsonDisplay();
  if (plain === true || !isLively(process.stdout, process.env)) return (await import('./tail/plain-display.ts')).plainDisplay();
  return (await import('./tail/live-display.ts')).liveDisplay(source, uuid, process.stdout);
}

/** Whether lines may be drawn again and in colours. */
function isLively(output: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  return output.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

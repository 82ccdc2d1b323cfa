#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command, CommanderError, Option } from 'commander';
import { describeFailure, failureText } from '../../src/failure.ts';
import { visible } from '../../src/log-line.ts';
import { print } from '../../src/report.ts';
import { redactedText } from '../options/kinds.ts';
import { variableText } from '../options/read.ts';
import { OPTIONS } from '../options/table.ts';
import type { CancelOptions } from '../record/cancel-request.ts';
import { TASK_ORDERS } from '../store/task-store.ts';
import { addFilterOptions, filterOfOptions } from './filter-options.ts';
import { CommandError, EXIT_CODES_HELP, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import type { ListOptions } from './list.ts';
import { addSourceOptions, DEFAULT_TIMEOUT_MS, parseCount, parseDuration, parseHost, parseName, parserOf, parseUuid, sourceOf, tableOption, taskArgument, tasksArgument } from './options.ts';
import type { TaskArgument } from './options.ts';
import type { RunOptions } from './run.ts';
import type { ServingOptions } from './serve.ts';
import type { ShowOptions } from './show.ts';
import type { TailCommandOptions } from './tail.ts';

// Node.js 22 warns about its SQLite on standard error, which is for the person who calls the command.
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (...args: unknown[]) => {
  if (args[1] !== 'ExperimentalWarning') emitWarning(...args);
};

const [subcommand] = process.argv.slice(2);

// A closed pipe is no failure: `head` closes its input early. A full disk is one. Neither ends a server, nor the program
// that `run` runs.
let isReported = false;
process.stderr.on('error', () => undefined);
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE' || isReported) return;
  isReported = true;
  print('stderr', `taskspan: standard output can't be written: ${message}\n`);
  if (subcommand !== 'run' && subcommand !== 'serve') process.exitCode ||= EXIT_FAILED;
});

const programExit = await runProgram(process.argv.slice(2));
process.exitCode ||= programExit;

/**
 * Runs the `taskspan` command and resolves to its exit code, one of `exit-codes.ts` or that of the program that it ran.
 * Where it could not run, standard error has one line with the reason.
 *
 * @param args The arguments after the command's name.
 */
async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode = EXIT_OK;
  deleteEmptyVariables(process.env);
  try {
    await createProgram((code) => (exitCode = code)).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const [line = ''] = failureText(describeFailure(error)).split('\n');
    process.stderr.write(`taskspan: ${visible(redactedText(line))}\n`);
    return error instanceof CommandError ? error.exitCode : EXIT_FAILED;
  }
}

/** Gets the exit code of a subcommand that ends with another one than 0. */
type ExitWith = (code: number) => void;

/** The command line. What a subcommand does is loaded when it runs: help and usage errors need none of it. */
function createProgram(exitWith: ExitWith): Command {
  const program = new Command('taskspan')
    .description('One instrumentation for background tasks: live log and status record, and a trace.')
    .version(packageVersion(), '-V, --version')
    .addHelpText('after', EXIT_CODES_HELP)
    // Options after the name of a program that is run are the program's.
    .enablePositionalOptions()
    // An error quotes what it was given.
    .configureOutput({ outputError: (text, write) => write(redactedText(text)) })
    .exitOverride();
  const commands = [listCommand(), showCommand(), tailCommand(exitWith), cancelCommand(), deleteCommand(exitWith), runCommand(exitWith), serveCommand()];
  // A subcommand must throw rather than exit, which `addCommand` alone does not see to.
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  return program;
}

function listCommand(): Command {
  const command = new Command('list')
    .summary('list tasks, all or those that fit filters')
    .description('Lists the tasks that fit all filters, newest first: state, progress, how long it has run, how long ago it began, UUID, name and what it does now. An option that is given twice wants one of its values.')
    .addOption(new Option('-n, --limit <number>', 'how many at the most').default(20).argParser(parseCount(1)))
    .addOption(new Option('--order <order>', 'which come first, by their first commits').choices(TASK_ORDERS).default('newest'));
  addFilterOptions(command).option('--json', 'print their records, without logs, as a JSON array');
  return addSourceOptions(command).action(async (options: Omit<ListOptions, 'filter'>) => {
    const { list } = await import('./list.ts');
    await list(sourceOf(command), { ...options, filter: filterOfOptions(command) });
  });
}

function showCommand(): Command {
  const command = new Command('show')
    .summary('show a task as it is now')
    .description('Shows a task as it is now: its record, its scopes and the end of its log.')
    .addArgument(taskArgument())
    .option('--log', 'print the whole log and nothing else')
    .addOption(new Option('--json', 'print the record as JSON').conflicts('log'));
  return addSourceOptions(command).action(async (task: TaskArgument, options: ShowOptions) => {
    const { show } = await import('./show.ts');
    await show(sourceOf(command, task), task, options);
  });
}

function tailCommand(exitWith: ExitWith): Command {
  const command = new Command('tail')
    .summary('follow a task until it has ended')
    .description(
      'Follows a task until it has ended and exits with its outcome. On a terminal the log goes by above the ' +
        'scopes with their progress; else, and with NO_COLOR or TERM=dumb, it is the log alone.',
    )
    .addArgument(taskArgument())
    .addOption(new Option('-n, --lines <number>', 'how many lines of the log so far to begin with; all that the record has if absent, at most 1 MiB').argParser(parseCount(0)))
    .option('--plain', 'print the log alone, also on a terminal')
    .addOption(new Option('--timeout <time>', 'for how long to try while the server is unreachable; 0 for ever').default(DEFAULT_TIMEOUT_MS, '5m').argParser(parseDuration))
    .addOption(new Option('--json', 'print the events as JSON, one a line').conflicts(['lines', 'plain']));
  return addSourceOptions(command).action(async (task: TaskArgument, options: TailCommandOptions) => {
    const { tailTask } = await import('./tail.ts');
    exitWith(await tailTask(sourceOf(command, task), task, options));
  });
}

function cancelCommand(): Command {
  const command = new Command('cancel')
    .summary('ask a task to stop')
    .description('Asks the workers of a task and of its child tasks to cancel them; a queued task ends. It does not wait for that: `taskspan tail` does.')
    .addArgument(taskArgument())
    .option('--reason <text>', 'why, for the log of the task')
    .option('--by <name>', 'who asks, for the log of the task')
    .option('--no-children', 'leave the child tasks of the task alone')
    .option('--json', 'print { "task_uuid", "cancel": "requested" }');
  return addSourceOptions(command).action(async (task: TaskArgument, { json, ...options }: CancelOptions & { readonly json?: boolean }) => {
    const { withTask } = await import('./open-source.ts');
    const uuid = await withTask(sourceOf(command, task), task, async (source, named) => {
      await source.cancel(named, options);
      return named;
    });
    process.stdout.write(json === true ? `${JSON.stringify({ task_uuid: uuid, cancel: 'requested' })}\n` : `asked to cancel ${uuid}\n`);
  });
}

function deleteCommand(exitWith: ExitWith): Command {
  const command = new Command('delete')
    .summary('delete tasks that have ended')
    .description('Deletes tasks that have ended, with their logs and scopes. One that still runs, or is queued, stays: that is reported, and the others are deleted.')
    .addArgument(tasksArgument())
    .option('--json', 'print { "task_uuid", "deleted": true } for each, one a line');
  return addSourceOptions(command).action(async (tasks: readonly TaskArgument[], options: { readonly json?: boolean }) => {
    const { deleteTasks } = await import('./delete.ts');
    exitWith(await deleteTasks(tasks.map((task) => ({ task, source: sourceOf(command, task) })), options));
  });
}

function runCommand(exitWith: ExitWith): Command {
  return new Command('run')
    .summary('run any program as a task')
    .description(
      'Runs a program as a task: each line that it writes is a notification, its exit code is the outcome. ' +
        'It has the standard input of this command and gets its signals. Its exit code is that of this command: 128 and the number for a signal.',
    )
    .usage('[options] -- command [argument...]')
    .argument('<command...>', 'the program with its arguments')
    .passThroughOptions()
    .addOption(tableOption('store', '-s, --store <path>', `SQLite file that keeps record and log; without it they are sent to TASKSPAN_ENDPOINT, else kept in ${OPTIONS.store.default}`))
    .addOption(new Option('--name <text>', 'name of the task; the command line if absent').argParser(parseName))
    .addOption(new Option('--uuid <uuid>', "the task's UUID; a new one if absent").argParser(parseUuid))
    .addOption(new Option('--attempt <number>', 'number of this attempt, for a retry').argParser(parseCount(1)))
    .option('-q, --quiet', 'do not pass on what the program writes, nor print the UUID')
    .option('--json', 'print the record at the end; what the program writes goes to standard error')
    .action(async (line: string[], options: RunOptions) => {
      const { run } = await import('./run.ts');
      exitWith(await run(line, options));
    });
}

function serveCommand(): Command {
  return new Command('serve')
    .summary('serve the tasks of a store')
    .description('Serves the records and logs of a store, also of tasks in other processes, and receives spans and facts by OTLP/HTTP, until Ctrl-C or SIGTERM.')
    .addOption(tableOption('serve.port', '-p, --port <number>', 'port to serve the tasks on; 0 takes a free one').default(OPTIONS['serve.port'].default))
    .addOption(
      tableOption('serve.host', '--host <address>', 'address to serve them on; any but loopback needs TASKSPAN_TOKEN or TASKSPAN_GUARDED')
        .argParser(parseHost)
        .default(OPTIONS['serve.host'].default),
    )
    .addOption(tableOption('store', '-s, --store <path>', 'SQLite file that keeps records and logs').default(OPTIONS.store.default))
    // Its variables are read by `startTaskspan`.
    .option('--endpoint <url>', 'OTLP/HTTP receiver to which the open spans of lost tasks are sent (OTEL_EXPORTER_OTLP_ENDPOINT)', parserOf('endpoint'))
    .action(async (options: ServingOptions) => {
      const { serve } = await import('./serve.ts');
      await serve(options);
    });
}

/** Deletes the variables of taskspan that are empty or blank: for commander an empty one has a value. */
function deleteEmptyVariables(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (name.startsWith('TASKSPAN_') && variableText(env, name) === undefined) delete env[name];
  }
}

/** The package finds itself by name, in the repository and where it is installed. */
function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('taskspan/package.json') as { version: string };
  return version;
}

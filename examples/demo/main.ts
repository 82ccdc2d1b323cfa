/**
 * What `npm start` runs: tasks that are worth watching, and the page that shows them. They last some 80 seconds; the page
 * stays up until Ctrl-C.
 *
 *     npm start -- /some/folder
 */
import { opendir } from 'node:fs/promises';
import { startTaskspan } from 'taskspan/collector';
import type { Taskspan } from 'taskspan/collector';
import { HELP, optionsOf } from './options.ts';
import type { DemoOptions } from './options.ts';
import { runTasks } from './tasks.ts';
import { aborted, fail, holdWarnings, messageOf, print, stopSignal, strong } from './terminal.ts';
import type { HeldWarnings } from './terminal.ts';

process.exitCode = await main(process.argv.slice(2));

/** Runs the demo and resolves to its exit code: 0, 1 where it could not run, 2 for wrong options. */
async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions;
  try {
    options = optionsOf(args);
  } catch (error) {
    return fail(error, 2);
  }
  if (options.help) {
    print(HELP.trimEnd());
    return 0;
  }
  try {
    await (await opendir(options.folder)).close();
  } catch (error) {
    return fail(new Error(`the folder ${options.folder} can't be read: ${whyUnreadable(error)}`), 1);
  }
  const warnings = holdWarnings();
  let taskspan: Taskspan;
  try {
    taskspan = await start(options, warnings);
  } catch (error) {
    return fail(error, 2);
  }
  try {
    if (taskspan.failures.length > 0) return fail(new Error(taskspan.failures.map(messageOf).join('; ')), 1);
    // The first line, before anything else: where to look.
    print(`Open ${strong(`${taskspan.url}/tasks`)}`);
    warnings.release();
    const stop = stopSignal();
    await runTasks(taskspan, options, stop);
    await taskspan.flush();
    if (stop.aborted) print('Stopped.');
    if (options.exits || stop.aborted) return 0;
    printWhatElse(options);
    await aborted(stop);
    return 0;
  } finally {
    await taskspan.close();
  }
}

/** Starts collector and server. Where no port was asked for and the usual one is taken, any free one will do. */
async function start({ store, serve }: DemoOptions, warnings: HeldWarnings): Promise<Taskspan> {
  // With `handleSignals` the tasks that Ctrl-C stops end as cancelled.
  const options = { store, registerProvider: true, handleSignals: true } as const;
  const taskspan = await startTaskspan({ ...options, serve });
  const isTaken = taskspan.failures.some((failure) => (failure as NodeJS.ErrnoException).code === 'EADDRINUSE');
  if (!isTaken || serve.port !== undefined || process.env['TASKSPAN_PORT']) return taskspan;
  await taskspan.close();
  warnings.drop();
  return startTaskspan({ ...options, serve: { ...serve, port: 0 } });
}

function whyUnreadable(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is none';
    case 'ENOTDIR':
      return 'it is no folder';
    case 'EACCES':
      return 'permission denied';
    default:
      return messageOf(error);
  }
}

function printWhatElse({ store }: DemoOptions): void {
  print(`
All tasks have ended; the page stays up until Ctrl-C. They are kept in ${store}.
From another terminal:
  npm run -s taskspan -- list
  npm run -s taskspan -- show latest`);
}

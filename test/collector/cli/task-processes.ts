import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startCommand, temporaryFolder } from '../../support/node-process.ts';
import type { EndedProcess, TestProcess } from '../../support/node-process.ts';
import { startScript } from '../runtime/script.ts';

export const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
export const UNKNOWN = '00000000-0000-4000-8000-000000000000';

/** The options that name the source of a command's tasks. */
export interface Place {
  readonly folder: string;
  /** `--store FILE` or `--url URL`. */
  readonly args: readonly string[];
}

/** How a test gets at the tasks in a folder: by the store's file, or by a server on it. */
export const PLACES: readonly { readonly by: string; readonly at: (folder: string) => Promise<Place> }[] = [
  { by: 'a store', at: async (folder) => ({ folder, args: ['--store', join(folder, 'taskspan.sqlite')] }) },
  {
    by: 'a server',
    at: async (folder) => {
      const { url } = await startServer(folder);
      return { folder, args: ['--url', url] };
    },
  },
];

/** `taskspan serve` on the folder's store. */
export async function startServer(
  folder: string,
  { port = 0, env }: { port?: number; env?: Record<string, string> } = {},
): Promise<{ process: TestProcess; url: string }> {
  const process = startCommand(['serve', '--port', String(port)], { cwd: folder, ...(env && { env }) });
  const [, url = ''] = await process.printed(/(http:\S+)\/tasks/);
  return { process, url };
}

/** Runs the command to its end in a folder of its own, so that it finds only the store that is named. */
export async function command(...args: readonly string[]): Promise<EndedProcess> {
  return startCommand(args, { cwd: await temporaryFolder() }).ended;
}

/** A folder with a store that has a task of two jobs, one of them failed, and one that was completed before. */
export async function ranTasks(): Promise<string> {
  const folder = await temporaryFolder();
  if (ranStore === undefined) {
    await runTasks(folder);
    ranStore = await readFile(join(folder, 'taskspan.sqlite'));
  } else await writeFile(join(folder, 'taskspan.sqlite'), ranStore);
  return folder;
}

/** Made by the first test that needs it. */
let ranStore: Buffer | undefined;

async function runTasks(folder: string): Promise<void> {
  const script = await startScript(
    folder,
    `const taskspan = await startTaskspan();
     await runTask('Earlier', async () => undefined);
     await allCommitted(taskspan);
     const updater = new TaskUpdater({ taskName: 'Import \\u001b[31mcustomers', taskUuid: '${UUID}', attributes: { folder: '/data' } });
     updater.scope('Read file', (scope) => scope.notify('12 rows'));
     updater.scope('Write rows', () => { throw new RangeError('row 7 is too long'); });
     updater.insertFinalUpdate();
     await allCommitted(taskspan);
     await taskspan.close();`,
  );
  const { code, stderr } = await script.ended;
  if (code !== 0) throw new Error(`the tasks could not be run: ${stderr}`);
  // A collector thread that took too long to end has left its log beside the file.
  const database = new DatabaseSync(join(folder, 'taskspan.sqlite'));
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
}

/** A task that reports `tick 0`, `tick 1`, … until a file \`stop\` is in the folder, or it is cancelled. */
export async function startTicking(folder: string, options: { end?: string; env?: Record<string, string> } = {}): Promise<TestProcess> {
  const { end = '', env } = options;
  const process = await startScript(
    folder,
    `import { existsSync } from 'node:fs';
     const taskspan = await startTaskspan();
     const ticking = runTask('ticking', async (updater) => {
       await updater.scope('Tick', async (scope) => {
         for (let tick = 0; !existsSync('stop') && !updater.signal.aborted; tick++) {
           scope.notify('tick ' + tick);
           scope.progress(Math.min(tick, 99), 100);
           if (tick === 0) await allCommitted(taskspan).then(() => console.log('begun'));
           await new Promise((resolve) => setTimeout(resolve, 20));
         }
         updater.signal.throwIfAborted();
       });
       ${end}
     }, { taskUuid: '${UUID}' });
     await ticking.catch(() => undefined);
     await allCommitted(taskspan);
     await taskspan.close();`,
    env && { env },
  );
  await process.printed(/begun/);
  return process;
}

/** The numbers of the ticks in a log, in their order. */
export function ticksIn(log: string): number[] {
  return [...log.matchAll(/^\ttick (\d+)$/gm)].map(([, tick]) => Number(tick));
}

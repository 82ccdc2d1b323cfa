import { startTaskspan } from '../start-taskspan.ts';
import type { Taskspan } from '../start-taskspan.ts';
import { CommandError, UsageError } from './command-error.ts';
import { holdReports } from './reports.ts';

/** Where tasks are kept and served. */
export interface ServingOptions {
  readonly port: number;
  readonly host: string;
  readonly store: string;
  /** Where spans go, and with them those that lost tasks have left open. */
  readonly endpoint?: string;
  /** Whether tasks are run in this process too. Default `true`. */
  readonly registerProvider?: boolean;
  /** Whether what others send is taken. Default: as the environment says, else not. */
  readonly receive?: boolean;
}

/** Starts the collector with its server; rejects with a {@link CommandError} where the port or the store is no good. */
export async function startServing(options: ServingOptions): Promise<Taskspan> {
  const { store, port, host, endpoint, registerProvider = true, receive } = options;
  const reports = holdReports();
  const taskspan = await startTaskspan({
    store,
    serve: { port, host, ...(receive !== undefined && { receive }) },
    registerProvider,
    ...(endpoint !== undefined && { endpoint }),
  }).catch((error: Error) => {
    throw new UsageError(error.message);
  });
  if (taskspan.failures.length > 0) {
    await taskspan.close();
    throw new CommandError(taskspan.failures.map(({ message }) => message).join('; '));
  }
  reports.release();
  return taskspan;
}

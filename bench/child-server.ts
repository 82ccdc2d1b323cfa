import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';

/** A server in its own process, and on its own core where the machine can do that. */
export interface ChildServer extends AsyncDisposable {
  readonly pid: number;
  /** The server's next message. */
  answer<T>(): Promise<T>;
  /** CPU time of all of its threads so far, in microseconds. */
  cpuTime(): Promise<number>;
  /** Resident memory in bytes, for a server that answers with it instead of its CPU time. */
  memory(): Promise<number>;
}

/** Starts a file of this folder as a server, and moves this process to another core. */
export function startChildServer(file: string, args: readonly string[]): ChildServer {
  const child = fork(new URL(file, import.meta.url), [...args]);
  const answer = async <T>(): Promise<T> => ((await once(child, 'message')) as [T])[0];
  const ask = (what: string): Promise<number> => {
    const answered = answer<number>();
    child.send(what);
    return answered;
  };
  pin(process.pid, 1);
  pin(child.pid!, 0);
  return {
    pid: child.pid!,
    answer,
    cpuTime: () => ask('cpu'),
    memory: () => ask('memory'),
    async [Symbol.asyncDispose]() {
      // It ends by itself then, and writes its profile if one is asked for.
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

/** Keeps a process to one core where the machine can do that. */
function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // Without it the scheduler decides: more noise, the same figure.
  }
}

import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';

/** A server in a process of its own, on a core of its own where that can be had. */
export interface ChildServer extends AsyncDisposable {
  readonly pid: number;
  /** Its next message. */
  answer<T>(): Promise<T>;
  /** CPU time of all of its threads so far, in microseconds. */
  cpuTime(): Promise<number>;
  /** Resident memory in bytes, of a server that tells it instead. */
  memory(): Promise<number>;
}

/** Starts a file of this folder; this process goes to another core. */
export function startChildServer(file: string, args: readonly string[]): ChildServer {
  const child = fork(new URL(file, import.meta.url), [...args]);
  const answer = async <T>(): Promise<T> => ((await once(child, 'message')) as [T])[0];
  const ask = (what: string): Promise<number> => {
    const told = answer<number>();
    child.send(what);
    return told;
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

/** Keeps a process to one core where that can be had. */
function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // Without it the scheduler decides: more noise, the same figure.
  }
}

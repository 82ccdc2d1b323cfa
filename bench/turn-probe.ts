import { createRequire, syncBuiltinESMExports } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import * as threads from 'node:worker_threads';
import { processCpuTime } from './rounds.ts';

/*
 * Is imported before a program, and measures the CPU time of each turn of the event loop of all its threads. It answers
 * messages of the process that started the program.
 */

export interface Turns {
  /** CPU time of the process so far. */
  readonly cpuUs: number;
  /** CPU time of the longest turn of any thread since the last answer. */
  readonly longestTurnUs: number;
}

const EVERY_MS = 1;
/** Threads have the data of the thread that started them. */
const SHARED = 'longest turn';
if (threads.isMainThread) threads.setEnvironmentData(SHARED, new SharedArrayBuffer(4));
const longest = new Int32Array(threads.getEnvironmentData(SHARED) as unknown as SharedArrayBuffer);
let before = threadCpu();

/** A timer fires in each turn that is longer than its interval. */
setInterval(() => {
  const now = threadCpu();
  if (now - before > Atomics.load(longest, 0)) Atomics.store(longest, 0, now - before);
  before = now;
}, EVERY_MS).unref();

if (threads.isMainThread) {
  process.on('message', () => void answer());
  process.channel!.unref();
  probeThreads();
}

async function answer(): Promise<void> {
  // The turn that has answered the last request ends meanwhile.
  await delay(2 * EVERY_MS);
  const turns: Turns = { cpuUs: processCpuTime(), longestTurnUs: Atomics.exchange(longest, 0, 0) };
  process.send!(turns);
}

function threadCpu(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Has the threads of the program import this file too. */
function probeThreads(): void {
  const module = createRequire(import.meta.url)('node:worker_threads') as { Worker: typeof threads.Worker };
  module.Worker = class extends threads.Worker {
    constructor(program: string | URL, options: threads.WorkerOptions = {}) {
      super(program, { ...options, execArgv: [...(options.execArgv ?? []), '--import', import.meta.url] });
    }
  };
  syncBuiltinESMExports();
}

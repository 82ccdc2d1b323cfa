import { parentPort, workerData } from 'node:worker_threads';
import { sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';

/** Opens new databases at the same time as other threads, and reports the result of each. */
const { gate, paths, threads } = workerData as { gate: Int32Array; paths: string[]; threads: number };

const failures: string[] = [];
for (const [at, path] of paths.entries()) {
  const all = threads * (at + 1);
  Atomics.add(gate, 0, 1);
  Atomics.notify(gate, 0);
  // Not in a busy loop: where cores are few, it would keep those from running who are waited for.
  for (let came = Atomics.load(gate, 0); came < all; came = Atomics.load(gate, 0)) Atomics.wait(gate, 0, came);
  try {
    const store = sqliteStore(path);
    await store.open();
    await store.close();
  } catch (error) {
    failures.push(String(error));
  }
}
const port = parentPort!;
port.postMessage(failures);

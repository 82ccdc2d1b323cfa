import { parentPort, workerData } from 'node:worker_threads';
import { sqliteStore } from '../../../collector/store/sqlite-store.ts';

/** Opens new databases at the very time at which others do, and says what came of each. */
const { gate, paths, threads } = workerData as { gate: Int32Array; paths: string[]; threads: number };

const failures: string[] = [];
for (const [at, path] of paths.entries()) {
  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 0) < threads * (at + 1));
  try {
    const store = sqliteStore(path);
    await store.append([]);
    await store.close();
  } catch (error) {
    failures.push(String(error));
  }
}
const port = parentPort!;
port.postMessage(failures);

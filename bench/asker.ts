import { setTimeout as delay } from 'node:timers/promises';

/** A client in its own process: it sends requests until a message stops it, then sends how long each answer took. */
const [url, pauseMs] = process.argv.slice(2);
const stop = new AbortController();
process.on('message', () => stop.abort());
process.on('disconnect', () => process.exit());

const times: number[] = [];
while (!stop.signal.aborted) {
  const before = performance.now();
  const response = await fetch(url!);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`expected 200, got ${response.status}`);
  times.push(performance.now() - before);
  await delay(Number(pauseMs));
}
process.send!(times);

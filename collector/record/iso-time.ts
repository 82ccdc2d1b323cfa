/** The second that was told last, and its text: times of a task lie close together. */
let [lastSecond, lastText] = [0, '1970-01-01T00:00:00'];

/** Microseconds since the epoch as ISO 8601 in UTC, with microseconds. */
export function isoTime(micros: number): string {
  const second = Math.floor(micros / 1_000_000);
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toISOString().slice(0, -'.000Z'.length);
    lastSecond = second;
  }
  return `${lastText}.${String(micros - second * 1_000_000).padStart(6, '0')}Z`;
}

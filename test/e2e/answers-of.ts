/** How many requests of a signal, `traces` or `logs`, a server has answered, by status and its own count. */
export async function answersOf(url: string, signal: string): Promise<Record<string, number>> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const counts = metrics.matchAll(/^taskspan_received_requests_total\{signal="(\w+)",status="(\d+)"\} (\d+)/gm);
  return Object.fromEntries([...counts].filter(([, of]) => of === signal).map(([, , status = '', count]) => [status, Number(count)]));
}

/** Starts the collector with the server, before any task. */
export async function register(): Promise<void> {
  if (process.env['NEXT_RUNTIME'] !== 'nodejs') return;
  const { taskspan } = await import('./lib/tasks');
  await taskspan();
}

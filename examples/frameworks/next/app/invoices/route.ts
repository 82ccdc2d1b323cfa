import { sendInvoices } from '../../lib/tasks';

export async function POST(): Promise<Response> {
  // The task may be asked for before it is stored: `wait` waits for it.
  return new Response(null, { status: 202, headers: { Location: `/jobs/tasks/${sendInvoices()}?wait=10` } });
}

import { sendInvoices } from '../../lib/tasks';

export async function POST(): Promise<Response> {
  return new Response(null, { status: 202, headers: { Location: `/jobs/tasks/${await sendInvoices()}` } });
}

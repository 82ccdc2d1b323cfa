import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { startNode, temporaryFolder } from '../../support/node-process.ts';
import { describeWithPostgres, startPostgres } from '../postgres.ts';
import { describeWithRedis, startRedis } from '../redis.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));

async function printedBy(example: string, env: Record<string, string>): Promise<string> {
  const args = ['--disable-warning=ExperimentalWarning', '--import', `${EXAMPLES}from-source.ts`, `${EXAMPLES}queues/${example}`];
  const { code, stdout, stderr } = await startNode(args, { cwd: await temporaryFolder(), env }).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** A mail that is sent at the second try. */
const MAIL = `	 - Connect
		Failed
		Time spent: 0h0m
		See error message:
Error: the mail server is not there
	Task Finished - 0 out of 1 jobs finished
	Attempt 2
	 - Connect
		Successfully completed
		Time spent: 0h0m
	Sent to ada@example.com
	Task Finished - 1 out of 1 jobs finished

`;

describeWithRedis('the example with BullMQ', () => {
  it('runs, with a job that is tried again', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    expect(await printedBy('bullmq.ts', { REDIS_PORT: String(redis.connection.port) })).toBe(MAIL);
  });
});

describeWithPostgres('the example with pg-boss', () => {
  it('runs, with a job that is tried again', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    expect(await printedBy('pg-boss.ts', { DATABASE_URL: postgres.url })).toBe(MAIL);
  });
});

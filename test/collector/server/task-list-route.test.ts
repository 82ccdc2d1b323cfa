import { expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { TASK_STATES, type TaskState, type TaskSummary } from '../../../src/task-record.ts';
import { plainStore, plainTask, type PlainTask } from './plain-store.ts';

interface Page {
  tasks: TaskSummary[];
  next: string | null;
}

/** Task 1 is the oldest. */
function tasks(count: number, state: (n: number) => TaskState = () => 'running'): PlainTask[] {
  return Array.from({ length: count }, (_, index) => {
    const n = index + 1;
    const uuid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    return plainTask({ uuid, name: `Task ${n}`, state: state(n), version: n, log: '\tline\n' });
  });
}

async function get(kept: PlainTask[], path: string): Promise<{ response: Response; page: Page; names: string[] }> {
  const response = await createTasksApp({ store: plainStore(...kept) }).request(path);
  const page: Page = JSON.parse(await response.text());
  return { response, page, names: (page.tasks ?? []).map((task) => task.task_name) };
}

test('tasks are listed newest first, as summaries without their logs', async () => {
  const { response, page, names } = await get(tasks(3), '/tasks');
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('application/json');
  expect(names).toEqual(['Task 3', 'Task 2', 'Task 1']);
  expect(page.next).toBeNull();
  expect(response.headers.get('Link')).toBeNull();
  expect(page.tasks[0]).not.toHaveProperty('log');
  expect(page.tasks[0]).toMatchObject({ version: 3, log_bytes: 6, state: 'running' });
});

test('no tasks are an empty list', async () => {
  expect((await get([], '/tasks')).page).toEqual({ tasks: [], next: null });
});

test('a page has 50 tasks by default, and at most 200', async () => {
  expect((await get(tasks(201), '/tasks')).names).toHaveLength(50);
  expect((await get(tasks(201), '/tasks?limit=200')).names).toHaveLength(200);
  expect((await get(tasks(201), '/tasks?limit=1')).names).toEqual(['Task 201']);
});

test('following "next" visits each task once', async () => {
  const seen: string[] = [];
  let next: string | null = '';
  while (next !== null) {
    const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
    const { page, names } = await get(tasks(5), `/tasks?limit=2${cursor}`);
    seen.push(...names);
    next = page.next;
  }
  expect(seen).toEqual(['Task 5', 'Task 4', 'Task 3', 'Task 2', 'Task 1']);
});

test('following the Link header visits the same pages, the filter included', async () => {
  const kept = tasks(9, (n) => (n % 2 === 0 ? 'failed' : 'running'));
  const seen: string[] = [];
  let url: string | undefined = 'http://localhost/tasks?limit=2&state=running';
  while (url !== undefined) {
    const { response, names } = await get(kept, url);
    seen.push(...names);
    const link = response.headers.get('Link')?.match(/^<(\?[^>]+)>; rel="next"$/)?.[1];
    url = link === undefined ? undefined : new URL(link, url).href;
  }
  expect(seen).toEqual(['Task 9', 'Task 7', 'Task 5', 'Task 3', 'Task 1']);
});

test.each(TASK_STATES)('tasks can be listed by the state %s', async (state) => {
  const kept = tasks(2 * TASK_STATES.length, (n) => TASK_STATES[n % TASK_STATES.length]!);
  const { page } = await get(kept, `/tasks?state=${state}`);
  expect(page.tasks.map((task) => task.state)).toEqual([state, state]);
});

test.each(['0', '201', '-1', '1.5', 'many', '', '1e2', '9'.repeat(400)])('limit=%s is refused', async (limit) => {
  const { response, page } = await get(tasks(1), `/tasks?limit=${limit}`);
  expect(response.status).toBe(400);
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  expect(page).toMatchObject({ detail: expect.stringContaining('limit: expected a whole number from 1 to 200, got "') });
  expect(JSON.stringify(page).length).toBeLessThan(400);
});

test('an unknown state is refused with the ones that there are', async () => {
  const { response, page } = await get(tasks(1), '/tasks?state=done');
  expect(response.status).toBe(400);
  expect(page).toMatchObject({
    detail: 'state: expected one of queued, running, completed, failed, cancelled, expired, lost, got "done"',
  });
});

test('an invalid cursor is refused', async () => {
  const { response, page } = await get(tasks(1), '/tasks?cursor=made-up');
  expect(response.status).toBe(400);
  expect(page).toMatchObject({ detail: 'cursor: expected the "next" of a page, got "made-up"' });
});

import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { useTask, useTaskLog, useTasks } from '../../../src/client/react.ts';

test('on a server the hooks give what a page has at first, and ask nothing', () => {
  const asked = vi.spyOn(globalThis, 'fetch');
  const Page = (): ReturnType<typeof createElement> => {
    const { connection, task } = useTask('/tasks/0190b1c4-7e5f-7000-8000-000000000001', { scopes: true, token: () => 'secret' });
    const { parts } = useTaskLog('/tasks/0190b1c4-7e5f-7000-8000-000000000001');
    const { tasks } = useTasks('/tasks', { filter: { state: 'running' } });
    return createElement('p', null, `${connection} ${task?.state} ${parts.length} ${tasks.length}`);
  };
  expect(renderToString(createElement(Page))).toBe('<p>connecting undefined 0 0</p>');
  expect(asked).not.toHaveBeenCalled();
  asked.mockRestore();
});

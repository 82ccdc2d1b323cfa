import type { Fact } from '../../src/fact.ts';

/** Facts by the task they belong to, each task's in their order. */
export function byTask(facts: readonly Fact[]): Map<string, Fact[]> {
  const tasks = new Map<string, Fact[]>();
  let uuid: string | undefined;
  let list: Fact[] = [];
  for (const fact of facts) {
    const { taskUuid } = fact.span;
    if (taskUuid !== uuid) {
      uuid = taskUuid;
      list = tasks.get(uuid) ?? [];
      tasks.set(uuid, list);
    }
    list.push(fact);
  }
  return tasks;
}

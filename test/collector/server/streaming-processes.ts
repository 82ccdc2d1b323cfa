import { startScript } from '../runtime/script.ts';
import type { TestProcess } from '../../support/node-process.ts';

const root = new URL('../../../', import.meta.url);

/** A server in a process of its own on the SQLite file of the folder. */
export async function startStreamServer(folder: string, port: number = 0): Promise<{ process: TestProcess; url: string }> {
  const process = await startScript(
    folder,
    `const store = sqliteStore('taskspan.sqlite');
     const { url } = await serveTasks({ app: createTasksApp({ store }), port: ${port} });
     console.log(url);`,
    {
      imports: `
        import { createTasksApp, sqliteStore } from '${new URL('collector/index.ts', root).href}';
        import { serveTasks } from '${new URL('collector/server/serve-tasks.ts', root).href}';
      `,
      args: ['--disable-warning=ExperimentalWarning'],
    },
  );
  const [url] = await process.printed(/http:\S+/);
  return { process, url };
}

/** A task in a process of its own that reports \`step 0\`, \`step 1\`, … until there is a file \`stop\` in the folder. */
export async function startSteppingTask(folder: string, uuid: string): Promise<TestProcess> {
  const process = await startScript(
    folder,
    `import { existsSync } from 'node:fs';
     const taskspan = await startTaskspan();
     await runTask('stepping', async (updater) => {
       updater.notify('step 0');
       await taskspan.flush();
       console.log('begun');
       for (let step = 1; !existsSync('stop'); step++) {
         updater.notify('step ' + step);
         updater.progress(step);
         if (step % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
       }
     }, { taskUuid: '${uuid}' });`,
  );
  await process.printed(/begun/);
  return process;
}

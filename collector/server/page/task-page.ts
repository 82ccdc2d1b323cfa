import type { Context } from 'hono';
import { labels, title } from '../../../src/client/words.ts';
import type { StoredTask, TaskStore } from '../../store/task-store.ts';
import { problem } from '../answers.ts';
import { detailsView } from './details-view.ts';
import { failureView } from './failure-view.ts';
import { headView } from './head-view.ts';
import { logView } from './log-view.ts';
import { flag, html } from './markup.ts';
import type { Html } from './markup.ts';
import { readPageData } from './page-data.ts';
import type { TaskPageData } from './page-data.ts';
import type { PageQuery } from './page-query.ts';
import { page, pageAnswer } from './shell.ts';
import type { PageSettings } from './shell.ts';
import { stepsView, stepTemplate } from './steps-view.ts';

/** The page of a task that was just read; `undefined` if the task has been deleted since. */
export async function taskPage(c: Context, store: TaskStore, stored: StoredTask, query: PageQuery, settings: PageSettings): Promise<Response | undefined> {
  const data = await readPageData(store, stored, query, settings);
  if (query.of !== undefined && data?.shown === undefined) return problem(404, `the task has no step ${query.of}`);
  return data && pageAnswer(c, taskView(data), { frameAncestors: query.embed ? settings.frameAncestors : [] });
}

/** The order is that in which a person asks: what, how it is, what went wrong, its steps, its log, the rest. */
function taskView(data: TaskPageData): Html {
  const { task, query: { embed } } = data;
  const body = html`<taskspan-task src="${task.task_uuid}" data-state="${task.state}"${flag('embed', embed)}>
${embed ? '' : html`<nav class="back small"><a href="../tasks">‹ ${labels.allTasks}</a></nav>`}
${headView(data)}
${failureView(data)}
<div class="columns">
${stepsView(data)}
${logView(data)}
${embed ? '' : detailsView(data)}
</div>
${stepTemplate()}
</taskspan-task>`;
  return page({ title: title(task), base: '', icon: task.state, script: 'task-page', body, className: embed ? 'one embed' : 'one' });
}

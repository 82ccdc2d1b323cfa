import type { TaskSummary } from '../task-record.ts';
import { one, put } from './dom.ts';
import { TaskspanLog } from './log-element.ts';
import { TaskspanTask } from './task-element.ts';
import { headline, plain, text, title } from './words.ts';

/** The script of a task's page: what an element may not touch is the page's own, its title, its icon and notifications. */

// The log is driven by the task around it, and the bar is none of its own here.
customElements.define('taskspan-log', TaskspanLog);
customElements.define('taskspan-task', TaskspanTask);

const element = one(document, 'taskspan-task')!;
const icon = one<HTMLLinkElement>(document, 'link[rel=icon]')!;
let wantsNotice = false;

element.addEventListener('taskspan-change', (event) => {
  const task = (event as CustomEvent<TaskSummary>).detail;
  const now = title(task);
  if (document.title !== now) document.title = now;
  const href = icon.href.replace(/\w+(?=\.svg)/, task.state);
  if (icon.href !== href) icon.href = href;
});

element.addEventListener('taskspan-end', (event) => {
  if (!wantsNotice) return;
  const task = (event as CustomEvent<TaskSummary>).detail;
  const notice = new Notification(title(task), { body: [headline(task, Date.now()).lead, plain(task.exception)].join('\n').trim(), tag: task.task_uuid, icon: icon.href });
  notice.addEventListener('click', () => window.focus());
});

const notify = one<HTMLButtonElement>(document, '.notify');
if (notify !== null && 'Notification' in globalThis) {
  notify.hidden = false;
  notify.addEventListener('click', () => {
    if (wantsNotice) {
      wantsNotice = false;
      put(notify, text.notify);
      notify.ariaPressed = 'false';
      return;
    }
    void Notification.requestPermission().then((permission) => {
      wantsNotice = permission === 'granted';
      put(notify, wantsNotice ? text.notified : text.refused);
      notify.ariaPressed = String(wantsNotice);
    });
  });
}

const cancel = one(document, '.cancel');
cancel?.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const fields = new URLSearchParams(new FormData(form) as never);
  void ask(form.action, fields).then((problem) => {
    const note = one(document, '.note')!;
    // What comes of it comes by the stream.
    note.hidden = problem === undefined;
    put(note, problem ?? '');
    cancel.removeAttribute('open');
  });
});

cancel?.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  cancel.removeAttribute('open');
  one(cancel, 'summary')!.focus();
});

/** Sends a form; gives what is wrong, if something is. */
async function ask(url: string, fields: URLSearchParams): Promise<string | undefined> {
  try {
    const response = await fetch(url, { method: 'POST', headers: { Accept: 'application/json' }, body: fields });
    return response.ok ? undefined : ((await response.json()) as { detail: string }).detail;
  } catch {
    return text.interrupted;
  }
}

/** How often the page of a failed task asks whether another attempt has begun, in milliseconds. */
const ATTEMPT_MS = 10_000;

// The stream has ended with the attempt that failed. Another one makes the whole page anew.
setInterval(() => {
  if (document.hidden || element.dataset['state'] !== 'failed') return;
  void fetch(`${element.getAttribute('src')}?log=0&as=json`)
    .then(async (response) => {
      if (response.ok && !((await response.json()) as TaskSummary).finished) location.reload();
    })
    .catch(() => undefined);
}, ATTEMPT_MS);

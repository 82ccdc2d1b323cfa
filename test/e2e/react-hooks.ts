/** What the hooks of `taskspan/react` do in a real Chromium, for any version of React. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import type { Page } from 'playwright-core';
import { build } from 'rolldown';
import { expect, onTestFinished, test } from 'vitest';
import { serveTasks } from '../../collector/server/serve-tasks.ts';
import { createTasksApp } from '../../collector/server/tasks-app.ts';
import { memoryStore } from '../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../collector/store/task-store.ts';
import { ScriptedTask } from '../collector/record/scripted-task.ts';
import type { ScriptedAttempt } from '../collector/record/scripted-task.ts';
import { factsOf, NOW, uuidOf } from '../collector/store/stored-task.ts';
import { describeWithPages, openPage } from './open-page.ts';

/** A page of components that a test mounts by name. Each shows what its hook gives, and counts how often it was rendered. */
const PAGE = `
import { createElement as h, StrictMode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { useTask, useTaskLog, useTasks } from 'taskspan/react';

const rendered = (globalThis.rendered = {});
const count = (id) => (rendered[id] = (rendered[id] ?? 0) + 1);
const withToken = ({ token, ...options }, id) => ({ ...options, ...(token && { token: () => token + ' of ' + id + ' ' + rendered[id] }) });

function Task({ id, url, options = {} }) {
  count(id);
  const { connection, task, attempts, error } = useTask(url, withToken(options, id));
  return h('p', { id }, [connection, task?.state, task?.version, attempts[0]?.scopes.length, error?.status].map(String).join(' '));
}
function Log({ id, url, options = {} }) {
  count(id);
  return h('pre', { id }, useTaskLog(url, withToken(options, id)).parts.join(''));
}
function List({ id, url, options }) {
  const { tasks, connection } = useTasks(url, options);
  return h('p', { id }, connection + ' ' + tasks.map(({ task_name, state }) => task_name + ' ' + state).join(', '));
}
const KINDS = { Task, Log, List };
const treeOf = (parts, strict) => h(strict ? StrictMode : 'div', null, parts.map(({ kind, ...props }) => h(KINDS[kind], { key: props.id, ...props })));

let root;
globalThis.show = (parts, strict = false) => {
  root ??= createRoot(document.querySelector('#root'));
  flushSync(() => root.render(treeOf(parts, strict)));
};
globalThis.hydrate = (parts, html) => {
  document.querySelector('#root').innerHTML = html;
  root = hydrateRoot(document.querySelector('#root'), treeOf(parts, false));
};
`;

/** A part of the page. */
interface Part {
  kind: 'Task' | 'Log' | 'List';
  id: string;
  url?: string;
  options?: Record<string, unknown>;
}

/** A task, the page that shows it, and the streams that are open. */
class HooksPage {
  readonly store: TaskStore;
  readonly task: ScriptedTask = new ScriptedTask();
  readonly attempt: ScriptedAttempt = this.task.attempt();
  readonly faults: string[];
  readonly page: Page;
  /** The streams so far, each as its query and its token. */
  readonly streams: string[];
  /** Those that the page has not closed. */
  readonly open: Set<string>;
  /** Answers a stream in place of the app. */
  readonly control: Control;

  private constructor(page: Page, faults: string[], control: Control) {
    this.page = page;
    this.faults = faults;
    this.control = control;
    ({ streams: this.streams, open: this.open, store: this.store } = control);
  }

  static async begin(script: string): Promise<HooksPage> {
    const control: Control = { streams: [], open: new Set(), store: memoryStore(), instead: () => undefined };
    const server = await serveTasks({ app: appOf(script, control), port: 0 });
    onTestFinished(async () => {
      await server.close();
      await control.store.close();
    });
    const { page, faults } = await openPage(`${server.url}/app`);
    const hooks = new HooksPage(page, faults, control);
    await hooks.store.append(hooks.task.facts);
    return hooks;
  }

  get url(): string {
    return `/tasks/${this.task.uuid}`;
  }

  show(parts: Part[], strict = false): Promise<void> {
    return this.page.evaluate(`show(${JSON.stringify(parts)}, ${strict})`);
  }

  async commit(calls: () => void): Promise<void> {
    await this.store.append(this.task.during(calls));
  }

  text(id: string): Promise<string> {
    return this.page.evaluate(`document.getElementById(${JSON.stringify(id)})?.textContent ?? ''`);
  }

  async shows(id: string, text: string): Promise<void> {
    await expect.poll(() => this.text(id)).toBe(text);
  }

  rendered(id: string): Promise<number> {
    return this.page.evaluate(`rendered[${JSON.stringify(id)}]`);
  }
}

interface Control {
  streams: string[];
  open: Set<string>;
  store: TaskStore;
  instead: (request: Request) => Response | Promise<Response> | undefined;
}

function appOf(script: string, control: Control): Hono {
  const tasks = createTasksApp({ store: control.store });
  const app = new Hono();
  app.get('/app', (c) => c.html('<!doctype html><meta charset=utf-8><link rel=icon href=data:,><div id=root></div><script type=module src=/app.js></script>'));
  app.get('/app.js', (c) => c.body(script, 200, { 'Content-Type': 'text/javascript' }));
  app.get('/tasks/:uuid/events', async (c) => {
    const { search } = new URL(c.req.url);
    const stream = `${control.streams.length} ${search} ${c.req.header('Authorization') ?? ''}`.trim();
    control.streams.push(stream);
    control.open.add(stream);
    c.req.raw.signal.addEventListener('abort', () => control.open.delete(stream));
    return (await control.instead(c.req.raw)) ?? tasks.fetch(c.req.raw, c.env);
  });
  app.route('/', tasks);
  return app;
}

/**
 * The suite.
 *
 * @param resolve What the bundler takes for `taskspan/react` and for React: a folder with `node_modules`, or names with their files.
 */
export function describeHooks(name: string, resolve: () => Promise<{ folder: string; alias?: Record<string, string> }>): void {
  describeWithPages(name, () => {
    let built: Promise<string> | undefined;
    const begin = async (): Promise<HooksPage> => HooksPage.begin(await (built ??= resolve().then(bundled)));
    const one = (id: string, url: string, options?: Part['options']): Part => ({ kind: 'Task', id, url, ...(options && { options }) });

    test('a task is followed to its end, in StrictMode too, by one connection for all components', async () => {
      const hooks = await begin();
      const { url } = hooks;
      const parts: Part[] = [one('a', url), one('b', url, { scopes: true }), { kind: 'Log', id: 'log', url }, { kind: 'Log', id: 'log2', url }];
      await hooks.show(parts, true);
      await hooks.shows('a', 'live running 1 0 undefined');
      await hooks.commit(() => hooks.attempt.scope('Part').notify('hello'));
      await hooks.shows('b', 'live running 2 1 undefined');
      await hooks.shows('log', '\t - Part\n\thello\n');
      await hooks.commit(() => {
        hooks.attempt.scopes[0]!.complete();
        hooks.attempt.complete();
      });
      for (const id of ['a', 'b']) await hooks.shows(id, 'ended completed 3 1 undefined');
      expect(hooks.streams).toEqual(['0 ?scopes=1&log=text']);
      expect(hooks.faults).toEqual([]);
    });

    test('a fresh token at each render is one connection, and the next connection asks the latest', async () => {
      const hooks = await begin();
      for (let round = 0; round < 5; round++) await hooks.show([one('a', hooks.url, { token: `t${round}` })]);
      await hooks.shows('a', 'live running 1 undefined undefined');
      for (let round = 5; round < 10; round++) await hooks.show([one('a', hooks.url, { token: `t${round}` })]);
      expect(hooks.streams.length).toBe(1);
      hooks.control.instead = (request) => (request.headers.get('Authorization')!.includes('t9') ? undefined : new Response('{"detail":"no"}', { status: 401, headers: { 'Content-Type': 'application/problem+json' } }));
      // Another component, which asks for more, opens it anew.
      await hooks.show([one('a', hooks.url, { token: 't9' }), { kind: 'Log', id: 'log', url: hooks.url, options: { token: 't9' } }]);
      await hooks.commit(() => hooks.attempt.notify('more'));
      await hooks.shows('log', '\tmore\n');
      await hooks.shows('a', 'live running 2 undefined undefined');
      expect(hooks.streams.length).toBe(2);
      await expect.poll(() => hooks.open.size).toBe(1);
      expect(hooks.faults).toEqual([]);
    });

    test('a component that is removed while it connects leaves no connection, no error and no warning', async () => {
      const hooks = await begin();
      const answer = Promise.withResolvers<Response>();
      hooks.control.instead = () => answer.promise;
      await hooks.show([one('a', hooks.url)], true);
      await expect.poll(() => hooks.open.size).toBe(1);
      await hooks.show([]);
      await expect.poll(() => hooks.open.size).toBe(0);
      answer.resolve(new Response('', { status: 502 }));
      hooks.control.instead = () => undefined;
      // It comes again, and so does its connection.
      await hooks.show([one('a', hooks.url)]);
      await hooks.shows('a', 'live running 1 undefined undefined');
      expect(hooks.streams.length).toBe(2);
      await hooks.show([]);
      await expect.poll(() => hooks.open.size).toBe(0);
      expect(hooks.faults).toEqual([]);
    });

    test('a component that is moved to another task, or has none, closes the connection before', async () => {
      const hooks = await begin();
      await hooks.show([{ kind: 'Task', id: 'a' }]);
      await hooks.shows('a', 'connecting undefined undefined undefined undefined');
      await hooks.show([one('a', hooks.url)]);
      await hooks.shows('a', 'live running 1 undefined undefined');
      await hooks.store.append(factsOf(uuidOf(7), { end: 'completed' }));
      await hooks.show([one('a', `/tasks/${uuidOf(7)}`)]);
      await hooks.shows('a', 'ended completed 1 undefined undefined');
      await expect.poll(() => [...hooks.open].filter((stream) => stream.startsWith('0 '))).toEqual([]);
      await hooks.show([one('a', '/tasks/00000000-0000-4000-8000-999999999999')]);
      await hooks.shows('a', 'failed undefined undefined undefined 404');
      expect(hooks.faults).toEqual([]);
    });

    test('useTaskLog renders its component only when the log has grown', async () => {
      const hooks = await begin();
      const { url } = hooks;
      await hooks.show([one('a', url), { kind: 'Log', id: 'log', url }]);
      await hooks.shows('a', 'live running 1 undefined undefined');
      const before = await hooks.rendered('log');
      await hooks.commit(() => hooks.attempt.progress(1, 2));
      await hooks.shows('a', 'live running 2 undefined undefined');
      expect(await hooks.rendered('log')).toBe(before);
      await hooks.commit(() => hooks.attempt.notify('more'));
      await hooks.shows('log', '\tmore\n');
      expect(await hooks.rendered('log')).toBe(before + 1);
    });

    test('useTasks has the tasks of a filter', async () => {
      const hooks = await begin();
      await hooks.store.append(factsOf(uuidOf(1), { time: NOW, end: 'completed' }));
      await hooks.show([{ kind: 'List', id: 'list', url: '/tasks', options: { filter: { state: 'running' } } }], true);
      await hooks.shows('list', 'live TEST running');
      await hooks.commit(() => hooks.attempt.complete());
      await hooks.shows('list', 'live ');
      expect(hooks.faults).toEqual([]);
    });

    test('what a server has rendered is taken over without a difference', async () => {
      const hooks = await begin();
      const { url } = hooks;
      const html = '<div><p id="a">connecting undefined undefined undefined undefined</p><pre id="log"></pre></div>';
      const parts: Part[] = [one('a', url), { kind: 'Log', id: 'log', url }];
      await hooks.page.evaluate(`hydrate(${JSON.stringify(parts)}, ${JSON.stringify(html)})`);
      await hooks.shows('a', 'live running 1 undefined undefined');
      expect(hooks.streams.length).toBe(1);
      expect(hooks.faults).toEqual([]);
    });
  });
}

async function bundled({ folder, alias = {} }: { folder: string; alias?: Record<string, string> }): Promise<string> {
  const input = join(folder, 'hooks-page.js');
  await writeFile(input, PAGE);
  const { output } = await build({
    input,
    platform: 'browser',
    resolve: { alias },
    // With the warnings of React.
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
    output: { format: 'es', codeSplitting: false },
    write: false,
    logLevel: 'silent',
  });
  return output[0].code;
}

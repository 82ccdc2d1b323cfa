import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TASK_STATES } from '../../src/task-record.ts';
import * as conventions from '../../src/conventions.ts';
import { blockOf } from './code-blocks.ts';
import { filesIn, REPOSITORY } from './imports.ts';

const read = (file: string): string => readFileSync(join(REPOSITORY, file), 'utf8');

const PAGES = [
  ...readdirSync(REPOSITORY).filter((file) => file.endsWith('.md')),
  ...['bench', 'docs', 'docs/decisions', 'examples'].flatMap((folder) =>
    readdirSync(join(REPOSITORY, folder))
      .filter((file) => file.endsWith('.md'))
      .map((file) => `${folder}/${file}`),
  ),
];

describe('the pages', () => {
  for (const page of PAGES) {
    it(`${page} has links that lead somewhere`, () => {
      expect(linksIn(page).filter(({ path, heading }) => !leadsTo(page, path, heading))).toEqual([]);
    });
  }

  it('have their pictures', () => {
    const pictures = PAGES.flatMap((page) => [...read(page).matchAll(/\b(?:src|srcset)="(docs\/[^"]+)"/g)].map(([, path = '']) => path));
    expect(pictures.length).toBeGreaterThan(1);
    expect(pictures.filter((path) => !existsSync(join(REPOSITORY, path)))).toEqual([]);
  });

  it('lead to what is in the package alone, where they are in it themselves', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const packed = ['README.md', 'LICENSE', ...files];
    const pages = PAGES.filter((page) => packed.some((path) => page === path || page.startsWith(`${path}/`)));
    expect(pages).toContain('docs/decisions/README.md');
    const links = pages.flatMap((page) => linksIn(page).map(({ path }) => ({ page, target: join(dirname(page), path) })));
    const outside = links.filter(({ target }) => !packed.some((path) => target === path || target.startsWith(`${path}/`)));
    expect(outside).toEqual([]);
  });

  it('are all listed in docs/README.md', () => {
    const listed = linksIn('docs/README.md').map(({ path }) => path);
    const there = readdirSync(join(REPOSITORY, 'docs')).filter((file) => file.endsWith('.md') && file !== 'README.md');
    expect(there.filter((file) => !listed.includes(file))).toEqual([]);
  });

  it('name files that exist, where they describe the code', () => {
    const names = ['docs/house.md', 'docs/store.md', 'docs/reliability.md'].flatMap((page) => [...read(page).matchAll(FILE_OF_CODE)]);
    expect(names.length).toBeGreaterThan(40);
    expect(names.map(([, name = '']) => name).filter((name) => !existsSync(join(REPOSITORY, name)))).toEqual([]);
  });

  it('and the comments of the code name files that exist', () => {
    const names = ['src', 'collector'].flatMap(filesIn).flatMap((file) => [...read(file).matchAll(FILE_IN_COMMENT)].map(([name]) => ({ file, name })));
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter(({ name }) => !existsSync(join(REPOSITORY, name)))).toEqual([]);
  });

  it('and the links of comments lead to names that their file has', () => {
    const links = ['src', 'collector', 'test'].flatMap(filesIn).flatMap((file) => {
      const text = read(file);
      const code = text.replaceAll(COMMENT, '');
      return [...text.matchAll(LINK_IN_COMMENT)].map(([, name = '']) => ({ file, name, isThere: new RegExp(`\\b${name}\\b`).test(code) }));
    });
    expect(links.length).toBeGreaterThan(50);
    expect(links.filter(({ isThere }) => !isThere)).toEqual([]);
  });

  it('list each decision', () => {
    const listed = [...read('docs/decisions/README.md').matchAll(/\]\((\d{4}-[\w-]+\.md)\)/g)].map(([, file]) => file);
    const there = readdirSync(join(REPOSITORY, 'docs/decisions')).filter((file) => /^\d/.test(file));
    expect(listed).toEqual(there.toSorted());
  });

  it('name the whole wire contract', () => {
    const page = read('docs/opentelemetry.md').replaceAll('`taskspan.jobs.total`, `.finished`, `.failed`', JOBS);
    const names = Object.values(conventions).filter((value) => typeof value === 'string');
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !page.includes(`\`${name}\``) && !page.includes(`${name} of the contract`))).toEqual([]);
  });

  it('name each environment variable', () => {
    const used = ['src', 'collector'].flatMap(filesIn).flatMap((file) => [...read(file).matchAll(VARIABLE)]);
    const names = new Set(used.map(([, name = '']) => name));
    expect(names.size).toBeGreaterThan(10);
    const page = read('docs/options.md');
    expect([...names].filter((name) => !page.includes(`\`${name}\``) && !page.includes(`\`${name}=`))).toEqual([]);
  });

  it('list each option once', () => {
    const tables = read('docs/options.md').split(/\n(?!\|)/);
    const names = tables.map((table) => [...table.matchAll(/^\| (`[^|]*`) \|/gm)].map(([, name]) => name));
    expect(names.flat().length).toBeGreaterThan(40);
    expect(names.flatMap((table) => table.filter((name, at) => table.indexOf(name) !== at))).toEqual([]);
  });

  it('name each field of the record', () => {
    const page = read('docs/log-and-record.md');
    const fields = Object.keys(JSON.parse(blockOf('docs/task-code.md', 'json')) as object);
    expect(fields.filter((field) => !page.includes(`\`${field}\``))).toEqual([]);
  });

  it('name each state of a task, and no other', () => {
    expect(wordsOf('docs/log-and-record.md', 'state')).toEqual([...TASK_STATES]);
    expect(wordsOf('docs/http-api.md', 'state')).toEqual([...TASK_STATES]);
  });

  it('name each kind of span, and no other', () => {
    const made = filesIn('src').flatMap((file) => [...read(file).matchAll(/\[conventions\.SPAN_KIND\]: '(\w+)'/g)]);
    const kinds = new Set(made.map(([, kind]) => kind));
    expect(kinds.size).toBeGreaterThan(2);
    expect(new Set(wordsOf('docs/opentelemetry.md', conventions.SPAN_KIND))).toEqual(kinds);
  });
});

const JOBS = '`taskspan.jobs.total`, `taskspan.jobs.finished`, `taskspan.jobs.failed`';
/** A file or folder of the repository, as code: `src/fact.ts`. */
const FILE_OF_CODE = /`((?:src|collector|test|examples|bench|tools)(?:\/[\w.-]+)*\/?)`/g;
/** A file of the repository that a comment or a message names; an import begins with dots. */
const FILE_IN_COMMENT = /(?<![\w./-])(?:src|collector|test|docs|examples|bench|tools)\/[\w./-]+\.(?:ts|md|py)\b/g;
const COMMENT = /^\s*\/\*\*?[^]*?\*\/|\/\/ .*$/gm;
const LINK_IN_COMMENT = /\{@link\s+(?:\*\s+)?(\w+)/g;
/** As in `env['NAME']`, `booleanOf(env, 'NAME')` and an option's `.env('NAME')`. */
const VARIABLE = /\benv(?:\[|, |\()'([A-Z_]+)'/g;

/** The words that the last cell of this row of a table has as code; the row's first cell is the name. */
function wordsOf(page: string, name: string): string[] {
  const row = read(page).split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? '';
  const [meaning = ''] = row.split('|').slice(-2);
  return [...meaning.matchAll(/`(\w+)`/g)].map(([, word = '']) => word);
}

interface Link {
  /** Relative to the page; empty for a heading of the page itself. */
  readonly path: string;
  readonly heading: string | undefined;
}

/** The links of a page to other files, and to headings. */
function linksIn(page: string): Link[] {
  return [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, path = '', heading]) => ({ path, heading }));
}

function leadsTo(page: string, path: string, heading: string | undefined): boolean {
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(REPOSITORY, target))) return false;
  return heading === undefined || anchorsIn(target).includes(heading);
}

/** The anchors of a page's headings. */
function anchorsIn(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './imports.ts';

/** A program in a Markdown file, with the output that the file shows. */
export interface CodeBlock {
  /** File and line, such as `README.md:42`. */
  readonly position: string;
  readonly code: string;
  /** The text block that follows it at once; `undefined` where there is none. */
  readonly prints: string | undefined;
}

/** The TypeScript blocks of a Markdown file of the repository. */
export function codeBlocks(file: string): CodeBlock[] {
  const blocks = fencedBlocks(file);
  return blocks.flatMap(({ language, line, text }, index) => {
    if (language !== 'ts') return [];
    const next = blocks[index + 1];
    const follows = next?.language === 'text' && next.before.trim() === '';
    return [{ position: `${file}:${line}`, code: text, prints: follows ? next.text : undefined }];
  });
}

/** The first block of a language in a Markdown file; throws where there is none. */
export function blockOf(file: string, language: string): string {
  const block = fencedBlocks(file).find((fenced) => fenced.language === language);
  if (block === undefined) throw new Error(`${file} has no block of ${language}`);
  return block.text;
}

/** All blocks of a language in a Markdown file. */
export function blocksOf(file: string, language: string): string[] {
  return fencedBlocks(file).filter((fenced) => fenced.language === language).map(({ text }) => text);
}

interface FencedBlock {
  readonly language: string;
  readonly line: number;
  readonly text: string;
  /** The text between this block and the block before it. */
  readonly before: string;
}

function fencedBlocks(file: string): FencedBlock[] {
  const text = readFileSync(join(REPOSITORY, file), 'utf8');
  let end = 0;
  return [...text.matchAll(/^```(\w*)[^\n]*\n([^]*?)^```$/gm)].map((match) => {
    const before = text.slice(end, match.index);
    end = match.index + match[0].length;
    return {
      language: match[1] ?? '',
      line: text.slice(0, match.index).split('\n').length,
      text: match[2] ?? '',
      before,
    };
  });
}

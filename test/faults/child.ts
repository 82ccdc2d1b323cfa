import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cleanEnv } from '../support/node-process.ts';

/** A process of a round, which prints lines and takes commands, a line each. */
export class Child {
  readonly lines: string[] = [];
  readonly ended: Promise<number | null>;
  stderr = '';
  isOver = false;
  readonly #process: ChildProcess;

  /** @param script The name of a file beside this file. */
  constructor(script: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    const file = fileURLToPath(new URL(script, import.meta.url));
    this.#process = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args], {
      env: { ...cleanEnv(), ...env },
    });
    const { stdin, stdout, stderr } = this.#process;
    createInterface(stdout!).on('line', (line) => this.lines.push(line));
    stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    // A process that has been killed takes no more commands.
    stdin!.on('error', () => undefined);
    this.ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', () => (this.isOver = true));
      this.#process.once('close', (code) => resolve(code));
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  send(command: string): void {
    this.#process.stdin!.write(`${command}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}

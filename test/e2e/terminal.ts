/** A real terminal: Debian's tmux, whose screen can be read. */
import { execFile, execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import { ENTRY } from '../support/node-process.ts';
import { describeWith } from './describe-with.ts';

const run = promisify(execFile);

/** A suite that needs tmux (see {@link describeWith}). */
export function describeWithTmux(name: string, suite: () => void): void {
  describeWith(isThere(), "Debian's package tmux: apt-get install tmux", name, suite);
}

export interface TerminalOptions {
  /** Where the command runs. */
  readonly cwd: string;
  readonly columns: number;
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The `taskspan` command in a terminal. */
export interface Terminal {
  /** What stands on the screen, without empty rows at its end. */
  screen(): Promise<string>;
  /** All that ever stood there, too, with the lines that the terminal has broken made whole. */
  everything(): Promise<string>;
  /** The same with colours as escape sequences. */
  coloured(): Promise<string>;
  press(key: string): Promise<void>;
  /** Changes the size between two moments of the command: all that it wrote before is on the screen, and it runs on after it. */
  resize(columns: number, rows: number): Promise<void>;
  isCursorShown(): Promise<boolean>;
  /** Waits for the command's end; gives its exit code. */
  exitCode(): Promise<number>;
}

let terminals = 0;

export async function startCommandInTerminal(args: readonly string[], { cwd, columns, rows, env = {} }: TerminalOptions): Promise<Terminal> {
  const socket = join(cwd, `tmux-${++terminals}`);
  const tmux = async (...command: string[]): Promise<string> => (await run('tmux', ['-u', '-S', socket, '-f', '/dev/null', ...command], { env: ENVIRONMENT })).stdout;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const line = ['env', ...variables, process.execPath, '--disable-warning=ExperimentalWarning', ENTRY, ...args];
  onTestFinished(async () => void (await tmux('kill-server').catch(() => undefined)));
  await tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', cwd, 'sh', '-c', SHELL, 'sh', ...line, ';', 'set-option', 'status', 'off');
  const ask = async (format: string): Promise<string> => (await tmux('display-message', '-p', format)).trim();
  const everything = async (): Promise<string> => (await tmux('capture-pane', '-p', '-J', '-S', '-')).trimEnd();
  return {
    screen: async () => (await tmux('capture-pane', '-p')).trimEnd(),
    everything: async () => (await everything()).replace(EXIT_CODE, ''),
    coloured: async () => (await tmux('capture-pane', '-p', '-e')).trimEnd(),
    press: async (key) => void (await tmux('send-keys', key)),
    async resize(width, height) {
      // The command is the only child of the shell.
      const shell = await ask('#{pane_pid}');
      const command = Number(await readFile(`/proc/${shell}/task/${shell}/children`, 'utf8'));
      process.kill(command, 'SIGSTOP');
      // Before tmux answers again it has done what was due: it has read all output, or set the size.
      for (let turn = 0; turn < 3; turn++) await everything();
      await tmux('resize-window', '-x', String(width), '-y', String(height));
      await everything();
      process.kill(command, 'SIGCONT');
    },
    isCursorShown: async () => (await ask('#{cursor_flag}')) === '1',
    async exitCode() {
      await expect.poll(everything).toMatch(EXIT_CODE);
      return Number(EXIT_CODE.exec(await everything())![1]);
    },
  };
}

/** The terminal goes on after the command, so that it can be seen how it was left. */
const SHELL = 'trap : INT; "$@"; echo "exit code $?"; exec cat';
const EXIT_CODE = /\n?exit code (\d+)$/;

/** Without what would change how the command looks. */
const ENVIRONMENT = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:TASKSPAN_|OTEL_|NODE_OPTIONS$|FORCE_COLOR$|NO_COLOR$|CI$|TMUX)/.test(name))),
  LC_ALL: 'C.UTF-8',
};

function isThere(): boolean {
  try {
    execFileSync('tmux', ['-V']);
    return true;
  } catch {
    return false;
  }
}

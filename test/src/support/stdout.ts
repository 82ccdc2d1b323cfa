import { onTestFinished, vi } from 'vitest';

/** Keeps what is written to standard output until the test has finished, and gives it. */
export function capturedStdout(): () => string {
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  onTestFinished(() => write.mockRestore());
  return () => written.join('');
}

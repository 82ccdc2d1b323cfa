import { onTestFinished, vi } from 'vitest';

/** Captures standard output until the test has finished. Returns a function that reads it. */
export function capturedStdout(): () => string {
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  onTestFinished(() => write.mockRestore());
  return () => written.join('');
}

import { onTestFinished, vi } from 'vitest';
import { testFile } from '../../support/test-file.ts';

/**
 * Captures standard output until the test has finished. Returns a function that reads it. What earlier files print late, and
 * verbose updaters that are garbage collected just now, is left out.
 */
export function capturedStdout(): () => string {
  const written: string[] = [];
  const own = testFile.getStore();
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    if (testFile.getStore() === own) written.push(String(text));
    return true;
  });
  onTestFinished(() => write.mockRestore());
  return () => written.join('');
}

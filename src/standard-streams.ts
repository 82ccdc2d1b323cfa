/**
 * Writes to standard output or standard error. A reader that is gone or a full disk is reported to
 * `onFailure`, and neither throws nor ends the process.
 */
export function print(name: 'stdout' | 'stderr', text: string | Uint8Array, onFailure?: (error: unknown) => void): void {
  try {
    const stream = process[name];
    stream.write(text, (error) => {
      if (!error) return;
      expectErrorEvent(stream);
      onFailure?.(error);
    });
  } catch (error) {
    // The stream, or its `write`, may be another that the application has put in its place.
    onFailure?.(error);
  }
}

/**
 * The `error` event of a failed write follows its callback, and would end the process if nobody
 * handled it. Other listeners do not count: that of a pipe into the stream, which Node.js makes for
 * each worker thread, removes itself and then emits the error again unless a listener is left.
 */
function expectErrorEvent(stream: NodeJS.WriteStream): void {
  stream.off('error', ignore);
  stream.once('error', ignore);
}

function ignore(): void {
  // The write's own callback has reported it.
}

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** What the index needs to know of a file's content. */
export interface FileContent {
  readonly bytes: number;
  /** `undefined` for a binary file. */
  readonly lines: number | undefined;
  /** SHA-256 in hex; `undefined` where it was not requested. */
  readonly hash: string | undefined;
}

export interface FileContentOptions {
  /** The file is read into this buffer, piece by piece. */
  readonly buffer: Buffer;
  /** Whether to hash the content. */
  readonly hash: boolean;
  /** Called after each piece with the bytes read so far. */
  readonly onRead?: (bytes: number) => void;
  /** Stops the reading: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A file with a NUL in this many first bytes is binary, as Git sees it. */
const BINARY_PROBE_BYTES = 8 * 1024;
const LINE_FEED = 10;

// A link or a pipe may have replaced the file: a link is not followed, a pipe is not waited for. Windows has neither flag.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Reads a regular file once, in pieces, up to the size it had when it was opened.
 *
 * Rejects with the file system's own error.
 */
export async function readContent(path: string, options: FileContentOptions): Promise<FileContent> {
  const file = await open(path, OPEN_FLAGS);
  try {
    return await contentOf(file, path, options);
  } finally {
    await file.close();
  }
}

async function contentOf(file: FileHandle, path: string, options: FileContentOptions): Promise<FileContent> {
  const { buffer, onRead, signal } = options;
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error(`not a regular file any more: ${path}`);

  const digest = options.hash ? createHash('sha256') : undefined;
  let bytes = 0;
  let feeds = 0;
  let endsInFeed = true;
  let binary = false;
  // A file that grows while it is read would never end.
  while (bytes < stats.size) {
    signal?.throwIfAborted();
    const length = Math.min(buffer.length, stats.size - bytes);
    const { bytesRead } = await file.read(buffer, 0, length, bytes);
    if (bytesRead === 0) break;
    const piece = buffer.subarray(0, bytesRead);
    if (bytes < BINARY_PROBE_BYTES) binary ||= piece.subarray(0, BINARY_PROBE_BYTES - bytes).includes(0);
    if (!binary) {
      feeds += lineFeeds(piece);
      endsInFeed = piece[bytesRead - 1] === LINE_FEED;
    }
    digest?.update(piece);
    bytes += bytesRead;
    onRead?.(bytes);
  }
  return {
    bytes,
    lines: binary ? undefined : feeds + (endsInFeed ? 0 : 1),
    hash: digest?.digest('hex'),
  };
}

function lineFeeds(piece: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < piece.length; at += 1) if (piece[at] === LINE_FEED) count += 1;
  return count;
}

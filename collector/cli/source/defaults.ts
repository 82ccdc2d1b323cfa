/** Where the command keeps and serves tasks, and looks for them, unless it is told otherwise. */
export const DEFAULT_PORT = 4320;
export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_STORE = './taskspan.sqlite';

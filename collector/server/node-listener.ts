/**
 * The adapter between a Hono app and `node:http`. The build copies the package into this module: its version decides
 * which versions of Hono it runs beside, and the application's may be any Hono 4.
 */
export { getRequestListener, RequestError } from '@hono/node-server';

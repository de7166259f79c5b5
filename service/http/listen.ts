/** Opens a listener, and says in one line why when it cannot. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../../core/errors.ts';

export interface Listener {
  readonly url: string;
  /** Stops taking connections, ends idle ones, and resolves when the last answer has been sent. */
  close(): Promise<void>;
}

/** @throws InputError when the port is taken or may not be opened. */
export async function listen(
  handler: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<Listener> {
  const server = createServer(handler);
  // A client that sends its headers a byte a minute holds a socket; ours are small and local.
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
    server.listen(port, host, resolve);
  });
  const { port: boundPort } = server.address() as AddressInfo;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`, close: () => closeServer(server) };
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new InputError(
      'port-taken',
      `${host}:${port} is taken by another program: stop it, or choose another port`,
      { cause: error },
    );
  }
  if (error.code === 'EACCES') {
    return new InputError('port-denied', `${host}:${port} may not be opened by this user: choose a port above 1023`, {
      cause: error,
    });
  }
  return new InputError('listen', `cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    // A streaming or stuck client does not get to hold up the stop.
    setTimeout(() => server.closeAllConnections(), 2_000).unref();
  });
}

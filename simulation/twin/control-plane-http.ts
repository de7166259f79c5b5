/**
 * The twin's control plane on a socket, so that any AWS SDK can speak to it through an endpoint URL. Thin: reads a bounded request, asks the
 * machine, writes the answer. Signatures are not checked: whoever can reach the port may call.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../../core/errors.ts';
import { isLoopback } from '../../core/loopback.ts';
import { errorAnswer, type TwinRequest, type TwinResponse } from './answer.ts';
import { isFaultRequest } from './fault-requests.ts';
import { twinVersion } from './limits.ts';

/**
 * What a test can do to a call. `answer`: this goes out instead, and nothing is carried out. `hang`: nothing is carried out, no answer ever
 * comes. `lose`: the call is carried out and its answer is lost with the connection.
 */
export type InjectedFault =
  { readonly kind: 'answer'; readonly response: TwinResponse } | { readonly kind: 'hang' } | { readonly kind: 'lose' };

export interface ListenOptions {
  readonly handle: (request: TwinRequest) => TwinResponse;
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Asked before each call is carried out. */
  readonly beforeAnswer?: (request: TwinRequest) => InjectedFault | undefined;
}

export interface TwinServer {
  readonly url: string;
  /** Resolves once nobody is connected: what a caller that died had sent has come by then. */
  unconnected(): Promise<void>;
  /** Ends the calls under way, the hanging ones included. */
  close(): Promise<void>;
}

// Room for a function's package of some 700 kB in base64; all other bodies are far smaller.
const bodyBytesMax = 1_048_576;

/** @throws InputError when the port is taken or may not be used. */
export async function listenTwin(options: ListenOptions): Promise<TwinServer> {
  // A connection that waits is never closed from here: a client may be sending on it in that very moment, and a virtual day has hours between two calls.
  const server = createServer({ requestTimeout: 10_000, keepAliveTimeout: 0 }, (request, response) =>
    serve(options, request, response),
  );
  await listening(server, options);
  const { port, family, address } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    async unconnected() {
      while ((await connectionCountOf(server)) > 0) await new Promise<void>((resolve) => void setImmediate(resolve));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function connectionCountOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}

function listening(server: Server, { port, host }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new InputError('listen', listenFailure(error, `${host}:${port}`), { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function listenFailure(error: NodeJS.ErrnoException, where: string): string {
  if (error.code === 'EADDRINUSE') return `${where} is already taken; stop what listens there or choose another --port`;
  if (error.code === 'EACCES') return `${where} may not be used by this user; choose a --port above 1023`;
  return `cannot listen on ${where}: ${error.code ?? error.message}`;
}

function serve(options: ListenOptions, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  incoming.on('data', (chunk: Buffer) => {
    byteCount += chunk.length;
    if (byteCount <= bodyBytesMax) chunks.push(chunk);
  });
  incoming.on('end', () => {
    if (byteCount > bodyBytesMax) {
      const message = `Request must be smaller than ${bodyBytesMax} bytes`;
      write(outgoing, errorAnswer(413, 'RequestTooLargeException', { Type: 'User', message }));
      return;
    }
    const { method = '', url = '', headers, socket } = incoming;
    const invocationType = headers['x-amz-invocation-type'];
    const amzTarget = headers['x-amz-target'];
    const request = {
      method,
      target: url,
      body: Buffer.concat(chunks).toString(),
      ...(typeof invocationType === 'string' && { invocationType }),
      ...(typeof amzTarget === 'string' && { amzTarget }),
      ...(headers.host !== undefined && { host: headers.host }),
    };
    if (isFaultRequest(request) && !isLoopback((socket.remoteAddress ?? '').replace(/^::ffff:/, ''))) {
      const message = 'Faults are switched from this machine only';
      write(outgoing, errorAnswer(403, 'AccessDeniedException', { Type: 'User', message }));
      return;
    }
    respond(options, request, outgoing);
  });
  // A caller that goes away in the middle of its request has nobody to be answered.
  incoming.on('error', () => outgoing.destroy());
}

function respond(options: ListenOptions, request: TwinRequest, outgoing: ServerResponse): void {
  const fault = options.beforeAnswer?.(request);
  if (fault?.kind === 'hang') return;
  const response = fault?.kind === 'answer' ? fault.response : options.handle(request);
  if (response.fate === 'hang') return;
  if (fault?.kind === 'lose' || response.fate === 'lose') outgoing.destroy();
  else write(outgoing, response);
}

function write(outgoing: ServerResponse, response: TwinResponse): void {
  const length = Buffer.byteLength(response.body);
  outgoing.writeHead(response.status, {
    'x-foreshock-twin': twinVersion,
    ...response.headers,
    ...(response.status === 204 ? {} : { 'content-length': length }),
  });
  outgoing.end(response.body);
}

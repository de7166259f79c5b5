/**
 * Can a target be reached from here? A connection to the address that would be written to, secured where that would be, and closed again: nothing is asked of it, so nobody
 * is told of anything.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { judgedLookup } from '../collectors/feed-http.ts';
import { msPerSecond } from '../core/time.ts';
import { addressJudge } from './messenger.ts';

const withinMsDefault = 5 * msPerSecond;

/** @returns why it cannot be; undefined where it can. Answers always, and in time. */
export function whyUnreachable(
  address: string,
  { isPrivate, withinMs = withinMsDefault }: { readonly isPrivate: boolean; readonly withinMs?: number },
): Promise<string | undefined> {
  const url = new URL(address);
  const isAllowed = addressJudge(url, isPrivate);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !isAllowed(host)) return Promise.resolve(`${host} is not an address that is allowed`);
  const isSecure = url.protocol === 'https:';
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  const at = { host, port, lookup: judgedLookup(isAllowed) };
  return new Promise((resolve) => {
    const socket: Socket = isSecure
      ? connectSecure({ ...at, ...(isIP(host) === 0 && { servername: host }) })
      : connectPlain(at);
    const end = (because?: string): void => {
      clearTimeout(timeout);
      socket.destroy();
      resolve(because);
    };
    const timeout = setTimeout(() => end(`nobody answers within ${withinMs / msPerSecond} s`), withinMs);
    socket.once(isSecure ? 'secureConnect' : 'connect', () => end());
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.message || error.code || 'the connection failed'));
  });
}

/**
 * One GET over the network, without redirects: the address that is connected to is one that was looked at. The name is looked up once, the answer is
 * judged, and the connection is made to what was judged; a name that means another address a second later gains nothing.
 */
import { lookup as lookUp } from 'node:dns';
import { request as requestPlain, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { WorldError } from '../core/errors.ts';

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** To be read to its end, or left in the middle. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection, read or not. */
  readonly close: () => void;
}

export interface HttpQuestion {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly isAllowed: (address: string) => boolean;
}

/** Answers with whatever status came. @throws when nobody answered, or the address is not allowed. */
export type HttpGet = (url: URL, question: HttpQuestion) => Promise<HttpAnswer>;

export const httpGet: HttpGet = (url, { headers, signal, isAllowed }) =>
  new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    // What is an address already is never looked up.
    if (isIP(host) !== 0 && !isAllowed(host)) {
      reject(refusal(host, host));
      return;
    }
    // No agent: a connection that is kept open would be to an address judged long ago.
    const options: RequestOptions = { headers, signal, agent: false, lookup: judgedLookup(isAllowed) };
    const request = (url.protocol === 'https:' ? requestSecure : requestPlain)(url, options, (message) => {
      const close = (): void => void message.destroy();
      resolve({ status: message.statusCode ?? 0, headers: headersOf(message), body: message, close });
    });
    request.on('error', reject);
    request.end();
  });

/** Looks a name up, and answers with those of its addresses that are allowed: what is connected to is what was judged. */
export function judgedLookup(isAllowed: (address: string) => boolean): LookupFunction {
  return (host, options, answer) => {
    lookUp(host, { ...options, all: true }, (error, addresses) => {
      // A name that is not known comes without a list, and not with an empty one.
      if (error) {
        answer(error, '', 0);
        return;
      }
      const allowed = addresses.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (first === undefined) answer(refusal(host, addresses.map(({ address }) => address).join(', ')), '', 0);
      else if (options.all) answer(null, allowed);
      else answer(null, first.address, first.family);
    });
  };
}

function refusal(host: string, addresses: string): WorldError {
  const what = host === addresses ? host : `${host} means ${addresses}, which`;
  return new WorldError('feed-address', `${what} is not an address that is allowed`, { retryable: false });
}

function headersOf({ headers }: IncomingMessage): HttpAnswer['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

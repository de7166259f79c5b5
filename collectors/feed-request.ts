/**
 * A feed, fetched from the address that the operator gave: conditionally, within bounds of time, size and redirects, and from nowhere that its publisher
 * could not reach.
 *
 * - RFC 9110, sections 13 (conditional requests) and 15.4 (redirects).
 */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { WorldError } from '../core/errors.ts';
import { isLoopback } from '../core/loopback.ts';
import { addressClassOf } from './feed-address.ts';
import type { HttpAnswer, HttpGet } from './feed-http.ts';

export interface FeedRequest {
  readonly url: URL;
  /** Sent as a bearer token, to the scheme, host and port of `url` and to nobody else. */
  readonly token?: string;
  /** The feed is inside the operator's own network. */
  readonly isPrivate: boolean;
  /** Of the last answer that was taken; undefined asks for the whole. */
  readonly validators?: Validators;
}

/** What a server says of one answer at one address, so that the next question can be whether it still holds. */
export interface Validators {
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
}

export type FeedAnswer =
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'whole';
      readonly bytes: Buffer;
      readonly contentType: string;
      readonly validators: Validators;
    };

/** Ten years of every release of every office are 2 MiB. */
const byteCountMax = 8 * 1024 * 1024;
const redirectCountMax = 3;
const redirects: readonly number[] = [301, 302, 303, 307, 308];
/** Refused for now, and not for good. */
const passing: readonly number[] = [408, 425, 429];

/** @throws WorldError with a line for people; a `FeedBusyError` where the server said how long to wait. */
export async function fetchFeed(request: FeedRequest, get: HttpGet, signal: AbortSignal): Promise<FeedAnswer> {
  let { url } = request;
  for (let redirectCount = 0; ; redirectCount++) {
    checkUrl(url, request);
    const answer = await ask(url, request, get, signal);
    if (!redirects.includes(answer.status)) return await readAnswer(url, answer, request);
    answer.close();
    const { location } = answer.headers;
    if (location === undefined || !URL.canParse(location, url.href))
      throw refuse('feed-redirect', `${showUrl(url)} redirects to nowhere`);
    if (redirectCount === redirectCountMax)
      throw refuse('feed-redirect', `${showUrl(request.url)} redirects more than ${redirectCountMax} times`);
    url = new URL(location, url.href);
  }
}

/** The server asks to be left alone for a while. */
export class FeedBusyError extends WorldError {
  override readonly name = 'FeedBusyError';
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('feed-busy', message, { retryable: true });
    this.retryAfterMs = retryAfterMs;
  }
}

/** Its query is not shown, for it may hold a key; two that differ in it are told apart all the same. */
export function showUrl(url: URL): string {
  const { origin, pathname, search } = url;
  const mark = createHash('sha256').update(search).digest('hex').slice(0, 6);
  return `${origin}${pathname}${search === '' ? '' : `?${mark}`}`;
}

/** Https; or plain http on this machine, when the operator's own address is on it. */
function checkUrl(url: URL, { url: configured }: FeedRequest): void {
  const isLocal = isLoopback(url.hostname) && isLoopback(configured.hostname);
  if (url.username !== '' || url.password !== '')
    throw refuse('feed-redirect', `${showUrl(url)} carries a password in its address`);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)) return;
  throw refuse('feed-redirect', `${showUrl(configured)} leads to ${showUrl(url)}, which is not https`);
}

async function ask(url: URL, request: FeedRequest, get: HttpGet, signal: AbortSignal): Promise<HttpAnswer> {
  const { token, validators, isPrivate, url: configured } = request;
  const known = validators?.url === url.href ? validators : undefined;
  const headers = {
    accept: 'text/calendar, text/csv, application/yaml, */*;q=0.5',
    'accept-encoding': 'gzip',
    'user-agent': 'foreshock',
    ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
    ...(known?.lastModified !== undefined && { 'if-modified-since': known.lastModified }),
    ...(token !== undefined && url.origin === configured.origin && { authorization: `Bearer ${token}` }),
  };
  const isAllowed = (address: string): boolean => {
    const found = addressClassOf(address);
    if (found === 'loopback') return isLoopback(configured.hostname);
    return found === 'public' || (found === 'private' && isPrivate);
  };
  try {
    return await get(url, { headers, signal, isAllowed });
  } catch (error) {
    throw unanswered(url, error, signal);
  }
}

function unanswered(url: URL, error: unknown, signal: AbortSignal): WorldError {
  if (error instanceof WorldError) return error;
  const reason = signal.aborted ? String(signal.reason) : (error as Error).message || String(error);
  return new WorldError('feed-unanswered', `${showUrl(url)} does not answer: ${reason}`, {
    retryable: true,
    cause: error,
  });
}

async function readAnswer(url: URL, answer: HttpAnswer, { validators }: FeedRequest): Promise<FeedAnswer> {
  const { status, headers } = answer;
  // Nobody reads what a stranger has to say of a failure.
  if (status !== 200) answer.close();
  if (status === 304 && validators?.url === url.href) return { kind: 'unchanged' };
  if (status !== 200) throw badStatus(url, status, headers['retry-after']);
  const bytes = await readBody(url, answer);
  const { etag, 'last-modified': lastModified, 'content-type': contentType = '' } = headers;
  const given = { ...(isToken(etag) && { etag }), ...(isToken(lastModified) && { lastModified }) };
  return { kind: 'whole', bytes, contentType, validators: { url: url.href, ...given } };
}

/** What we send back must be what a header may hold. */
function isToken(text: string | undefined): text is string {
  return text !== undefined && /^[\x20-\x7e]{1,256}$/.test(text);
}

function badStatus(url: URL, status: number, retryAfter: string | undefined): WorldError {
  const isBusy = status === 429 || status === 503;
  const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
  const message = `${showUrl(url)} answers ${status}`;
  if (isBusy && seconds !== undefined) return new FeedBusyError(message, seconds * 1_000);
  return new WorldError('feed-status', message, { retryable: status >= 500 || passing.includes(status) });
}

async function readBody(url: URL, { headers, body }: HttpAnswer): Promise<Buffer> {
  const tooLarge = (): WorldError =>
    refuse('feed-size', `${showUrl(url)} is larger than ${byteCountMax / 1024 ** 2} MiB`);
  const encoding = headers['content-encoding'] ?? 'identity';
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  try {
    for await (const chunk of body) {
      byteCount += chunk.length;
      if (byteCount > byteCountMax) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof WorldError) throw error;
    throw new WorldError('feed-cut', `${showUrl(url)} was cut short after ${byteCount} bytes`, {
      retryable: true,
      cause: error,
    });
  }
  const bytes = Buffer.concat(chunks);
  // Servers send files that are gzip as they lie, and say nothing of it.
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isGzip) {
    if (/^(?:identity|gzip|x-gzip|)$/i.test(encoding)) return bytes;
    throw refuse('feed-encoding', `${showUrl(url)} is sent as ${encoding.slice(0, 32)}, where gzip was asked for`);
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: byteCountMax });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw refuse('feed-encoding', `${showUrl(url)} is no sound gzip`, error);
  }
}

function refuse(code: string, message: string, cause?: unknown): WorldError {
  return new WorldError(code, message, { retryable: false, cause });
}

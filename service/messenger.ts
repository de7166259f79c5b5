/**
 * Messages on their way out: one attempt over the network, within bounds of time, to the address that was judged and to no other. What a target says beside its status is not
 * read: it may never end, and may repeat what is secret.
 *
 * - RFC 9110, section 10.2.3 (Retry-After).
 */
import { request as requestPlain, type RequestOptions } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP } from 'node:net';
import { postJson, type OutgoingRequest } from '../actuators/notify/notification.ts';
import type { Delivery, DeliveryOutcome } from '../actuators/notify/outbox.ts';
import { targetKinds, type Target } from '../actuators/notify/targets.ts';
import { addressClassOf } from '../collectors/feed-address.ts';
import { judgedLookup } from '../collectors/feed-http.ts';
import { isLoopback } from '../core/loopback.ts';
import { msPerSecond, type Clock, type EpochMs } from '../core/time.ts';
import type { Log } from './log.ts';

export interface Messenger {
  /** One attempt. Never throws what the world does: that is an outcome. */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryOutcome>;
}

/** A target with what opens it. `reveal` is called as the request is written, and nothing keeps what it gives. */
export interface SecretTarget extends Target {
  readonly secrets: readonly { reveal(): string }[];
}

export interface MessengerOptions {
  readonly targets: readonly SecretTarget[];
  readonly clock: Clock;
  /** Of the socket, so in real time even where the clock is virtual. */
  readonly requestTimeoutMs?: number;
  /** What an attempt under way is given at a stop: an answer that is lost is a message that may come twice. */
  readonly stopGraceMs?: number;
}

/** Standard Webhooks asks for 15 to 30 s; nobody waits beside this one. */
const requestTimeoutMsDefault = 15_000;
const stopGraceMsDefault = 2_000;

export function createMessenger(options: MessengerOptions): Messenger {
  const targets = new Map(options.targets.map((target) => [target.name, target]));
  const { clock } = options;
  return {
    async deliver({ target: name, notification, mayRepeat }, signal) {
      const target = targets.get(name);
      if (!target)
        return { kind: 'refused', atMs: clock.nowMs(), because: 'the configuration does not name this target' };
      const secrets = target.secrets.map((secret) => secret.reveal());
      const attempt = { url: target.url, secrets, nowMs: clock.nowMs(), mayRepeat };
      const request = targetKinds[target.kind].format(notification, attempt);
      return outcomeOf(await post(request, target, options, signal), clock);
    },
  };
}

/** What came back: a status with how long to wait, or why there is none. */
export type PostAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: 'unanswered'; readonly because: string; readonly hasConnected: boolean };

export function outcomeOf(answer: PostAnswer, clock: Clock): DeliveryOutcome {
  const atMs = clock.nowMs();
  if (answer.kind === 'unanswered')
    return { kind: 'failed', atMs, because: answer.because, mayHaveArrived: answer.hasConnected };
  const { status, retryAfter } = answer;
  const because = `it answers ${status}`;
  if (status >= 200 && status < 300) return { kind: 'taken', atMs, status };
  if (status === 410) return { kind: 'gone', atMs, because: `${because}: it is gone` };
  if (status >= 300 && status < 400)
    return { kind: 'refused', atMs, because: `${because}, and what is meant for one address is not sent to another` };
  const isPassing = status === 408 || status === 425 || status === 429 || status >= 500;
  if (!isPassing) return { kind: 'refused', atMs, because };
  const retryAfterMs = retryAfterMsOf(retryAfter, atMs);
  return {
    kind: 'failed',
    atMs,
    because,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    mayHaveArrived: false,
  };
}

const httpDatePattern = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Whole seconds, or the date of an IMF-fixdate; undefined for anything else. */
export function retryAfterMsOf(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * msPerSecond;
  const atMs = httpDatePattern.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** Which addresses a name may mean: this machine only where it is named as such, and the operator's own network only where they say so. */
export function addressJudge(url: URL, isPrivate: boolean): (address: string) => boolean {
  return (address) => {
    const found = addressClassOf(address);
    if (found === 'loopback') return isLoopback(url.hostname);
    return found === 'public' || (found === 'private' && isPrivate);
  };
}

/** Answers always, and in time. */
export function post(
  { url: address, method, headers, body }: OutgoingRequest,
  { isPrivate }: Pick<Target, 'isPrivate'>,
  {
    requestTimeoutMs = requestTimeoutMsDefault,
    stopGraceMs = stopGraceMsDefault,
  }: Omit<MessengerOptions, 'targets' | 'clock'>,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const url = new URL(address);
  const isAllowed = addressJudge(url, isPrivate);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !isAllowed(host))
    return Promise.resolve({
      kind: 'unanswered',
      because: `${host} is not an address that is allowed`,
      hasConnected: false,
    });
  return new Promise((resolve) => {
    let hasConnected = false;
    // No agent: a connection that is kept open would be to an address judged long ago.
    const options: RequestOptions = {
      method,
      agent: false,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      lookup: judgedLookup(isAllowed),
    };
    const request = (url.protocol === 'https:' ? requestSecure : requestPlain)(url, options, (message) => {
      const retryAfter = message.headers['retry-after'];
      end({ kind: 'answered', status: message.statusCode ?? 0, ...(retryAfter !== undefined && { retryAfter }) });
    });
    const fail = (because: string): void => end({ kind: 'unanswered', because, hasConnected });
    const timeout = setTimeout(
      () => fail(`it did not answer within ${requestTimeoutMs / msPerSecond} s`),
      requestTimeoutMs,
    );
    let grace: NodeJS.Timeout | undefined;
    const stop = (): void => {
      grace ??= setTimeout(() => fail('the service stopped before it answered'), stopGraceMs);
    };
    const end = (answer: PostAnswer): void => {
      clearTimeout(timeout);
      clearTimeout(grace);
      signal.removeEventListener('abort', stop);
      request.destroy();
      resolve(answer);
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    request.on('socket', (socket) => socket.once('connect', () => (hasConnected = true)));
    request.on('error', (error) =>
      fail(error.message || (error as NodeJS.ErrnoException).code || 'the connection failed'),
    );
    request.end(body);
  });
}

/** Beyond it nobody can say that trouble would have been seen: ten ticks. */
const judgedMsMax = 10 * msPerSecond;

/**
 * Says that we are alive to whoever pages when it stops: one attempt, for the next comes in a minute, and one that comes late would say what is not so.
 * Nothing is said while nothing is judged.
 */
export function createHeartbeat(
  { url, isPrivate }: { readonly url: { reveal(): string }; readonly isPrivate: boolean },
  {
    clock,
    log,
    lastJudgedAtMs,
  }: { readonly clock: Clock; readonly log: Log; readonly lastJudgedAtMs: () => EpochMs | null },
): (signal: AbortSignal) => Promise<void> {
  let isHeard = true;
  return async (signal) => {
    const judgedAtMs = lastJudgedAtMs();
    if (judgedAtMs === null || clock.nowMs() - judgedAtMs > judgedMsMax) {
      log.warn('heartbeat.withheld', { consequence: 'nothing is judged, so whoever waits for it is to page' });
      return;
    }
    const request = postJson(url.reveal(), { alive: true, judgedAtMs });
    const outcome = outcomeOf(await post(request, { isPrivate }, {}, signal), clock);
    if (outcome.kind === 'taken') {
      isHeard = true;
      return;
    }
    if (isHeard)
      log.warn('heartbeat.unheard', { because: outcome.because, consequence: 'somebody may page without need' });
    isHeard = false;
  };
}

/**
 * Checkpoints sent to a web address as JSON. With a secret each is signed together with its time, so that the receiver can tell that it comes from us and is no
 * recording of an earlier one:
 *
 *     foreshock-signature: t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>" in hexadecimal>
 *
 * - RFC 2104, HMAC.
 */
import { createHmac } from 'node:crypto';
import { WorldError } from '../core/errors.ts';
import { msPerSecond, type Clock } from '../core/time.ts';
import type { AnchorSink } from './anchor-sink.ts';

export interface WebhookOptions {
  readonly url: string;
  readonly secret?: string;
  readonly clock: Clock;
  /** Of the socket, so in real time even where the clock is virtual. */
  readonly requestTimeoutMs?: number;
}

/** Nothing waits for a checkpoint; a receiver that takes longer is asked again. */
const requestTimeoutMsDefault = 10_000;

export function createWebhookSink(options: WebhookOptions): AnchorSink {
  const { url, secret, clock, requestTimeoutMs = requestTimeoutMsDefault } = options;
  return {
    // Not the path: with some receivers it is all that one needs to know.
    name: new URL(url).origin,
    async write({ line }, signal) {
      const body = line.trimEnd();
      const signature = secret === undefined ? undefined : signatureOf(body, { secret, nowMs: clock.nowMs() });
      const status = await post(url, {
        body,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'foreshock',
          ...(signature !== undefined && { 'foreshock-signature': signature }),
        },
        signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
      });
      if (status >= 200 && status < 300) return;
      const isRedirect = status >= 300 && status < 400;
      const hint = isRedirect ? ', and what was signed for one address is not sent to another: name the final one' : '';
      throw new WorldError('anchor-webhook', `it answered ${status}${hint}`, { retryable: isPassing(status) });
    },
  };
}

/** Too slow, too many, or its own trouble: the same request may be taken later. */
function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function signatureOf(body: string, { secret, nowMs }: { readonly secret: string; readonly nowMs: number }): string {
  const seconds = Math.floor(nowMs / msPerSecond);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

async function post(
  url: string,
  request: {
    readonly body: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  try {
    const response = await fetch(url, { method: 'POST', redirect: 'manual', ...request });
    // What it says is of no use to us, and may never end.
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    const { name, message, cause } = error as Error;
    const why =
      name === 'TimeoutError' ? 'it did not answer in time' : cause instanceof Error ? cause.message : message;
    throw new WorldError('anchor-webhook', why, { retryable: true, cause: error });
  }
}

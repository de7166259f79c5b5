/**
 * A CloudEvent in structured mode, signed as Standard Webhooks say: over its id, its time and its bytes, so that a receiver can tell that it comes from us, is
 * fresh, and was not there before. While a secret is being changed it is signed by both.
 *
 * - CloudEvents 1.0.2, HTTP protocol binding, section 3.2.
 * - https://www.standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>`; HMAC-SHA256 (RFC 2104).
 */
import { createHmac } from 'node:crypto';
import { formatInstant, msPerSecond } from '../../core/time.ts';
import type { Format, Notification } from './notification.ts';

export const formatCloudevent: Format = (notification, { url, secrets, nowMs }) => {
  const { id, dedupKey, step, level } = notification;
  const body = JSON.stringify({
    specversion: '1.0',
    id,
    source: 'urn:foreshock',
    type: level === 'change' ? 'foreshock.prewarm' : `foreshock.incident.${step}`,
    subject: dedupKey,
    time: formatInstant(notification.atMs),
    datacontenttype: 'application/json',
    data: contentOf(notification),
  });
  const seconds = String(Math.floor(nowMs / msPerSecond));
  const signatures = secrets.map((secret) => `v1,${sign(keyOf(secret)!, `${id}.${seconds}.${body}`)}`);
  return {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'user-agent': 'foreshock',
      'webhook-id': id,
      'webhook-timestamp': seconds,
      'webhook-signature': signatures.join(' '),
    },
    body,
  };
};

const keyPattern = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const keyBytesMin = 24;
const keyBytesMax = 64;

/** The key in `whsec_<base64>`; undefined where it is none, or not 24 to 64 bytes long. */
export function keyOf(secret: string): Buffer | undefined {
  const text = keyPattern.exec(secret)?.[1];
  if (text === undefined) return undefined;
  const key = Buffer.from(text, 'base64');
  return key.length >= keyBytesMin && key.length <= keyBytesMax ? key : undefined;
}

function sign(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64');
}

function contentOf({ startsAtMs, atMs, id: _id, ...rest }: Notification) {
  return { ...rest, startsAt: formatInstant(startsAtMs), at: formatInstant(atMs) };
}

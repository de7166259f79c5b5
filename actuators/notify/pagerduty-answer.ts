/**
 * What PagerDuty says back: a V3 webhook about an incident that one of our pages opened, believed only by its signature over the bytes as they came.
 *
 * - https://developer.pagerduty.com/docs/webhooks/webhook-signatures: `X-PagerDuty-Signature: v1=<hex>,v1=<hex>`, HMAC-SHA256 (RFC 2104); several while a secret is changed.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EpochMs } from '../../core/time.ts';
import { truncate } from './text.ts';

/** What somebody did at a target with what we had told it. */
export interface OncallAnswer {
  readonly target: string;
  /** The same however often it is sent. */
  readonly eventId: string;
  readonly kind: 'acknowledged' | 'resolved';
  /** Of the episode, as we had named it. */
  readonly dedupKey: string;
  /** The person; absent where a machine did it (our own word come back, a rule of theirs). */
  readonly by?: string;
  /** By their clock. */
  readonly atMs: EpochMs;
}

export type ReadAnswer =
  | { readonly kind: 'unsigned' }
  /** True, and nothing that we act on. */
  | { readonly kind: 'ignored'; readonly because: string }
  | { readonly kind: 'answered'; readonly answer: Omit<OncallAnswer, 'target'> };

const signatureCountMax = 10;
const idLengthMax = 200;
const nameLengthMax = 100;

/** @param secrets of the subscription: the newest first, where it is being changed. */
export function readPagerdutyAnswer(
  bytes: Uint8Array,
  { signatures, secrets }: { readonly signatures: string | undefined; readonly secrets: readonly string[] },
): ReadAnswer {
  if (!isSigned(bytes, signatures ?? '', secrets)) return { kind: 'unsigned' };
  const event = fieldOf(parsed(bytes), 'event');
  const kind = answerKinds.get(textOf(event, 'event_type') ?? '');
  if (kind === undefined) return { kind: 'ignored', because: 'it tells of nothing that is listened to' };
  const eventId = textOf(event, 'id');
  const dedupKey = textOf(fieldOf(event, 'data'), 'incident_key');
  const atMs = Date.parse(textOf(event, 'occurred_at') ?? '');
  if (eventId === undefined || dedupKey === undefined || Number.isNaN(atMs))
    return { kind: 'ignored', because: 'it lacks an id, an incident_key or the instant it occurred at' };
  const by = personOf(fieldOf(event, 'agent'));
  return { kind: 'answered', answer: { eventId, kind, dedupKey, ...(by !== undefined && { by }), atMs } };
}

const answerKinds: ReadonlyMap<string, OncallAnswer['kind']> = new Map([
  ['incident.acknowledged', 'acknowledged'],
  ['incident.resolved', 'resolved'],
]);

/** Every secret against every signature, whatever matched before: how long it takes says nothing of which. */
function isSigned(bytes: Uint8Array, header: string, secrets: readonly string[]): boolean {
  const offered = header
    .split(',', signatureCountMax)
    .flatMap((part) => /^v1=([0-9a-f]{64})$/.exec(part.trim())?.[1] ?? [])
    .map((hex) => Buffer.from(hex, 'hex'));
  const expected = secrets.map((secret) => createHmac('sha256', secret).update(bytes).digest());
  return expected
    .flatMap((digest) => offered.map((one) => timingSafeEqual(digest, one)))
    .reduce((found, isSame) => isSame || found, false);
}

/** Only people see: what an integration acknowledges is our own word come back. */
function personOf(agent: unknown): string | undefined {
  const name = textOf(agent, 'summary');
  return name !== undefined && textOf(agent, 'type') === 'user_reference' ? truncate(name, nameLengthMax) : undefined;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function textOf(value: unknown, name: string): string | undefined {
  const text = fieldOf(value, name);
  return typeof text === 'string' && text !== '' && text.length <= idLengthMax ? text : undefined;
}

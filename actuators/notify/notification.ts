/**
 * What people and their tools are told of one episode, before it has the form of any of them. Everything in it has passed the allow-list (service/oncall-text.ts):
 * a format writes what it is given, and adds nothing.
 */
import { createHash } from 'node:crypto';
import type { IncidentSeverity, Verdict } from '../../core/incident.ts';
import type { EpochMs } from '../../core/time.ts';

/** `page` wakes somebody; `notice` waits to be read; `digest` is read once a day; `change` is no trouble at all: a pre-warm that went as planned. */
export type NotificationLevel = 'page' | 'notice' | 'digest' | 'change';

/** Where the episode stands. There is no "more of the same": who was told looks for it where the links lead. */
export type NotificationStep = 'trigger' | 'acknowledge' | 'resolve';

export interface NotificationLink {
  readonly text: string;
  readonly href: string;
}

export interface Notification {
  /** The same at every attempt, and of no other notification: by it a receiver tells a repetition. */
  readonly id: string;
  /** Of the episode: 64 hexadecimal digits. */
  readonly dedupKey: string;
  readonly level: NotificationLevel;
  readonly step: NotificationStep;
  readonly isEscalation: boolean;
  readonly severity: IncidentSeverity;
  /** What, in one line. */
  readonly summary: string;
  /** Where it begins, as people call it. */
  readonly source: string;
  readonly startsAtMs: EpochMs;
  /** When this was said. */
  readonly atMs: EpochMs;
  readonly verdict?: Verdict;
  /** Who is harmed. */
  readonly harmed: readonly string[];
  /** On what grounds. */
  readonly evidence: readonly string[];
  /** What was done about it. */
  readonly done: readonly string[];
  /** What is for a person to decide. */
  readonly decide: readonly string[];
  readonly links: readonly NotificationLink[];
  /** The rest of what may leave, by name. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** One HTTP request, ready to be sent. It holds the target's secret: never logged, never kept. */
export interface OutgoingRequest {
  readonly method: 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One attempt at one target. */
export interface Attempt {
  /** Where the request goes; empty where the address is the secret. */
  readonly url: string;
  /** What the target wants to know us by; the newest first, where it is being changed. */
  readonly secrets: readonly string[];
  readonly nowMs: EpochMs;
  /** An attempt before may have arrived, and nobody knows. */
  readonly mayRepeat: boolean;
}

/** Pure: a notification in the form of one kind of target. */
export type Format = (notification: Notification, attempt: Attempt) => OutgoingRequest;

/** The name of an episode for those outside: the same for all that is said of it, and telling nothing of what it is about. */
export function dedupKeyOf(tenant: string, episode: string): string {
  return createHash('sha256').update(`${tenant}|${episode}`).digest('hex');
}

/** A request that carries JSON. */
export function postJson(url: string, body: object, headers: Readonly<Record<string, string>> = {}): OutgoingRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', 'user-agent': 'foreshock', ...headers },
    body: JSON.stringify(body),
  };
}

/** What is said between the world of a playbook and the system that carries it out in a process of its own. */
import type { AuditEvent } from '../../core/audit.ts';
import type { EpochMs } from '../../core/time.ts';
import type { WindowDelta } from '../../core/window.ts';
import type { Fact } from '../../service/facts.ts';
import type { PlaybookName } from './playbook-cast.ts';

export interface PlaybookStart {
  readonly name: PlaybookName;
  /** Of the event source mapping in the twin. */
  readonly uuid: string;
  readonly nowMs: EpochMs;
  readonly storeFile: string;
  /** Of the twin. */
  readonly endpointUrl: string;
  readonly urls: { readonly pager: string; readonly lead: string; readonly events: string };
}

/** One second, and what comes in it. */
export interface ToldSecond {
  readonly deltas: readonly WindowDelta[];
  readonly facts: readonly Fact[];
}

export type PlaybookOrder =
  | { readonly kind: 'play'; readonly seconds: readonly ToldSecond[] }
  | { readonly kind: 'stop' }
  /** Answers a question. */
  | { readonly kind: 'go'; readonly id: number };

export type PlaybookReport =
  /** What is on record already. */
  | { readonly kind: 'began'; readonly events: readonly AuditEvent[] }
  | { readonly kind: 'played' | 'stopped' }
  /** It is so late; it waits for leave. */
  | { readonly kind: 'reached'; readonly id: number; readonly atMs: EpochMs }
  /** It may die here; it waits for leave. `events`: what has become durable by it. */
  | { readonly kind: 'step'; readonly id: number; readonly step: string; readonly events: readonly AuditEvent[] };

/**
 * The only edges. Everything else is a function of facts and time.
 */
import type { Action, Outcome } from './action.ts';
import type { Booking } from './booking.ts';
import type { Observed } from './capacity.ts';
import type { FunctionKey } from './series-key.ts';
import type { EpochMs } from './time.ts';

/** Whose turn it is at a control plane that takes few calls: what an event waits for, or what can wait. */
export type Urgency = 'urgent' | 'routine';

/** Carries an action out and looks at the result. Never retries by itself: when to try again is a decision. */
export interface Actuator {
  /** @throws WorldError when the control plane does not answer; "cannot verify" is a state of its own. */
  observe(key: FunctionKey, signal: AbortSignal, urgency: Urgency): Promise<Observed>;
  apply(action: Action, signal: AbortSignal): Promise<Outcome>;
}

/** What AWS will do of itself, for these functions. */
export interface Bookkeeper {
  /** @throws WorldError when it does not answer. */
  listBookings(keys: readonly FunctionKey[], signal: AbortSignal): Promise<readonly Booking[]>;
}

/** The account's concurrency as Lambda states it (GetAccountSettings). */
export interface AccountLimits {
  readonly concurrencyLimit: number;
  readonly unreservedConcurrency: number;
  /** Nobody answered, and nobody acts on it: what Lambda gives an account that has not asked for more. */
  readonly isAssumed?: true;
}

/** The default of a new account and region (AWS: Lambda quotas). */
export const defaultAccountLimits: AccountLimits = { concurrencyLimit: 1_000, unreservedConcurrency: 1_000 };

/** Place in the log: the count of records before it. */
export type Position = number;

/** `deltas`: what spans showed in a tick, right before the tick that was judged from it. `minutes`: the same added up, for longer. */
export type StreamName = 'tick' | 'audit' | 'deltas' | 'minutes';

/** Streams of facts, whose oldest records go by age. */
export type FactStream = Exclude<StreamName, 'audit'>;

export interface LogRecord {
  readonly stream: StreamName;
  readonly atMs: EpochMs;
  readonly bytes: Uint8Array;
}

export interface Stored extends LogRecord {
  readonly position: Position;
}

/** Where the audit log begins since its first events were pruned: the last of them, which the first that is kept is chained to. */
export interface AuditCut {
  readonly seq: number;
  readonly hash: string;
  readonly atMs: EpochMs;
  readonly position: Position;
  /** Blobs, by their versions, which the start of a run named that goes on behind the cut: what it decides still rests on them. */
  readonly inUse: readonly string[];
  readonly cutAtMs: EpochMs;
  /** Why it could go, in words for people. */
  readonly policy: string;
}

/** A blob in the drawer, by name. */
export interface BlobName {
  readonly name: string;
  readonly version: string;
}

/** What may go; what is not named stays. Which that is follows from what is kept (store/retention.ts). */
export interface Prune {
  /** Records of this stream from before this instant. */
  readonly factsBeforeMs?: Readonly<Partial<Record<FactStream, EpochMs>>>;
  /** Audit records up to and with this one, recorded as the cut. Never the last: the next event is chained to it. */
  readonly audit?: AuditCut;
  readonly blobs?: readonly BlobName[];
}

/** One append-only log and a drawer of named blobs (snapshots, weights). */
export interface Store {
  /** The position after the last record. */
  head(): Promise<Position>;
  /** Resolves when durable, with the new head; rejects when `after` is not the head: another writer was here. */
  append(records: readonly LogRecord[], after: Position): Promise<Position>;
  /** Of one stream, or of all in the order of the log. */
  read(from: Position, stream?: StreamName): AsyncIterable<Stored>;
  put(name: string, version: string, bytes: Uint8Array): Promise<void>;
  /** The named version, or the latest one put. */
  get(name: string, version?: string): Promise<{ readonly version: string; readonly bytes: Uint8Array } | undefined>;
  /** Every blob with the head of the log when it was put, by name and then in the order of putting. */
  blobs(): Promise<readonly (BlobName & { readonly putAt: Position })[]>;
  /** Where the audit log begins, if not at its first event. */
  auditCut(): Promise<AuditCut | undefined>;
  /** Answers with the rows and blobs that went. */
  prune(prune: Prune): Promise<{ readonly removedCount: number }>;
  close(): Promise<void>;
}

/**
 * One episode of trouble: the findings that belong together, where it begins, whom it harms, and how it ends. What people are told of, once.
 *
 * Mental model: findings are opinions about keys; an incident is a claim about the world. It is opened by trouble alone: a surge that is served is a notice.
 */
import type { Finding } from './finding.ts';
import type { EpochMs } from './time.ts';
import type { EdgeKey, SignalKey, WindowKey } from './window.ts';

/** `mitigated`: no finding stands, and quiet is being waited out. Only `resolved` is the end, and nothing leads out of it. */
export type IncidentState = 'open' | 'acknowledged' | 'mitigated' | 'resolved';

/** By the share of requests harmed at worst: `critical` from 20 %, `major` from 5 %, `minor` below. Never falls within an incident. */
export type IncidentSeverity = 'critical' | 'major' | 'minor';

/** How much a named cause may be believed; see detector/verdict.ts for the rules. */
export type Verdict = 'CONFIRMED' | 'LIKELY' | 'INCONCLUSIVE';

/** How much of what an incident's callers suffer passes through one edge. */
export interface EdgeContribution {
  readonly edge: EdgeKey;
  /** Calls a second over the episode so far. */
  readonly callsPerSecond: number;
  /** Time that callers wait on it a second, beyond what was usual, in milliseconds; below 0 where it is quicker. */
  readonly lostMsPerSecond: number;
  /** Of these, what the callee spends itself, apart from waiting on its own callees. */
  readonly ownMsPerSecond: number;
  /** Failed and throttled calls a second beyond what was usual. */
  readonly failedPerSecond: number;
  /** Share of the caller's deviation that this edge accounts for, 0…1. */
  readonly explainedRatio: number;
}

/** What changed about when it began: read as evidence, not as proof. */
export interface IncidentChangeEvidence {
  readonly kind: 'version' | 'own-action' | 'event' | 'surge';
  readonly atMs: EpochMs;
  readonly key?: WindowKey;
  readonly because: string;
}

export interface Incident {
  /** `<origin>@<start>`, as they were when it was opened: stays, even where the origin is corrected. */
  readonly id: string;
  readonly state: IncidentState;
  readonly severity: IncidentSeverity;
  /** The first second that speaks for it. */
  readonly startsAtMs: EpochMs;
  readonly openedAtMs: EpochMs;
  readonly acknowledgedAtMs?: EpochMs;
  readonly acknowledgedBy?: string;
  readonly resolvedAtMs?: EpochMs;
  /** The last tick at which a finding of it stood. */
  readonly lastTroubleAtMs: EpochMs;
  /** The node, edge or signal where the trouble begins. */
  readonly origin: WindowKey;
  /** Share of the origin's callers' deviation that the origin explains, 0…1; undefined where too little is known of what was usual. */
  readonly explainedRatio?: number;
  readonly verdict: Verdict;
  /** Requests that the worst-hit key sees harmed, 0…1: now, and at worst. */
  readonly harmedRatio: number;
  readonly harmedRatioMax: number;
  /** Functions and services with trouble, the origin among them, in alphabetical order. */
  readonly harmed: readonly string[];
  /** The latest finding of each detector and key, at most 64. */
  readonly findings: readonly Finding[];
  readonly contributions: readonly EdgeContribution[];
  readonly changes: readonly IncidentChangeEvidence[];
  readonly traceIds: readonly string[];
  /** Id of the maintenance window that keeps it quiet: nobody is told, and the record says so. */
  readonly silencedBy?: string;
  /** What happened to it, in turn, at most 200 entries. */
  readonly timeline: readonly TimelineEntry[];
}

export interface TimelineEntry {
  readonly atMs: EpochMs;
  readonly text: string;
}

export type IncidentChangeKind =
  | 'opened'
  | 'origin-moved'
  | 'worsened'
  | 'acknowledged'
  | 'mitigated'
  | 'returned'
  | 'silenced'
  | 'unsilenced'
  | 'resolved'
  | 'merged';

/** What a tick made of it: for the record, for people, for playbooks. */
export type IncidentChange =
  | { readonly kind: IncidentChangeKind; readonly atMs: EpochMs; readonly incident: Incident; readonly because: string }
  /** Nobody is harmed: told once while the finding stands, and kept out of incidents. */
  | { readonly kind: 'notice'; readonly atMs: EpochMs; readonly finding: Finding; readonly because: string };

/** Announced work: trouble that begins on its keys is recorded, and nobody is told of it. */
export interface MaintenanceWindow {
  readonly id: string;
  /** Empty: everything. Else keys; a trailing `*` stands for any ending. */
  readonly keys: readonly string[];
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly because: string;
}

/** What we ourselves did: capacity held, a breaker moved. */
export interface ActionTaken {
  readonly atMs: EpochMs;
  readonly key: WindowKey;
  readonly because: string;
}

/** A human has seen it. */
export interface Acknowledgement {
  readonly incidentId: string;
  readonly by: string;
  readonly atMs: EpochMs;
}

/** Splits the key of an edge at the first `>`, which no function key and no service name of ours holds. */
export function endsOfEdge(key: EdgeKey): { readonly caller: string; readonly callee: string } {
  const at = key.indexOf('>');
  return { caller: key.slice('edge:'.length, at), callee: key.slice(at + 1) };
}

export function isEdgeKey(key: string): key is EdgeKey {
  return key.startsWith('edge:') && key.includes('>');
}

export function isSignalKey(key: string): key is SignalKey {
  return key.startsWith('signal:');
}

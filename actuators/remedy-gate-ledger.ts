/**
 * What remedies did lately: what the gate's limits are counted on. Plain JSON, sealed with the tick that changed it; bounded by what an hour may hold.
 */
import { assertNever } from '../core/assert.ts';
import type { Remedy, RemedyKind } from '../core/remedy.ts';
import { msPerHour, type EpochMs } from '../core/time.ts';

export interface RemedyEntry {
  readonly kind: RemedyKind;
  /** `reserve-concurrency 123456789012/us-east-1/orders:live` */
  readonly target: string;
  /** Functions whose calls it changes. */
  readonly touches: readonly string[];
  readonly atMs: EpochMs;
  /** From then on it touches nothing any more. */
  readonly untilMs: EpochMs;
  readonly usd: number;
  /** What it was for: remedies of one incident do not wait for each other. */
  readonly incidentId?: string;
}

export type RemedyLedger = readonly RemedyEntry[];

export const emptyRemedyLedger: RemedyLedger = [];

/** What the gate asks of it. */
export interface RemedyTally {
  /** In the last hour, or since the brake was released. */
  readonly actionCount: number;
  readonly usd: number;
  /** Functions that a remedy which stands touches. */
  readonly touched: ReadonlySet<string>;
  /** When the same was last done at a target for another incident than this one. */
  lastOf(target: string, incidentId?: string): EpochMs | undefined;
}

/** A webhook is said to somebody: calls of functions fare as before, however long its word counts. */
export function changesCalls(kind: RemedyKind): boolean {
  return kind !== 'call-webhook';
}

/** One target and kind: what a cooldown is of. */
export function remedyTargetOf(remedy: Remedy): string {
  return `${remedy.kind} ${placeOf(remedy)}`;
}

function placeOf(remedy: Remedy): string {
  switch (remedy.kind) {
    case 'move-breaker':
      return remedy.standing.name;
    case 'weigh-alias':
    case 'reserve-concurrency':
    case 'add-provisioned':
      return remedy.key;
    case 'switch-event-source':
      return remedy.uuid;
    case 'redrive-dead-letters':
      return remedy.queueArn;
    case 'call-webhook':
      return remedy.target;
    default:
      return assertNever(remedy);
  }
}

/** Of what passed the gate as new. */
export function enterRemedy(ledger: RemedyLedger, entry: RemedyEntry): RemedyLedger {
  return [...ledger, entry];
}

/** What was said again stands for longer; what was taken back touches nothing any more. It still counts as done. */
export function extendRemedy(ledger: RemedyLedger, target: string, untilMs: EpochMs): RemedyLedger {
  const index = ledger.findLastIndex((entry) => entry.target === target);
  return index < 0 ? ledger : ledger.with(index, { ...ledger[index]!, untilMs });
}

/** @returns the same object where nothing is old enough to be forgotten. */
export function forgetRemedies(ledger: RemedyLedger, nowMs: EpochMs, cooldownMs: number): RemedyLedger {
  const keepMs = Math.max(msPerHour, cooldownMs);
  const isKept = ({ atMs, untilMs }: RemedyEntry): boolean => atMs > nowMs - keepMs || untilMs > nowMs;
  return ledger.every(isKept) ? ledger : ledger.filter(isKept);
}

/** @param countedFromMs when a human released the brake: what was before has been looked at. */
export function tallyRemedies(ledger: RemedyLedger, nowMs: EpochMs, countedFromMs = -Infinity): RemedyTally {
  const ofHour = ledger.filter(({ atMs }) => atMs > Math.max(nowMs - msPerHour, countedFromMs));
  return {
    actionCount: ofHour.length,
    // Money that was spent is not given back by looking at it.
    usd: ledger.reduce((sum, { atMs, usd }) => (atMs > nowMs - msPerHour ? sum + usd : sum), 0),
    touched: new Set(
      ledger.flatMap(({ kind, untilMs, touches }) => (untilMs > nowMs && changesCalls(kind) ? touches : [])),
    ),
    lastOf: (target, incidentId) =>
      ledger.findLast(
        (entry) => entry.target === target && (incidentId === undefined || entry.incidentId !== incidentId),
      )?.atMs,
  };
}

/**
 * When to look at a function again: often where something is about to change, rarely where nothing should, and never beyond the fleet's share of
 * the call budget.
 */
import { assertNever } from '../core/assert.ts';
import type { EpochMs } from '../core/time.ts';
import { controlPlaneCallsPerSecond } from './call-queue.ts';
import type { Pursuit } from './pursuit.ts';

export interface PollOptions {
  /** A constant of the function in [0, 1), drawn once from the seed: keeps 500 functions that were asked together from being polled together. */
  readonly spreadRatio: number;
  /** How many functions of the account and region are being polled, this one included. */
  readonly pollingCount: number;
  /** What is READY now is about to be needed, or is needed: its loss is to be seen at once. */
  readonly isEventNear?: boolean;
}

const pollPreparingMs = 15_000;
const pollSoonMs = 5_000;
const pollSettledMs = 60_000;
const pollNearMs = 15_000;
const lookAgainMsMax = 30_000;
const lookAgainNearMsMax = 10_000;
/** "A minute or two of preparation": before a minute has gone, a poll can only bring bad news. */
const preparationMsMin = 60_000;
/** A look is two calls; the queue lets five a second through. */
const msPerLook = (2 * 1_000) / controlPlaneCallsPerSecond;

/**
 * When to look next; undefined while there is nothing to watch (`wanted` looks when the gate says so). Every 15 s while Lambda prepares, then every
 * 5 s, every minute once settled or failed (every 15 s around an event, as far as half of the call budget goes), and never more often than the fleet's share of the call budget allows: 500 functions at two calls a
 * look and five calls a second come round in 200 s.
 *
 * In the past means now. The caller asks for no second look while one is under way.
 */
export function nextPollAtMs(pursuit: Pursuit, options: PollOptions): EpochMs | undefined {
  const { spreadRatio, pollingCount, isEventNear = false } = options;
  const { state, sinceMs, lookFailedCount, lookFailedAtMs = -Infinity } = pursuit;
  if (state === 'idle') return undefined;
  if (lookFailedCount > 0) {
    const delayMs = Math.min(
      isEventNear ? lookAgainNearMsMax : lookAgainMsMax,
      pollSoonMs * 2 ** (lookFailedCount - 1),
    );
    return lookFailedAtMs + stretch(delayMs, spreadRatio, pollingCount);
  }
  const askedAtMs = pursuit.askedAtMs ?? sinceMs;
  const lookedAtMs = Math.max(pursuit.observed?.atMs ?? -Infinity, pursuit.askedAtMs ?? -Infinity);
  switch (state) {
    case 'wanted':
      return pursuit.lastOutcome?.kind === 'refused'
        ? lookedAtOr(lookedAtMs, sinceMs) + stretch(pollSettledMs, spreadRatio, pollingCount)
        : undefined;
    case 'cannot-verify':
      return sinceMs;
    case 'asked':
    case 'allocating':
    case 'lost': {
      const lookedAt = lookedAtOr(lookedAtMs, sinceMs);
      const delayMs =
        lookedAt - Math.max(askedAtMs, pursuit.lostAtMs ?? -Infinity) < preparationMsMin ? pollPreparingMs : pollSoonMs;
      return lookedAt + stretch(delayMs, spreadRatio, pollingCount);
    }
    case 'ready': {
      const nearMs = Math.min(pollSettledMs, Math.max(pollNearMs, 2 * pollingCount * msPerLook));
      const delayMs = isEventNear ? nearMs : pollSettledMs;
      return lookedAtOr(lookedAtMs, sinceMs) + stretch(delayMs, spreadRatio, pollingCount);
    }
    case 'failed':
      return lookedAtOr(lookedAtMs, sinceMs) + stretch(pollSettledMs, spreadRatio, pollingCount);
    default:
      return assertNever(state);
  }
}

function lookedAtOr(lookedAtMs: EpochMs, sinceMs: EpochMs): EpochMs {
  return Number.isFinite(lookedAtMs) ? lookedAtMs : sinceMs;
}

function stretch(delayMs: number, spreadRatio: number, pollingCount: number): number {
  return Math.round(Math.max(delayMs, pollingCount * msPerLook) * (1 + spreadRatio / 4));
}

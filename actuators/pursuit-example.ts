/**
 * Facts for the tests of the pursuit, in the shortest words: what was wanted, sent, answered and seen, and when.
 */
import type { Outcome } from '../core/action.ts';
import type { Observed, ProvisionedStatus } from '../core/capacity.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { advance, createPursuit, type Pursuit, type PursuitFact } from './pursuit.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;

export const want = (atMs: number, concurrency: number): PursuitFact => ({ kind: 'want', concurrency, atMs });
export const sent = (atMs: number, concurrency: number): PursuitFact => ({ kind: 'sent', concurrency, atMs });
export const missed = (atMs: number): PursuitFact => ({ kind: 'look-failed', atMs });
export const answered = (atMs: number, concurrency: number, kind: Outcome['kind']): PursuitFact => ({
  kind: 'outcome',
  concurrency,
  outcome: kind === 'accepted' ? { kind, atMs } : { kind, atMs, code: 'Code', message: 'words' },
});

interface Seen {
  readonly status?: ProvisionedStatus;
  readonly allocated?: number;
  readonly available?: number;
  readonly weights?: boolean;
  readonly version?: string;
}

/** `requested` 0: nothing is configured. */
export function seen(atMs: number, requested: number, how: Seen = {}): PursuitFact {
  const { status = 'READY', weights = false, version = '1' } = how;
  const available = how.available ?? (status === 'READY' ? requested : 0);
  const reason = status === 'FAILED' ? { statusReason: 'FUNCTION_ERROR_INIT_FAILURE' } : {};
  const provisioned = { requested, allocated: how.allocated ?? available, available, status, ...reason };
  const observed: Observed = { key, atMs, version, hasRoutingWeights: weights, ...(requested > 0 && { provisioned }) };
  return { kind: 'observed', observed };
}

export function after(...facts: readonly PursuitFact[]): Pursuit {
  return facts.reduce(advance, createPursuit(0));
}

export const asked40 = [want(1, 40), seen(2, 0), sent(3, 40), answered(4, 40, 'accepted')];
export const failed40 = [...asked40, seen(100, 40, { status: 'FAILED' })];
export const reconsidered: PursuitFact = { kind: 'reconsider', atMs: 110 };
export const ready40 = [...asked40, seen(100, 40)];

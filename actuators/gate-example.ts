/**
 * An action and facts for the gate's tests: a raise that passes with every limit met exactly.
 */
import type { HoldProvisionedConcurrency } from '../core/action.ts';
import type { Observed, ProvisionedStatus } from '../core/capacity.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { GateContext } from './gate.ts';
import { createPursuit, type Pursuit } from './pursuit.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
export const nowMs = Date.UTC(2026, 10, 6, 13, 20);

export const action: HoldProvisionedConcurrency = {
  kind: 'hold-provisioned-concurrency',
  key,
  concurrency: 40,
  untilMs: nowMs + 3_600_000,
  deadlineMs: nowMs + 600_000,
  eventId: 'nfp@2026-11-06',
  because: 'non-farm payrolls',
};

export function observed(
  requested: number,
  status: ProvisionedStatus = 'READY',
  more: Partial<Observed> = {},
): Observed {
  const available = status === 'READY' ? requested : 0;
  const provisioned = { requested, allocated: available, available, status };
  return {
    key,
    atMs: nowMs - 1_000,
    version: '1',
    hasRoutingWeights: false,
    ...(requested > 0 && { provisioned }),
    ...more,
  };
}

export const wanted: Pursuit = {
  ...createPursuit(nowMs - 5_000),
  state: 'wanted',
  wantedConcurrency: 40,
  concurrency: 40,
  baselineConcurrency: 0,
  observed: observed(0),
};

export const context: GateContext = {
  nowMs,
  mode: 'enforce',
  endpointKind: 'twin',
  spec: { concurrencyCeiling: 40, concurrencyFloor: 10, reservedConcurrency: 40, ownership: 'own' },
  limits: { concurrencyMax: 100, usdPerHourMax: 12, usdPerEventMax: 5 },
  account: { concurrencyLimit: 200, unreservedConcurrency: 200 },
  pursuit: wanted,
  bookedEndMs: nowMs + 3_660_000,
  others: { concurrency: 60, usdPerHour: 8, usdOfEvent: 3 },
  cost: { usdPerHour: 4, usd: 2 },
  seed: 'seed',
};

/** Breakers, trouble and moments for tests. */
import type { BreakerSpec } from '../../core/breaker.ts';
import type { Incident } from '../../core/incident.ts';
import type { EdgeCounts } from './edge-counts.ts';
import type { BreakerMoment } from './machine.ts';

export const sampleSpec: BreakerSpec = {
  name: 'orders-table',
  callee: 'dynamodb/orders',
  callers: [],
  enactment: { kind: 'shared-state', places: [] },
  requestCountMin: 10,
  harmedRatioMin: 0.5,
  windowMs: 30_000,
  holdOffMs: 30_000,
  holdOffMsMax: 120_000,
  probeShares: [0.05, 0.2, 0.5],
  probeMs: 10_000,
  probeCountMin: 20,
  quietMs: 60_000,
  probeHarmedRatioMax: 0.2,
  settleMs: 5_000,
  leaseMs: 60_000,
};

export const sampleIncident: Incident = {
  id: 'edge:f>dynamodb/orders@0',
  state: 'open',
  severity: 'critical',
  startsAtMs: 0,
  openedAtMs: 0,
  lastTroubleAtMs: 0,
  origin: 'edge:f>dynamodb/orders',
  verdict: 'LIKELY',
  harmedRatio: 1,
  harmedRatioMax: 1,
  harmed: ['f'],
  findings: [],
  contributions: [],
  changes: [],
  traceIds: [],
  timeline: [],
};

export const noCalls: EdgeCounts = { callCount: 0, harmedCount: 0, throttleCount: 0 };

/** Nothing is wrong, nobody calls, everything is allowed. */
export function quietMoment(nowMs: number, change: Partial<BreakerMoment> = {}): BreakerMoment {
  return {
    nowMs,
    incidents: [],
    count: () => noCalls,
    usualHarmedRatio: 0,
    fleet: { functionCount: 40, openCount: 0, otherTroubledCount: 0 },
    guards: { openRatioMax: 0.1, panicRatioMin: 0.5 },
    neverBreak: [],
    permit: () => ({ isAllowed: true, because: '' }),
    ...change,
  };
}

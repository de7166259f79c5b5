/** A breaker as people see it. */
import { closedSince, standingOf, type BreakerState } from '../detector/breaker/machine.ts';
import type { BreakerSpec } from '../core/breaker.ts';
import type { BreakerStanding, BreakerStateName } from '../core/remedy.ts';
import type { EpochMs } from '../core/time.ts';

export interface BreakerView {
  readonly name: string;
  readonly callee: string;
  /** Empty: whoever calls it. */
  readonly callers: readonly string[];
  readonly by: BreakerSpec['enactment']['kind'];
  readonly state: BreakerStateName;
  /** Share of calls that go through now, 0…1. */
  readonly admitRatio: number;
  readonly sinceMs: EpochMs;
  /** When it ends unless it is renewed; null where calls go through anyway. */
  readonly untilMs: EpochMs | null;
  readonly incidentId: string | null;
  readonly forced: { readonly by: string; readonly because: string; readonly untilMs: EpochMs } | null;
  /** Why it would open and does not. */
  readonly held: string | null;
}

export function breakerViewOf(spec: BreakerSpec, state: BreakerState, nowMs: EpochMs): BreakerView {
  const { admitRatio, sinceMs, untilMs, state: told } = standingOf(spec, state, nowMs);
  const { name, callee, callers, enactment } = spec;
  // What has run out is closed for everybody, though the next tick has yet to say so.
  const hasRunOut = told === 'closed' && (state.state === 'open' || state.state === 'half-open');
  return {
    ...{ name, callee, callers, by: enactment.kind },
    ...{ state: hasRunOut ? 'closed' : state.state, admitRatio, sinceMs },
    untilMs: told === 'closed' ? null : untilMs,
    incidentId: state.incidentId ?? null,
    forced: state.forced ?? null,
    held: state.held ?? null,
  };
}

/** What clients are told of each. */
export function standingsOf(
  specs: readonly BreakerSpec[],
  states: Readonly<Record<string, BreakerState>>,
  nowMs: EpochMs,
): readonly BreakerStanding[] {
  return specs.map((spec) => standingOf(spec, states[spec.name] ?? closedSince(nowMs), nowMs));
}

/**
 * The brake: one switch that stops all remedies, and on a human's word everything that Foreshock does. It goes on by itself when remedies come too thick, or do nothing
 * for the trouble that they are for; only a human takes it off.
 *
 * Mental model: what stands ends by itself, and what gives back passes: with the brake on the world drifts back to how it is without us. Pre-warms go on, because
 * they follow a calendar and not a trouble; `brake on --all` stops these as well. Whoever reads the record finds each on and off with the name of who did it.
 *
 * - The recovery lock of outbrain/orchestrator (issue 206): so many recoveries an hour, then none until a person acknowledges.
 */
import { msPerHour, type EpochMs } from '../core/time.ts';

/** `remedies`: what is done about trouble. `all`: pre-warms and floors as well. */
export type BrakeScope = 'remedies' | 'all';

export interface BrakeOn {
  readonly scope: BrakeScope;
  readonly sinceMs: EpochMs;
  /** `engine` where it went on by itself. */
  readonly by: string;
  readonly because: string;
}

export interface BrakeState {
  /** Absent: it is off. */
  readonly on?: BrakeOn;
  /** When a human took it off last: what was before has been looked at, and does not count again. */
  readonly releasedAtMs?: EpochMs;
  /** When remedies were found to have changed nothing, of the last hour. */
  readonly withoutEffectAtMs: readonly EpochMs[];
}

export const brakeOff: BrakeState = { withoutEffectAtMs: [] };

export interface BrakeLimits {
  /** Remedies without effect in an hour that trip it. */
  readonly withoutEffectMax: number;
}

/** What a tick tells it. */
export type BrakeMoment =
  /** The gate held a remedy back because there were too many in an hour. */
  | { readonly kind: 'too-many'; readonly atMs: EpochMs; readonly actionCount: number }
  /** A remedy was taken, and the trouble is as it was. */
  | { readonly kind: 'without-effect'; readonly atMs: EpochMs }
  | {
      readonly kind: 'set';
      readonly atMs: EpochMs;
      readonly by: string;
      readonly because: string;
      /** Absent: off. */
      readonly scope?: BrakeScope;
    };

/** @returns the same object where nothing changed. */
export function advanceBrake(state: BrakeState, moment: BrakeMoment, limits: BrakeLimits): BrakeState {
  const { atMs } = moment;
  switch (moment.kind) {
    case 'set': {
      const { scope, by, because } = moment;
      if (scope === undefined) return state.on ? { releasedAtMs: atMs, withoutEffectAtMs: [] } : state;
      // A wider brake goes over a narrower one; the same again changes nothing.
      if (state.on?.scope === scope || (state.on?.scope === 'all' && scope === 'remedies')) return state;
      return { ...state, on: { scope, sinceMs: atMs, by, because } };
    }
    case 'too-many':
      return trip(state, atMs, `${moment.actionCount} remedies in an hour, and another one is wanted`);
    case 'without-effect': {
      const recent = [...state.withoutEffectAtMs.filter((one) => one > atMs - msPerHour), atMs];
      const counted = { ...state, withoutEffectAtMs: recent };
      if (recent.length < limits.withoutEffectMax) return counted;
      return trip(counted, atMs, `${recent.length} remedies in an hour were taken and changed nothing`);
    }
  }
}

function trip(state: BrakeState, atMs: EpochMs, because: string): BrakeState {
  return state.on ? state : { ...state, on: { scope: 'remedies', sinceMs: atMs, by: 'engine', because } };
}

/** From when on remedies count against what is allowed in an hour. */
export function countedFromMs({ releasedAtMs = -Infinity }: BrakeState): EpochMs {
  return releasedAtMs;
}

/** How much of the fleet is broken or in trouble: what keeps breakers few. */
import type { BreakerSpec } from '../../core/breaker.ts';
import type { Incident } from '../../core/incident.ts';
import { concerns } from './spec.ts';

export interface FleetShare {
  readonly functionCount: number;
  /** Functions that other open breakers touch. */
  readonly openCount: number;
  /** Functions harmed by trouble that is not about this breaker's callee. */
  readonly otherTroubledCount: number;
}

export interface FleetMoment {
  readonly functions: readonly string[];
  readonly incidents: readonly Incident[];
  /** Keys that other breakers touch which are open or half-open now. */
  readonly touchedByOthers: readonly string[];
}

export function fleetShareOf(spec: BreakerSpec, { functions, incidents, touchedByOthers }: FleetMoment): FleetShare {
  const known = new Set(functions);
  const among = (keys: readonly string[]): number => new Set(keys.filter((key) => known.has(key))).size;
  const others = incidents.filter((incident) => incident.state !== 'resolved' && !concerns(spec, incident));
  return {
    functionCount: known.size,
    openCount: among(touchedByOthers),
    otherTroubledCount: among(others.flatMap(({ harmed }) => harmed)),
  };
}

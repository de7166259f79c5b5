/** Which breaker an incident concerns, and whom a breaker touches. */
import type { BreakerSpec } from '../../core/breaker.ts';
import { endsOfEdge, isEdgeKey, type Incident } from '../../core/incident.ts';

/** The breakers whose callee this incident is about: that and nothing else. An edge concerns those who call over it; a node, all who call it. */
export function breakersFor(incident: Incident, specs: readonly BreakerSpec[]): readonly BreakerSpec[] {
  return specs.filter((spec) => concerns(spec, incident));
}

export function concerns(spec: BreakerSpec, { origin }: Pick<Incident, 'origin'>): boolean {
  if (!isEdgeKey(origin)) return origin === spec.callee;
  const { caller, callee } = endsOfEdge(origin);
  return callee === spec.callee && (spec.callers.length === 0 || spec.callers.includes(caller));
}

/** The nodes on which an open breaker is felt: the callee and those who call it through it. `callers`: everybody known to call it. */
export function touchedBy(spec: BreakerSpec, callers: readonly string[]): readonly string[] {
  return [spec.callee, ...(spec.callers.length > 0 ? spec.callers : callers)];
}

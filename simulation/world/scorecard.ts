/** The scorecard of a demo: what the system promised and met, beside what the two twins measured. */
import type { FunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Scorecard } from '../../service/view.ts';
import type { World } from './world.ts';

export interface ScorecardOptions {
  readonly functionKeys: readonly FunctionKey[];
  readonly fromMs: EpochMs;
  /** Whether the chain has been verified; it cannot be while the run goes on. */
  readonly isAuditVerified: boolean;
}

export function readScorecard(world: World, { functionKeys, fromMs, isAuditVerified }: ScorecardOptions): Scorecard {
  const { eventCount, head } = world.system.audit();
  const nowMs = world.nowMs();
  return {
    simulated: true,
    fromMs,
    untilMs: Math.max(fromMs, nowMs),
    functions: functionKeys.map((key) => ({
      function: key,
      ...world.measured(key),
      prewarms: world.system
        .prewarmsOf(key)
        .filter((prewarm) => prewarm.eventAtMs >= fromMs && prewarm.eventAtMs < nowMs),
    })),
    // Nothing is broken on purpose in a demo yet, and nothing detects it.
    fault: {
      firstBadSpanAtMs: null,
      findingAtMs: null,
      incidentAtMs: null,
      breakerOpenAtMs: null,
      pageAtMs: null,
      recoveredAtMs: null,
    },
    incidents: world.system.incidentCount(),
    // The demo breaks nothing, so whatever was called an incident was not one.
    falseIncidents: world.system.incidentCount(),
    pages: 0,
    audit: { events: eventCount, verified: isAuditVerified, head },
  };
}

/** The scorecard of a demo: what the system promised and met, beside what the two twins measured. */
import type { FunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import type { AuditEvent } from '../../core/audit.ts';
import type { Scorecard } from '../../service/view.ts';
import { faultSeen } from './fault-seen.ts';
import { pagesSeen } from './pages-seen.ts';
import type { Pager } from './pager.ts';
import type { TraceOptions } from './traces.ts';
import type { World } from './world.ts';

export interface ScorecardOptions {
  readonly functionKeys: readonly FunctionKey[];
  readonly fromMs: EpochMs;
  /** What has gone on record. */
  readonly audit: readonly AuditEvent[];
  readonly pager: Pick<Pager, 'alerts'>;
  /** What is broken on purpose, and when. */
  readonly traces?: TraceOptions | undefined;
  /** Whether the chain has been verified; it cannot be while the run goes on. */
  readonly isAuditVerified: boolean;
}

export function readScorecard(world: World, options: ScorecardOptions): Scorecard {
  const { functionKeys, fromMs, audit, pager, traces, isAuditVerified } = options;
  const { fault, falseIncidents } = faultSeen(audit, traces, {
    firstBadSpanAtMs: world.firstBadSpanAtMs(),
    recoveredAtMs: world.recoveredAtMs(),
    harmed: world.harmed(),
  });
  const { pageAtMs, pages, escalations } = pagesSeen(pager.alerts(), audit, fault.incidentAtMs);
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
    fault: { ...fault, pageAtMs },
    incidents: world.system.incidentCount(),
    falseIncidents,
    pages,
    escalations,
    audit: { events: eventCount, verified: isAuditVerified, head },
  };
}

/** What the system said of a fault, and when, by its audit log; and what it said of anything else. */
import type { AuditEvent } from '../../core/audit.ts';
import { msPerMinute, type EpochMs } from '../../core/time.ts';
import type { Scorecard } from '../../service/view.ts';
import type { TraceOptions } from './traces.ts';

export interface FaultSeen {
  readonly fault: Scorecard['fault'];
  /** Incidents that are not the fault's; a second one of the same fault is false too. */
  readonly falseIncidents: number;
}

/** Spans of the last harmed requests come after its end. */
const faultEchoMs = msPerMinute;

export function faultSeen(
  audit: readonly AuditEvent[],
  traces: TraceOptions | undefined,
  firstBadSpanAtMs: EpochMs | undefined,
): FaultSeen {
  const { fault } = traces ?? {};
  const incidents = audit.filter(({ kind }) => kind === 'incident.opened');
  const callers = traces?.functions.filter(({ service }) => service === fault?.service).map(({ key }) => key) ?? [];
  const struck = fault ? [...callers, `service:${fault.service}`] : [];
  const isOfFault = ({ atMs, body }: AuditEvent): boolean =>
    fault !== undefined &&
    firstBadSpanAtMs !== undefined &&
    atMs >= firstBadSpanAtMs &&
    atMs < fault.untilMs + faultEchoMs &&
    struck.some((key) => (body['function'] as string).includes(key));
  const finding = audit.find(
    (event) => event.kind === 'finding.seen' && event.body['weight'] === 'trouble' && isOfFault(event),
  );
  const incident = incidents.find((event) => event.body['incident'] === 'trouble' && isOfFault(event));
  const changes = audit.filter(
    ({ kind, causeSeq }) => kind === 'incident.changed' && causeSeq !== null && causeSeq === incident?.seq,
  );
  const returned = changes.findLastIndex(({ body }) => body['change'] === 'returned');
  const recovered = changes.slice(returned + 1).find(({ body }) => body['change'] === 'mitigated');
  return {
    fault: {
      firstBadSpanAtMs: firstBadSpanAtMs ?? null,
      findingAtMs: finding?.atMs ?? null,
      incidentAtMs: incident?.atMs ?? null,
      breakerOpenAtMs: null,
      pageAtMs: null,
      recoveredAtMs: recovered?.atMs ?? null,
    },
    falseIncidents: incidents.filter((event) => event !== incident).length,
  };
}

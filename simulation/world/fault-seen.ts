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

/** What requests felt of it, by the world. */
export interface FaultFelt {
  readonly firstBadSpanAtMs: EpochMs | undefined;
  readonly recoveredAtMs: EpochMs | undefined;
  readonly harmed: { readonly with: number; readonly without: number } | undefined;
}

/** Spans of the last harmed requests come after its end. */
const faultEchoMs = msPerMinute;

export function faultSeen(audit: readonly AuditEvent[], traces: TraceOptions | undefined, felt: FaultFelt): FaultSeen {
  const { firstBadSpanAtMs, recoveredAtMs, harmed } = felt;
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
  const mitigated = changes.slice(returned + 1).find(({ body }) => body['change'] === 'mitigated');
  const closed = audit.find(({ kind, causeSeq }) => kind === 'incident.closed' && causeSeq === incident?.seq);
  return {
    fault: {
      firstBadSpanAtMs: firstBadSpanAtMs ?? null,
      findingAtMs: finding?.atMs ?? null,
      incidentAtMs: incident?.atMs ?? null,
      ...breakerSeen(audit, incident?.seq),
      pageAtMs: null,
      recoveredAtMs: recoveredAtMs ?? null,
      mitigatedAtMs: mitigated?.atMs ?? null,
      resolvedAtMs: closed?.atMs ?? null,
      harmed: harmed ?? null,
    },
    falseIncidents: incidents.filter((event) => event !== incident).length,
  };
}

/** When those who call heard that it is open, and last that it is closed: by the answers to what was told them. */
function breakerSeen(audit: readonly AuditEvent[], incidentSeq: number | undefined) {
  const moves = audit.filter(({ kind, causeSeq }) => kind === 'breaker.moved' && causeSeq === incidentSeq);
  const states = moves.filter(({ body }) => body['from'] !== body['to']);
  const toldAtMs = (move: AuditEvent | undefined): EpochMs | null => {
    const intent = audit.find(({ kind, causeSeq }) => kind === 'action.intended' && causeSeq === move?.seq);
    const outcome = audit.find(({ kind, causeSeq }) => kind === 'action.outcome' && causeSeq === intent?.seq);
    const told = outcome?.body['outcome'] as { readonly kind: string; readonly atMs: EpochMs } | undefined;
    return told?.kind === 'accepted' ? told.atMs : null;
  };
  return {
    breakerOpenAtMs: toldAtMs(states.find(({ body }) => body['to'] === 'open')),
    breakerClosedAtMs: toldAtMs(states.findLast(({ body }) => body['to'] === 'closed')),
    breakerTransitions: states.length,
  };
}

/** What on-call got to see of a run, by those who received it; and which of it was the fault's, by the audit log. */
import type { AuditEvent } from '../../core/audit.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Alert } from './pager.ts';

export interface PagesSeen {
  /** When the page of the fault's incident was received. */
  readonly pageAtMs: EpochMs | null;
  /** Keys under which somebody was woken. */
  readonly pages: number;
  readonly escalations: number;
}

export function pagesSeen(
  alerts: readonly Alert[],
  audit: readonly AuditEvent[],
  incidentAtMs: EpochMs | null,
): PagesSeen {
  const opened = audit.find(
    ({ kind, atMs, body }) => kind === 'incident.opened' && atMs === incidentAtMs && body['incident'] === 'trouble',
  );
  const keys = new Set(
    audit
      .filter(({ kind, causeSeq }) => kind === 'notification.intended' && causeSeq !== null && causeSeq === opened?.seq)
      .map(({ body }) => body['dedupKey']),
  );
  const isEscalation = (alert: Alert): boolean => alert.class === 'escalation';
  const pages = alerts.filter((alert) => !isEscalation(alert));
  return {
    pageAtMs: pages.find(({ dedupKey }) => keys.has(dedupKey))?.openedAtMs ?? null,
    pages: new Set(pages.map(({ dedupKey }) => dedupKey)).size,
    escalations: alerts.filter(isEscalation).length,
  };
}

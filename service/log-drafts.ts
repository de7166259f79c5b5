/** The log of a run, from what goes on record. */
import type { AuditDraft } from '../core/audit.ts';
import type { Json } from '../core/json.ts';
import type { SystemPorts } from './system-options.ts';

/** Milestones for whoever reads the log; the audit chain has them all. */
export function logDrafts(drafts: readonly AuditDraft[], log: SystemPorts['log']): void {
  for (const { kind, body } of drafts) {
    const because = body['because'];
    const { wanted, target } = body;
    const key = body['function'] ?? body['key'];
    const fields = {
      function: typeof key === 'string' ? key : undefined,
      because: typeof because === 'string' ? because : undefined,
      ...(typeof wanted === 'string' && { wanted }),
      ...(typeof target === 'string' && { target }),
    };
    if (kind === 'notification.dropped') log.error(kind, { ...fields, consequence: 'nobody is told of it there' });
    else if (kind.startsWith('notification.')) logTold(kind, body, { fields, log });
    else if (kind === 'incident.opened' || kind === 'prewarm.late') log.error(kind, fields);
    // In shadow every action is refused, which is the point of it; in advise it is what people want to hear.
    else if (kind === 'action.refused' && body['mode'] === 'shadow') log.debug(kind, fields);
    // The second that a booking takes; one that is not to be had is an incident of its own.
    else if (kind === 'action.refused' && body['stage'] === 'booked') log.debug(kind, fields);
    else if (kind === 'action.refused' || kind === 'prewarm.lost') log.warn(kind, fields);
    else if (kind === 'breaker.moved' || kind === 'brake.changed' || kind === 'playbook.escalated')
      log.warn(kind, fields);
    else if (kind === 'playbook.started' || kind === 'playbook.ended' || kind === 'playbook.decided')
      log.info(kind, fields);
    else if (kind === 'prewarm.ready' || kind === 'action.intended' || kind === 'action.outcome')
      log.info(kind, fields);
    else log.debug(kind, fields);
  }
}

/** What a person at the log wants to know of messages: that they left, that they are not taken, and what came back. */
function logTold(
  kind: AuditDraft['kind'],
  { outcome, consequence }: AuditDraft['body'],
  { fields, log }: { readonly fields: Readonly<Record<string, string | undefined>>; readonly log: SystemPorts['log'] },
): void {
  const kindOf = (value: Json | undefined): Json | undefined =>
    (value as Readonly<Record<string, Json>> | undefined)?.['kind'];
  if (kind !== 'notification.outcome') log.info(kind, fields);
  else if (kindOf(consequence) === 'dropped')
    log.error(kind, { ...fields, consequence: 'others are paged in its place, where there are any' });
  else if (kindOf(outcome) === 'taken') log.debug(kind, fields);
  else log.warn(kind, { ...fields, consequence: 'it is tried again' });
}

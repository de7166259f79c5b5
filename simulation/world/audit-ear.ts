/** What a rehearsal hears of its system: each audit event, once it is durable. */
import type { AuditEvent } from '../../core/audit.ts';
import type { Store } from '../../core/ports.ts';
import type { Log } from '../../service/log.ts';

/** A store that tells of audit events once they are durable. */
export function listenToAudit(store: Store, audit: AuditEvent[]): Store {
  return {
    ...store,
    async append(records, after) {
      const head = await store.append(records, after);
      for (const { stream, bytes } of records)
        if (stream === 'audit') audit.push(JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent);
      return head;
    },
  };
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

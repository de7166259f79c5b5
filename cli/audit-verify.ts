/** `audit verify`: does the record hold, and if not, where does it first not. */
import { InputError } from '../core/errors.ts';
import { formatInstant } from '../core/time.ts';
import { verifyAudit, type AuditFault, type AuditVerification } from '../store/audit-verify.ts';
import { readStore } from './read-store.ts';
import { parseFlags, printJson, type Terminal, type Verb } from './verb.ts';

export const auditVerifyVerb: Verb = {
  name: 'audit verify',
  summary: 'checks the chain of the audit log, and says where it is broken',
  usage: `
  --store F   the store; a service may be writing to it meanwhile
  --json      the result as JSON: { verified, eventCount, head, firstFault, clockStepBackCount, anchored }

Exits 0 when every event holds, 1 when one does not, 2 when there is no store to read.
The hash of the head is worth keeping elsewhere: without a copy of it, a log that was cut at its end, or computed anew from some event
on, looks whole.`,
  async run(args, terminal) {
    const { values } = parseFlags(args, { store: { type: 'string' }, json: { type: 'boolean' } });
    const verification = await readStore(values.store, (store) =>
      verifyAudit(store, (eventCount) => {
        if (terminal.signal.aborted) throw new InputError('interrupted', 'interrupted: nothing is verified');
        if (terminal.isInteractive) terminal.err(`\r${eventCount} events hold`);
      }),
    );
    if (terminal.isInteractive && verification.eventCount >= 10_000) terminal.err('\r\u001b[K');
    if (values.json) printJson(terminal, verification);
    else printVerification(verification, terminal);
    return verification.verified ? 0 : 1;
  },
};

function printVerification(verification: AuditVerification, terminal: Terminal): void {
  const { verified, eventCount, head, firstFault, clockStepBackCount } = verification;
  const events = eventCount === 1 ? '1 event holds' : `${eventCount} events hold`;
  terminal.out(verified ? `verified: ${events}\n` : `NOT verified: ${events}, then the chain is broken\n`);
  if (firstFault) terminal.out(describeFault(firstFault));
  if (head) terminal.out(`head      event ${head.seq}, ${formatInstant(head.atMs)}, ${head.hash}\n`);
  if (clockStepBackCount > 0) terminal.out(`clock     was set back ${clockStepBackCount} times\n`);
  terminal.out('anchor    none: a log cut at its end, or computed anew from some event on, would not show\n');
}

function describeFault({ kind, position, seq, atMs, message }: AuditFault): string {
  const row = position === null ? [] : [`row ${position}`];
  const event = seq === null ? [] : [`event ${seq}`];
  // A damaged row may tell a time that no calendar has.
  const at = atMs === null || Math.abs(atMs) > 8.64e15 ? [] : [formatInstant(atMs)];
  const where = [...row, ...event, ...at].join(', ');
  return `${where === '' ? '' : `where     ${where}\n`}fault     ${kind}: ${message}\n`;
}

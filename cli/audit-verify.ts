/** `audit verify`: does the record hold, and if not, where does it first not. */
import { realFiles } from '../config/files.ts';
import { InputError } from '../core/errors.ts';
import { formatInstant } from '../core/time.ts';
import { readAnchor, type Checkpoint } from '../store/anchor.ts';
import { verifyTicks, type TickVerification } from '../store/tick-log.ts';
import { verifyAudit, type AuditFault, type AuditVerification } from '../store/audit-verify.ts';
import { readStore } from './read-store.ts';
import { parseFlags, printJson, type Terminal, type Verb } from './verb.ts';

export const auditVerifyVerb: Verb = {
  name: 'audit verify',
  summary: 'checks the chain of the audit log, and says where it is broken',
  usage: `
  --store F        the store; a service may be writing to it meanwhile
  --anchor F       checkpoints that were kept elsewhere (audit.anchorFile of the configuration): with them a tail that was cut shows, and a
                   chain that was computed anew
  --public-key F   the key that the checkpoints must be signed with (PEM, Ed25519)
  --json           the result as JSON: { verified, eventCount, head, firstFault, clockStepBackCount, anchor, ticks }

The audit events are checked, and the ticks: the facts that decisions were judged from.
Exits 0 when every row holds, 1 when one does not, 2 when there is no store or anchor to read.
Without an anchor, a log that was cut at its end, or computed anew from some event on, looks whole.`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      store: { type: 'string' },
      anchor: { type: 'string' },
      'public-key': { type: 'string' },
      json: { type: 'boolean' },
    });
    const checkpoints = await readCheckpoints(values.anchor, values['public-key']);
    const onProgress = (eventCount: number): void => {
      if (terminal.signal.aborted) throw new InputError('interrupted', 'interrupted: nothing is verified');
      if (terminal.isInteractive) terminal.err(`\r${eventCount} events hold`);
    };
    const verification = await readStore(values.store, async (store) => {
      const events = await verifyAudit(store, { checkpoints, onProgress });
      const ticks = await verifyTicks(store);
      return { ...events, verified: events.verified && ticks.verified, ticks };
    });
    if (terminal.isInteractive && verification.eventCount >= 10_000) terminal.err('\r\u001b[K');
    if (values.json) printJson(terminal, verification);
    else printVerification(verification, terminal);
    return verification.verified ? 0 : 1;
  },
};

interface LogVerification extends AuditVerification {
  /** The facts that decisions were judged from. */
  readonly ticks: TickVerification;
}

function printVerification(verification: LogVerification, terminal: Terminal): void {
  const { verified, eventCount, head, firstFault, clockStepBackCount, anchor, ticks } = verification;
  const events = eventCount === 1 ? '1 event holds' : `${eventCount} events hold`;
  const facts = ticks.tickCount === 1 ? '1 tick' : `${ticks.tickCount} ticks`;
  const broken = firstFault
    ? `${events}, then the chain is broken`
    : `${events}, and ${facts}, then the facts are broken`;
  terminal.out(verified ? `verified: ${events}, and ${facts}\n` : `NOT verified: ${broken}\n`);
  if (firstFault) terminal.out(describeFault(firstFault));
  if (ticks.firstFault) terminal.out(describeFault({ kind: 'tick', seq: null, ...ticks.firstFault }));
  if (head) terminal.out(`head      event ${head.seq}, ${formatInstant(head.atMs)}, ${head.hash}\n`);
  if (clockStepBackCount > 0) terminal.out(`clock     was set back ${clockStepBackCount} times\n`);
  terminal.out(`anchor    ${describeAnchor(anchor)}\n`);
}

function describeAnchor(anchor: AuditVerification['anchor']): string {
  if (!anchor) return 'none: a log cut at its end, or computed anew from some event on, would not show';
  const { checkpointCount, coveredSeq } = anchor;
  return `${checkpointCount} checkpoints, up to event ${coveredSeq}: what came later is held by the chain alone`;
}

async function readCheckpoints(
  anchor: string | undefined,
  publicKey: string | undefined,
): Promise<readonly Checkpoint[]> {
  if (anchor === undefined) {
    if (publicKey !== undefined)
      throw new InputError('usage', '--public-key checks the checkpoints of --anchor F: give both');
    return [];
  }
  const publicKeyPem = publicKey === undefined ? undefined : await readText(publicKey);
  return readAnchor(await readText(anchor), { name: anchor, ...(publicKeyPem !== undefined && { publicKeyPem }) });
}

async function readText(file: string): Promise<string> {
  try {
    return Buffer.from(await realFiles.readFile(file, anchorBytesMax)).toString('utf8');
  } catch (error) {
    throw new InputError('anchor', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** A checkpoint an hour for half a century. */
const anchorBytesMax = 128 * 1024 * 1024;

function describeFault({
  kind,
  position,
  seq,
  atMs,
  message,
}: Omit<AuditFault, 'kind'> & { readonly kind: string }): string {
  const row = position === null ? [] : [`row ${position}`];
  const event = seq === null ? [] : [`event ${seq}`];
  // A damaged row may tell a time that no calendar has.
  const at = atMs === null || Math.abs(atMs) > 8.64e15 ? [] : [formatInstant(atMs)];
  const where = [...row, ...event, ...at].join(', ');
  return `${where === '' ? '' : `where     ${where}\n`}fault     ${kind}: ${message}\n`;
}

/** `approve`: a yes or no to what Foreshock waits for, and the list of it. */
import { formatInstant } from '../core/time.ts';
import type { ApprovalView } from '../service/acting-view.ts';
import { needed } from './history.ts';
import { askService, findService, personFlagHelp, serviceFlagsHelp } from './service-client.ts';
import { formatTable } from './table.ts';
import { parseFlags, parseWord, printJson, type Verb } from './verb.ts';

const flags = {
  config: { type: 'string' },
  port: { type: 'string' },
  as: { type: 'string' },
  because: { type: 'string' },
  deny: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const approveVerb: Verb = {
  name: 'approve',
  summary: 'says yes or no to a pre-warm or a remedy that waits for it',
  usage: `
foreshock approve ID [--deny] --because TEXT --config F [--as NAME] [--port N] [--json]
foreshock approve --list --config F [--as NAME] [--port N] [--json]

  ID              what is asked, by its id in the message or the list
  --deny          no; a yes that was given is taken back by it, and what is held for it is given back
  --because TEXT  why, for the audit log
  --list          what waits, and what was answered and still holds
${serviceFlagsHelp}
${personFlagHelp}
  --json          { "answered": {…} } or the list: as /api/approvals answers

A yes holds for what was asked about and no more: that event or incident, so many environments and dollars, until it ends. A new forecast inside leaves it as it is.
Exits 1 when nothing of that id waits.
`,
  async run(args, terminal) {
    const isList = args.includes('--list');
    const { values, word } = isList
      ? { ...parseFlags(args, flags), word: '' }
      : parseWord(args, flags, 'what to approve, by its id (foreshock approve --list)');
    const service = await findService(values, terminal);
    if (isList) {
      const { body } = await askService(service, '/api/approvals');
      if (values.json) printJson(terminal, body);
      else terminal.out(tellApprovals(body as unknown as readonly ApprovalView[]));
      return 0;
    }
    const because = needed('--because', values.because);
    const answer = { id: word, isGranted: !values.deny, because };
    const { status, body } = await askService(service, '/api/approvals/answer', answer);
    const answered = status === 404 ? undefined : (body['answered'] as ApprovalView);
    if (values.json) printJson(terminal, answered ? body : { answered: null });
    else if (answered)
      terminal.out(
        `${answered.subject}: ${answered.state} by ${answered.answeredBy ?? ''}, until ${formatInstant(answered.expiresAtMs)}\n`,
      );
    else terminal.out(`nothing of the id ${word} waits for an answer\n`);
    return answered ? 0 : 1;
  },
};

function tellApprovals(approvals: readonly ApprovalView[]): string {
  if (approvals.length === 0) return 'nothing waits for a yes\n';
  const columns = [
    { title: 'id' },
    { title: 'what' },
    { title: 'state' },
    { title: 'at most', isNumber: true },
    { title: 'usd', isNumber: true },
    { title: 'until' },
    { title: 'why' },
  ];
  const rows = approvals.map(({ id, subject, state, bounds, expiresAtMs, answeredBy, because }) => [
    id,
    subject,
    answeredBy === null ? state : `${state} (${answeredBy})`,
    String(bounds.concurrencyMax),
    bounds.usdMax.toFixed(2),
    formatInstant(expiresAtMs),
    because,
  ]);
  return `${formatTable(columns, rows)}\n`;
}

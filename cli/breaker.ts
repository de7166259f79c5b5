/** `breaker list` and `breaker force`: what breakers do, and a human's word on it. */
import { InputError } from '../core/errors.ts';
import { formatInstant, msPerDay, msPerMinute } from '../core/time.ts';
import type { BreakerView } from '../service/breaker-view.ts';
import { lengthFlag, needed } from './history.ts';
import { askService, findService, personFlagHelp, serviceFlagsHelp } from './service-client.ts';
import { formatTable } from './table.ts';
import { parseFlags, parseWords, printJson, type Verb } from './verb.ts';

const serviceFlags = {
  config: { type: 'string' },
  port: { type: 'string' },
  as: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const breakerListVerb: Verb = {
  name: 'breaker list',
  summary: 'what breakers let through now, and why',
  usage: `
foreshock breaker list --config F [--as NAME] [--port N] [--json]

${serviceFlagsHelp}
${personFlagHelp}
  --json          { "breakers": […] }: as GET /api/breakers answers
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, serviceFlags);
    const service = await findService(values, terminal);
    const { body } = await askService(service, '/api/breakers');
    if (values.json) printJson(terminal, body);
    else terminal.out(tellBreakers((body as unknown as { breakers: readonly BreakerView[] }).breakers));
    return 0;
  },
};

function tellBreakers(breakers: readonly BreakerView[]): string {
  if (breakers.length === 0) return 'there are no breakers: see breakers in the configuration\n';
  const columns = [
    { title: 'breaker' },
    { title: 'state' },
    { title: 'through', isNumber: true },
    { title: 'since' },
    { title: 'until' },
    { title: 'callee' },
    { title: 'why' },
  ];
  const rows = breakers.map((breaker) => [
    breaker.name,
    breaker.state,
    `${Math.round(breaker.admitRatio * 100)} %`,
    formatInstant(breaker.sinceMs),
    breaker.untilMs === null ? '' : formatInstant(breaker.forced?.untilMs ?? breaker.untilMs),
    breaker.callee,
    whyOf(breaker),
  ]);
  return `${formatTable(columns, rows)}\n`;
}

function whyOf({ forced, held, incidentId }: BreakerView): string {
  const word = forced ? `${forced.by}: ${forced.because}` : (incidentId ?? '');
  return [word, held === null ? '' : `held: ${held}`].filter((part) => part !== '').join('; ');
}

const states: readonly string[] = ['open', 'closed', 'metrics-only', 'none'];

export const breakerForceVerb: Verb = {
  name: 'breaker force',
  summary: 'a human says whether a breaker is open or closed, for a time, or takes it back',
  usage: `
foreshock breaker force NAME STATE [--for 10m] --because TEXT --config F [--as NAME] [--port N] [--json]

  NAME            the breaker
  STATE           open: nothing goes through; closed: everything does; metrics-only: everything does, and what it would do is on record;
                  none: the word is taken back
  --for D         for that long, from 1m to 24h; 1h unless said
  --because TEXT  why, for the audit log
${serviceFlagsHelp}
${personFlagHelp}
  --json          { "forced", "breaker" }: the breaker as it stood a moment before

It is done at the next tick, within a second. What is marked neverBreak is never opened, by nobody.
`,
  async run(args, terminal) {
    const flags = { ...serviceFlags, for: { type: 'string' }, because: { type: 'string' } } as const;
    const { words, values } = parseWords(args, flags, ['the breaker', `what it is to be: ${states.join(', ')}`]);
    const [name = '', to = ''] = words;
    if (!states.includes(to)) throw new InputError('usage', `${to}: expected ${states.join(', ')}`);
    const because = needed('--because', values.because);
    const forMs = values.for === undefined ? undefined : lengthFlag('--for', values.for);
    if (forMs !== undefined && to === 'none')
      throw new InputError('usage', '--for: a word that is taken back has no length');
    if (forMs !== undefined && (forMs < msPerMinute || forMs > msPerDay))
      throw new InputError('usage', `--for ${values.for!}: expected a length from 1m to 24h`);
    const service = await findService(values, terminal);
    const body = { to, because, ...(forMs !== undefined && { minutes: forMs / msPerMinute }) };
    const path = `/api/breakers/${encodeURIComponent(name)}/force`;
    const answer = await askService(service, path, body);
    if (values.json) printJson(terminal, answer.body);
    else terminal.out(tellForced(name, to, values.for ?? '1h'));
    return 0;
  },
};

function tellForced(name: string, to: string, length: string): string {
  return to === 'none' ? `${name}: the word is taken back\n` : `${name}: ${to} for ${length}, from the next tick on\n`;
}

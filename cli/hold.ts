/** `hold`: an operator wants a function or a group left as it is. */
import { InputError } from '../core/errors.ts';
import { formatInstant, msPerDay, msPerMinute } from '../core/time.ts';
import type { HoldView } from '../service/acting-view.ts';
import { lengthFlag, needed } from './history.ts';
import { askService, findService, personFlagHelp, serviceFlagsHelp } from './service-client.ts';
import { parseWord, printJson, type Verb } from './verb.ts';

const forMsMax = 30 * msPerDay;

export const holdVerb: Verb = {
  name: 'hold',
  summary: 'leaves a function or a group as it is, or lets it go again',
  usage: `
foreshock hold SUBJECT [--for 2h] --because TEXT --config F [--as NAME] [--port N] [--json]
foreshock hold SUBJECT --release --because TEXT --config F [--as NAME] [--port N] [--json]

  SUBJECT         a function (account/region/name:alias) or a group
  --for D         for that long, from 1m to 720h; left out: until it is released
  --release       let it go
  --because TEXT  why, for the audit log
${serviceFlagsHelp}
${personFlagHelp}
  --json          { "held": {…} } or { "released": SUBJECT }

Neither pre-warms nor remedies change it while it is held; what AWS has booked still ends. Exits 1 when there was nothing to release.
`,
  async run(args, terminal) {
    const flags = {
      config: { type: 'string' },
      port: { type: 'string' },
      as: { type: 'string' },
      for: { type: 'string' },
      release: { type: 'boolean', default: false },
      because: { type: 'string' },
      json: { type: 'boolean', default: false },
    } as const;
    const { word: subject, values } = parseWord(args, flags, 'a function or a group');
    const because = needed('--because', values.because);
    if (values.release && values.for !== undefined) throw new InputError('usage', '--for: not with --release');
    const minutes = values.for === undefined ? {} : { minutes: minutesOf(values.for) };
    const service = await findService(values, terminal);
    const path = values.release ? '/api/holds/release' : '/api/holds';
    const { status, body } = await askService(service, path, { subject, because, ...minutes });
    const isDone = status !== 404;
    if (values.json) printJson(terminal, isDone ? body : { released: null });
    else if (!isDone) terminal.out(`nothing is held under the name ${subject}\n`);
    else terminal.out(values.release ? `${subject} is let go\n` : tellHeld(body['held'] as HoldView));
    return isDone ? 0 : 1;
  },
};

function minutesOf(text: string): number {
  const forMs = lengthFlag('--for', text);
  if (forMs < msPerMinute || forMs > forMsMax)
    throw new InputError('usage', `--for ${text}: expected a length from 1m to 720h`);
  return forMs / msPerMinute;
}

function tellHeld({ subject, untilMs }: HoldView): string {
  return `${subject} is left as it is ${untilMs === null ? 'until it is released' : `until ${formatInstant(untilMs)}`}\n`;
}

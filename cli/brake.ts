/** `brake`: stops all remedies, and on demand everything; only a human takes it off. */
import { InputError } from '../core/errors.ts';
import { formatInstant } from '../core/time.ts';
import type { BrakeView } from '../service/acting-view.ts';
import { needed } from './history.ts';
import { askService, findService, personFlagHelp, serviceFlagsHelp } from './service-client.ts';
import { parseWord, printJson, type Verb } from './verb.ts';

export const brakeVerb: Verb = {
  name: 'brake',
  summary: 'stops all remedies, or everything; takes the brake off; says whether it is on',
  usage: `
foreshock brake on [--all] --because TEXT --config F [--as NAME] [--port N] [--json]
foreshock brake off --because TEXT --config F [--as NAME] [--port N] [--json]
foreshock brake status --config F [--as NAME] [--port N] [--json]

  --all           pre-warms as well: nothing more is asked for. Left out: remedies alone
  --because TEXT  why, for the audit log
${serviceFlagsHelp}
${personFlagHelp}
  --json          { "isOn", "scope", "sinceMs", "by", "because" }

What gives back is never stopped, and what stands ends by itself. The brake goes on by itself when more remedies are wanted than an hour may hold, or when too
many changed nothing. brake status exits 1 when it is on.
`,
  async run(args, terminal) {
    const flags = {
      config: { type: 'string' },
      port: { type: 'string' },
      as: { type: 'string' },
      all: { type: 'boolean', default: false },
      because: { type: 'string' },
      json: { type: 'boolean', default: false },
    } as const;
    const { word, values } = parseWord(args, flags, 'on, off or status');
    if (word !== 'on' && word !== 'off' && word !== 'status')
      throw new InputError('usage', `brake ${word}: expected on, off or status`);
    if (values.all && word !== 'on') throw new InputError('usage', '--all: only with brake on');
    const asked =
      word === 'status'
        ? undefined
        : { isOn: word === 'on', isAll: values.all, because: needed('--because', values.because) };
    const service = await findService(values, terminal);
    const { body } = await askService(service, '/api/brake', asked);
    const brake = body as unknown as BrakeView;
    if (values.json) printJson(terminal, brake);
    else terminal.out(tellBrake(brake));
    return word === 'status' && brake.isOn ? 1 : 0;
  },
};

function tellBrake({ isOn, scope, sinceMs, by, because }: BrakeView): string {
  if (!isOn || sinceMs === null) return 'the brake is off\n';
  const what = scope === 'all' ? 'everything is stopped' : 'remedies are stopped';
  return `the brake is on since ${formatInstant(sinceMs)}: ${what} (${by ?? ''}: ${because ?? ''})\n`;
}

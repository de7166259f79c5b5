/** `warm`: an event that starts now, for what no calendar knew. */
import { InputError } from '../core/errors.ts';
import { msPerMinute } from '../core/time.ts';
import { loadNamedConfig } from './config-flags.ts';
import { numberFlag } from './flags.ts';
import { lengthFlag, needed } from './history.ts';
import { askService } from './service-client.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

export const warmVerb: Verb = {
  name: 'warm',
  summary: 'an event that starts now: warms a group of functions within the limits',
  usage: `
foreshock warm --group G --lift N --for 45m --because TEXT --config F [--json]

  --group G       the functions of that group
  --lift N        expect at least N times what is usual at this hour
  --for D         for that long, such as 45m or 2h
  --because TEXT  why, for the audit log
  --config F      the running service's configuration: where it listens, and its first token

It is planned, priced, limited and ended as any event is.
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      group: { type: 'string' },
      lift: { type: 'string' },
      for: { type: 'string' },
      because: { type: 'string' },
      config: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    const group = needed('--group', values.group);
    const lift = numberFlag('--lift', needed('--lift', values.lift), { min: 1, max: 1_000 });
    const minutes = lengthFlag('--for', needed('--for', values.for)) / msPerMinute;
    const because = needed('--because', values.because);
    const config = await loadNamedConfig(values.config, terminal);
    const { status, body } = await askService(config, '/api/warm', { group, lift, minutes, because });
    if (status === 404)
      throw new InputError('service.readonly', 'what listens there takes no orders: is it foreshock serve?');
    if (values.json) printJson(terminal, body);
    else {
      const functions = body['functions'] as readonly string[];
      terminal.out(`${String(body['eventId'])}: ${functions.length} functions of ${group}, for ${minutes} min\n`);
    }
    return 0;
  },
};

/** `warm`: an event that starts now, for what no calendar knew. */
import { InputError } from '../core/errors.ts';
import { formatInstant, msPerDay, msPerMinute } from '../core/time.ts';
import type { PlanStepView } from '../service/view.ts';
import { numberFlag } from './flags.ts';
import { lengthFlag, needed } from './history.ts';
import { askService, findService, personFlagHelp, serviceFlagsHelp } from './service-client.ts';
import { formatTable } from './table.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

export const warmVerb: Verb = {
  name: 'warm',
  summary: 'an event that starts now: warms a group of functions within the limits',
  usage: `
foreshock warm --group G --lift N --for 45m --because TEXT --config F [--as NAME] [--port N] [--json]

  --group G       the functions of that group
  --lift N        expect at least N times what is usual at this hour; above 1
  --for D         for that long, from 1m to 24h, such as 45m or 2h
  --because TEXT  why, for the audit log
${serviceFlagsHelp}
${personFlagHelp}
  --json          { "eventId", "functions", "steps" }: steps are what the plan holds for them from now on, null where none was made yet

It is planned, priced, limited and ended as any event is. Lambda takes two minutes or more until what is asked for now is READY.
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      group: { type: 'string' },
      lift: { type: 'string' },
      for: { type: 'string' },
      because: { type: 'string' },
      config: { type: 'string' },
      port: { type: 'string' },
      as: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    const group = needed('--group', values.group);
    const lift = numberFlag('--lift', needed('--lift', values.lift), { min: 1, max: 1_000 });
    if (lift === 1) throw new InputError('usage', '--lift 1: is what is usual anyway; expected more than 1');
    const length = needed('--for', values.for);
    const forMs = lengthFlag('--for', length);
    if (forMs < msPerMinute || forMs > msPerDay)
      throw new InputError('usage', `--for ${length}: expected a length from 1m to 24h`);
    const because = needed('--because', values.because);
    const service = await findService(values, terminal);
    const minutes = forMs / msPerMinute;
    const { body } = await askService(service, '/api/warm', {
      group,
      lift,
      minutes,
      because,
    });
    if (values.json) printJson(terminal, body);
    else terminal.out(tellWarmed(body as unknown as Warmed, group));
    return 0;
  },
};

interface Warmed {
  readonly eventId: string;
  readonly functions: readonly string[];
  readonly steps: readonly PlanStepView[] | null;
}

function tellWarmed({ eventId, functions, steps }: Warmed, group: string): string {
  const count = functions.length === 1 ? '1 function' : `${functions.length} functions`;
  const first = `${eventId}: for ${count} of ${group}`;
  if (steps === null)
    return `${first}; no plan has been made yet: it will be part of the next one, see foreshock audit show --kind plan.decided\n`;
  if (steps.length === 0)
    return `${first}, for which the plan leaves nothing: see why in the audit log (audit show --kind plan.decided)\n`;
  const columns = [
    { title: 'function' },
    { title: 'warm', isNumber: true },
    { title: 'wanted', isNumber: true },
    { title: 'until' },
    { title: 'usd', isNumber: true },
    { title: 'bound by' },
    { title: 'for' },
  ];
  const rows = steps.map((step) => [
    step.function.split('/').at(-1)!,
    String(step.concurrency),
    String(step.concurrencyWanted),
    formatInstant(step.untilMs),
    step.usd.toFixed(3),
    step.bindingLimit,
    step.eventId ?? 'no event',
  ]);
  return `${first}; from now on the plan holds\n\n${formatTable(columns, rows)}\n`;
}

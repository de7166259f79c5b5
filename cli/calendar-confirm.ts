/** `calendar confirm`: a human says that a calendar is right as it stands, and what doubt kept warm beside it is let go. */
import { askService, findService, personFlagHelp, serviceFlagsHelp } from './service-client.ts';
import { parseWord, printJson, type Verb } from './verb.ts';

export const calendarConfirmVerb: Verb = {
  name: 'calendar confirm',
  summary: 'says that a moved, cancelled or disputed event is right as it stands',
  usage: `
foreshock calendar confirm ID --config F [--as NAME] [--port N] [--json]

  ID              the event, one of the windows kept for it (…~was@…, …~also@…), or a calendar that lost events
${serviceFlagsHelp}
${personFlagHelp}

Inside the last day before an event, the window that an edit takes away stays warm beside the new one until this is said.
Exits 1 when nothing waits for it.
`,
  async run(args, terminal) {
    const flags = {
      config: { type: 'string' },
      port: { type: 'string' },
      as: { type: 'string' },
      json: { type: 'boolean', default: false },
    } as const;
    const { word: id, values } = parseWord(args, flags, 'the event, such as cpi@2025-10-24T12:30:00Z');
    const service = await findService(values, terminal);
    const { status, body } = await askService(service, '/api/calendar/confirm', {
      id,
    });
    const isDone = status !== 404;
    if (values.json) printJson(terminal, isDone ? body : { confirmed: null, released: [] });
    else if (isDone)
      terminal.out(`${id} is right as it stands; let go: ${(body['released'] as string[]).join(', ')}\n`);
    else terminal.out(`nothing waits for a confirmation of ${id}\n`);
    return isDone ? 0 : 1;
  },
};

/** `calendar import`: a feed or an export as a CSV file that people can read, edit and keep under version control. */
import { writeFile } from 'node:fs/promises';
import { formatCalendarCsv } from '../collectors/calendar-csv.ts';
import { readCalendar } from '../collectors/calendar-file.ts';
import { InputError } from '../core/errors.ts';
import { instantFlag } from './flags.ts';
import { needed } from './history.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

export const calendarImportVerb: Verb = {
  name: 'calendar import',
  summary: 'writes a calendar file of any format as CSV',
  usage: `
foreshock calendar import --from F.ics --to F.csv [--at T] [--overwrite] [--json]

  --from F     CSV, YAML or iCalendar
  --to F       the CSV file to write; one that is there is left alone
  --overwrite  replaces it
  --at T       recurring events are written out from three calendar years before this instant to one after it (default: now)

The CSV has the same events, ids and version. What was published as a date alone is written as a date.
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      from: { type: 'string' },
      to: { type: 'string' },
      at: { type: 'string' },
      overwrite: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    });
    const [from, to] = [needed('--from', values.from), needed('--to', values.to)];
    const aroundMs = values.at === undefined ? Date.now() : instantFlag('--at', values.at);
    const { events, version, warnings } = await readCalendar(from, { aroundMs, signal: terminal.signal });
    await write(to, formatCalendarCsv(events), values.overwrite);
    if (values.json) printJson(terminal, { from, to, version, eventCount: events.length, warnings });
    else {
      const lines = [
        `${to}: ${events.length} events of ${from}, version ${version.slice(0, 12)}`,
        ...warnings.map((warning) => `warning: ${warning}`),
      ];
      terminal.out(`${lines.join('\n')}\n`);
    }
    return 0;
  },
};

async function write(path: string, text: string, mayOverwrite: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: mayOverwrite ? 'w' : 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const words =
      code === 'EEXIST'
        ? 'is there already; say --overwrite to replace it'
        : `cannot be written (${code ?? 'unknown'})`;
    throw new InputError('file-unwritable', `${path}: ${words}`, { cause: error });
  }
}

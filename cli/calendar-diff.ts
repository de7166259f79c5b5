/** `calendar diff`: what changed between two calendars, before the new one is acted on. */
import { diffCalendars, isSame, type EventChange } from '../calendar/diff.ts';
import { takeCalendars } from '../calendar/in-force.ts';
import { createVenue } from '../calendar/venue.ts';
import { readCalendar } from '../collectors/calendar-file.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant } from '../core/time.ts';
import { formatFinding } from './calendar-finding.ts';
import { instantFlag } from './flags.ts';
import { needed } from './history.ts';
import { formatTable } from './table.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

export const calendarDiffVerb: Verb = {
  name: 'calendar diff',
  summary: 'tells which events were added, moved, cancelled or removed between two calendar files',
  usage: `
foreshock calendar diff --from A --to B [--at T] [--venue V] [--json]

  --from A, --to B  calendar files: CSV, YAML or iCalendar, not always the same
  --at T            when the change would be taken over (default: now); recurring events are compared from three calendar years before this
                    instant to one after it
  --venue V         the exchange (XNYS, XNAS) or time zone whose days they are held to (default: XNYS)

An event is the same when its id is; of what is left, the nearest of the same kind and symbols within seven days is taken for the same, moved.
What is doubtful in the change is shown as a finding, and so is what would be kept warm, taken over at T: a window that it takes away less than 24 hours
before, and events when more than a tenth of those ahead are lost at once.

Exit 0: both say the same. Exit 1: they differ. Exit 2: one of them cannot be read.
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      from: { type: 'string' },
      to: { type: 'string' },
      at: { type: 'string' },
      venue: { type: 'string', default: 'XNYS' },
      json: { type: 'boolean', default: false },
    });
    const [fromPath, toPath] = [needed('--from', values.from), needed('--to', values.to)];
    const aroundMs = values.at === undefined ? Date.now() : instantFlag('--at', values.at);
    const options = { aroundMs, signal: terminal.signal };
    const before = await readCalendar(fromPath, options);
    const after = await readCalendar(toPath, options);
    const diff = diffCalendars(before.events, after.events);
    const isEqual = isSame(diff);
    const moment = { nowMs: aroundMs, clock: createVenue(values.venue) };
    const { inForce } = takeCalendars(undefined, [{ source: 'calendar', calendar: before }], moment);
    const { findings } = takeCalendars(inForce, [{ source: 'calendar', calendar: after }], moment);
    if (values.json) {
      const versions = { fromVersion: before.version, toVersion: after.version };
      printJson(terminal, { from: fromPath, to: toPath, ...versions, isEqual, ...diff, findings });
    } else if (isEqual) {
      terminal.out(`${toPath} says what ${fromPath} says: ${after.events.length} events\n`);
    } else {
      terminal.out([render(diff), ...findings.map(formatFinding), ''].join('\n'));
    }
    return isEqual ? 0 : 1;
  },
};

function render({ added, removed, cancelled, moved, changed }: ReturnType<typeof diffCalendars>): string {
  const counts = Object.entries({ added, moved, cancelled, removed, changed })
    .filter(([, list]) => list.length > 0)
    .map(([word, list]) => `${list.length} ${word}`);
  const row = (word: string, event: MarketEvent, how: string): { atMs: number; cells: string[] } => ({
    atMs: event.startsAtMs,
    cells: [word, when(event), event.kind, event.symbols.join('+'), event.title, how],
  });
  const rows = [
    ...added.map((event) => row('added', event, event.status === 'cancelled' ? 'cancelled' : '')),
    ...removed.map((event) => row('removed', event, '')),
    ...cancelled.map((change) => row('cancelled', change.after, '')),
    ...moved.map((change) => row('moved', change.after, `from ${when(change.before)}`)),
    ...changed.map((change) => row('changed', change.after, explain(change))),
  ].sort((a, b) => a.atMs - b.atMs);
  const columns = ['', 'at', 'kind', 'symbols', 'title', ''].map((title) => ({ title }));
  return `${counts.join(', ')}\n\n${formatTable(
    columns,
    rows.map(({ cells }) => cells),
  )}`;
}

function when({ startsAtMs, precision, isTimeAssumed }: MarketEvent): string {
  const at = formatInstant(startsAtMs);
  return precision === 'date' ? `${at.slice(0, 10)} (date only)` : `${at}${isTimeAssumed ? ' (assumed)' : ''}`;
}

function explain({ before, after, fields }: EventChange): string {
  return fields
    .map((field) => {
      if (field === 'source') return `source ${before.source.says} → ${after.source.says}`;
      if (field === 'isTimeAssumed') return after.isTimeAssumed ? 'time now assumed' : 'time confirmed';
      const [from, to] = [before, after].map((event) => JSON.stringify(event[field as keyof MarketEvent]));
      return `${field} ${from} → ${to}`;
    })
    .join('; ');
}

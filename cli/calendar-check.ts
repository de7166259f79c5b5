/** `calendar check`: is this calendar fit to act on, and what comes next? */
import { findDoubts } from '../calendar/doubt.ts';
import { eventsBetween, type Calendar } from '../calendar/event.ts';
import type { CalendarFinding } from '../calendar/finding.ts';
import { createVenue } from '../calendar/venue.ts';
import { readCalendar } from '../collectors/calendar-file.ts';
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant, parseInstant, type EpochMs } from '../core/time.ts';
import { tellExpectation } from '../forecaster/expected-floor.ts';
import { formatFinding } from './calendar-finding.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

const nextCount = 5;

export const calendarCheckVerb: Verb = {
  name: 'calendar check',
  summary: 'validates a calendar file and shows what it holds',
  usage: `
foreshock calendar check --calendar F [--at T] [--venue V] [--json]

  --calendar F  CSV with the columns ts,kind,title,importance,symbol,source (optional: id, status, precision, and expect_group, expect_lift or
                expect_requests_per_second, expect_minutes), YAML with the same words as keys, or iCalendar (.ics)
  --at T        shows, and doubts, the events from this instant on (default: now)
  --venue V     the exchange (XNYS, XNAS) or time zone whose days they are held to (default: XNYS)

What is doubtful is shown as a finding: an hour or a day that the kind never had, a release that is doubled or missing by its own cadence. It may be
right all the same.

Exit 0: the whole file is sound. Exit 2: it is not; each fault is named by line.
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      calendar: { type: 'string' },
      at: { type: 'string' },
      venue: { type: 'string', default: 'XNYS' },
      json: { type: 'boolean', default: false },
    });
    if (values.calendar === undefined)
      throw new InputError('usage', '--calendar F is needed: which file is to be checked?');
    const atMs = values.at === undefined ? Date.now() : parseInstant(values.at);
    if (atMs === undefined) {
      throw new InputError(
        'usage',
        `--at "${values.at ?? ''}" is not an instant such as 2025-09-05T12:30:00Z, nor a date`,
      );
    }
    const clock = createVenue(values.venue);
    const calendar = await readCalendar(values.calendar, { aroundMs: atMs, signal: terminal.signal });
    const findings = findDoubts(calendar.events, { nowMs: atMs, clock });
    const found = { ...describe(values.calendar, calendar, atMs), findings };
    if (values.json) printJson(terminal, found);
    else terminal.out(render(found));
    return 0;
  },
};

interface Description {
  readonly calendar: string;
  readonly version: string;
  readonly eventCount: number;
  readonly cancelledCount: number;
  /** Events of which only the day was published. */
  readonly assumedTimeCount: number;
  /** Those among them whose kind has no usual time either: nothing is warmed for them. */
  readonly dateOnlyCount: number;
  readonly firstAtMs: EpochMs | null;
  readonly lastAtMs: EpochMs | null;
  readonly kinds: readonly KindDescription[];
  readonly atMs: EpochMs;
  readonly next: readonly MarketEvent[];
  readonly warnings: readonly string[];
  readonly findings: readonly CalendarFinding[];
}

interface KindDescription {
  readonly kind: string;
  readonly count: number;
  readonly importanceMax: number;
  readonly firstAtMs: EpochMs;
  readonly lastAtMs: EpochMs;
}

function describe(path: string, { events, version, warnings }: Calendar, atMs: EpochMs): Omit<Description, 'findings'> {
  const dateOnlyCount = events.filter((event) => event.precision === 'date').length;
  return {
    calendar: path,
    version,
    eventCount: events.length,
    cancelledCount: events.filter((event) => event.status === 'cancelled').length,
    assumedTimeCount: dateOnlyCount + events.filter((event) => event.isTimeAssumed).length,
    dateOnlyCount,
    firstAtMs: events[0]?.startsAtMs ?? null,
    lastAtMs: events.at(-1)?.startsAtMs ?? null,
    kinds: describeKinds(events),
    atMs,
    next: eventsBetween(events, atMs, Infinity)
      .filter((event) => event.status === 'scheduled')
      .slice(0, nextCount),
    warnings,
  };
}

/** The commonest kind first; among equals by name. */
function describeKinds(events: readonly MarketEvent[]): readonly KindDescription[] {
  const groups = Map.groupBy(events, (event) => event.kind);
  return [...groups]
    .map(([kind, group]) => ({
      kind,
      count: group.length,
      importanceMax: Math.max(...group.map((event) => event.importance)),
      firstAtMs: group[0]!.startsAtMs,
      lastAtMs: group.at(-1)!.startsAtMs,
    }))
    .sort((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
}

function render(found: Description): string {
  const conventionalCount = found.assumedTimeCount - found.dateOnlyCount;
  const facts = [
    `${found.eventCount} events`,
    ...(found.cancelledCount > 0 ? [`${found.cancelledCount} cancelled`] : []),
    ...(conventionalCount > 0 ? [`${conventionalCount} at the time assumed for their kind`] : []),
    ...(found.dateOnlyCount > 0 ? [`${found.dateOnlyCount} with a date only, which nothing is warmed for`] : []),
    `version ${found.version.slice(0, 12)}`,
  ];
  const day = (atMs: EpochMs): string => formatInstant(atMs).slice(0, 10);
  const kinds = found.kinds.map((kind) => [
    kind.kind,
    String(kind.count),
    String(kind.importanceMax),
    day(kind.firstAtMs),
    day(kind.lastAtMs),
  ]);
  const next = found.next.map((event) => [
    event.precision === 'date'
      ? `${day(event.startsAtMs)} (date only)`
      : `${formatInstant(event.startsAtMs)}${event.isTimeAssumed ? ' (assumed)' : ''}`,
    event.symbols.length === 0 ? event.kind : `${event.kind}:${event.symbols.join('+')}`,
    String(event.importance),
    event.expect === undefined
      ? event.title
      : `${event.title} (${event.expect.group}: ${tellExpectation(event.expect)})`,
  ]);
  return [
    `${found.calendar}: sound; ${facts.join(', ')}`,
    '',
    ...alignColumns([['kind', 'count', 'importance', 'first', 'last'], ...kinds]),
    '',
    next.length === 0 ? `no event from ${formatInstant(found.atMs)} on` : `next from ${formatInstant(found.atMs)}`,
    ...alignColumns(next),
    ...found.warnings.map((warning) => `warning: ${warning}`),
    ...found.findings.map(formatFinding),
    '',
  ].join('\n');
}

/** Counts stand to the right of their column, words to the left. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widthOf = (column: number): number => Math.max(...rows.map((row) => row[column]!.length));
  const align = (cell: string, column: number): string =>
    /^\d+$/.test(cell) ? cell.padStart(widthOf(column)) : cell.padEnd(widthOf(column));
  return rows.map((row) => `  ${row.map(align).join('  ')}`.trimEnd());
}

/**
 * Market events from the text of a CSV file: `ts,kind,title,importance,symbol,source`, and where wanted `id`, `status`, `precision`
 * and the `expect_` columns (event-text.ts).
 *
 * An unknown column is a fault (`statuss` would let a cancelled event stand), where a history ignores what it does not need.
 */
import type { Calendar } from '../calendar/event.ts';
import { eventFields, expectFields, requiredEventFields, type EventWords } from '../calendar/event-text.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant, msPerDay } from '../core/time.ts';
import { createCalendarDraft, type CalendarDraft } from './calendar-draft.ts';
import { showText, splitCsvLine } from './csv-fields.ts';

/**
 * `path` only names the calendar in messages and in the source of its events.
 *
 * @throws InputError with a line for each fault: its line in the file, the value and what was expected.
 */
export function parseCalendarCsv(text: string, path: string): Calendar {
  const draft = createCalendarDraft(path);
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const columns = readHeader(lines[0] ?? '', draft);
  for (let index = 1; index < lines.length; index++) {
    const [line, row] = [index + 1, lines[index]!];
    if (row.trim() === '') continue;
    const fields = splitCsvLine(row);
    if (fields?.length === columns.length) {
      draft.add(wordsOf(columns, fields), line);
    } else {
      const found = fields === undefined ? 'broken quotes' : `${fields.length} fields`;
      draft.fault(line, `${found} in ${showText(row)}`, `${columns.length} fields on one line`);
    }
  }
  return draft.finish();
}

/** Without its columns nothing of a file can be read: their faults stand alone. */
function readHeader(text: string, draft: CalendarDraft): readonly string[] {
  const columns = splitCsvLine(text)?.map((column) => column.trim()) ?? [];
  const known: readonly string[] = eventFields;
  for (const column of requiredEventFields) {
    if (!columns.includes(column)) draft.fault(1, `no column ${column}`, requiredEventFields.join(','));
  }
  for (const column of columns) {
    if (!known.includes(column))
      draft.fault(1, `an unknown column ${showText(column)}`, `some of ${eventFields.join(',')}`);
  }
  for (const [index, column] of columns.entries()) {
    if (known.includes(column) && columns.indexOf(column) < index)
      draft.fault(1, `the column ${column} again`, 'each once');
  }
  if (draft.hasFaults) draft.finish();
  return columns;
}

function wordsOf(columns: readonly string[], fields: readonly string[]): EventWords {
  const wordOf = (column: string): string => fields[columns.indexOf(column)]?.trim() ?? '';
  return Object.fromEntries(eventFields.map((field) => [field, wordOf(field)])) as EventWords;
}

/** A calendar as CSV that `parseCalendarCsv` reads into the same events, of the same version. */
export function formatCalendarCsv(events: readonly MarketEvent[]): string {
  const isExpecting = events.some((event) => event.expect !== undefined);
  const fields = eventFields.filter((field) => isExpecting || !(expectFields as readonly string[]).includes(field));
  const rows = events.map((event) => {
    const words = wordsOfEvent(event);
    return fields.map((field) => quoted(words[field])).join(',');
  });
  return [fields.join(','), ...rows, ''].join('\n');
}

/** A time that its kind only assumes is not written: the date is what was published. */
function wordsOfEvent(event: MarketEvent): EventWords {
  const { id, kind, title, startsAtMs, precision, isTimeAssumed, importance, symbols, status, source } = event;
  const isDate = isTimeAssumed ?? (precision === 'date' && startsAtMs % msPerDay === 0);
  const at = formatInstant(startsAtMs);
  return {
    ...{ ts: isDate ? at.slice(0, 10) : at, kind, title, importance: String(importance), symbol: symbols.join(';') },
    ...{ source: source.says, id, status, precision: precision === 'date' ? 'date' : '' },
    ...wordsOfExpectation(event.expect),
  };
}

function wordsOfExpectation(expect: MarketEvent['expect']): Pick<EventWords, (typeof expectFields)[number]> {
  return {
    expect_group: expect?.group ?? '',
    expect_lift: expect && 'lift' in expect ? String(expect.lift) : '',
    expect_requests_per_second: expect && 'requestsPerSecond' in expect ? String(expect.requestsPerSecond) : '',
    expect_minutes: expect ? String(expect.minutes) : '',
  };
}

function quoted(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

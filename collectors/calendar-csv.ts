/**
 * Market events from a CSV file: `ts,kind,title,importance,symbol,source`, and where wanted `id`, `status`, `precision`.
 *
 * A calendar is taken whole or not at all, with every fault named: half a calendar would leave the fleet cold for the other half. For the
 * same reason an unknown column is a fault (`statuss` would let a cancelled event stand), where a history ignores what it does not need.
 */
import { basename } from 'node:path';
import { canonicalEvent, calendarVersion, compareEvents, type Calendar } from '../calendar/event.ts';
import { eventFields, readEvent, requiredEventFields, type EventWords } from '../calendar/event-text.ts';
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { showText, splitCsvLine } from './csv-fields.ts';
import { readBytes } from './read-file.ts';

const byteCountMax = 16 * 1024 * 1024;
// Four years of quarterly results of three thousand companies.
const eventCountMax = 50_000;
const faultsListedMax = 20;
const warningsListedMax = 20;

/**
 * Reads a calendar file.
 *
 * @throws InputError: cannot be read, larger than 16 MiB, not UTF-8 text, or faulty; then the message has a line for each fault, with its
 * line in the file, the value and what was expected.
 */
export async function readCalendarCsv(path: string, signal?: AbortSignal): Promise<Calendar> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of readBytes(path, { signal })) {
    byteCount += chunk.length;
    if (byteCount > byteCountMax) {
      throw new InputError('calendar-size', `${path}: a calendar is at most ${byteCountMax / 1024 ** 2} MiB; split it`);
    }
    chunks.push(chunk);
  }
  return parseCalendarCsv(decode(Buffer.concat(chunks), path), path);
}

/** The pure part of `readCalendarCsv`: `path` only names the calendar in messages and in the source of its events. */
export function parseCalendarCsv(text: string, path: string): Calendar {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const columns = readHeader(lines[0] ?? '', path);
  const faults: string[] = [];
  const warnings: string[] = [];
  const calendar = basename(path);
  const events = new Map<string, MarketEvent>();

  for (let index = 1; index < lines.length; index++) {
    const [line, row] = [index + 1, lines[index]!];
    if (row.trim() === '') continue;
    const fields = splitCsvLine(row);
    if (fields?.length !== columns.length) {
      const found = fields === undefined ? 'broken quotes' : `${fields.length} fields`;
      faults.push(`${line}: got ${found} in ${showText(row)}, expected ${columns.length} fields on one line`);
      continue;
    }
    const read = readEvent(wordsOf(columns, fields), { calendar, line });
    if (isFaulty(read)) {
      faults.push(
        ...read.map(({ field, value, expected }) => `${line} ${field}: got ${showText(value)}, expected ${expected}`),
      );
      continue;
    }
    const known = events.get(read.id);
    if (known === undefined) events.set(read.id, read);
    else if (canonicalEvent(known) === canonicalEvent(read)) {
      warnings.push(`line ${line} says the same as line ${String(known.source.line)}, and counts once`);
    } else {
      const first = `line ${String(known.source.line)}, which says otherwise`;
      faults.push(`${line} id: got ${showText(read.id)} as in ${first}, expected an id of its own`);
    }
    if (events.size > eventCountMax) {
      throw new InputError('calendar-size', `${path}: more than ${eventCountMax} events; split the file`);
    }
  }

  if (faults.length > 0) throw faulty(path, faults);
  const sorted = [...events.values()].sort(compareEvents);
  if (sorted.length === 0) warnings.push('there is no event in it');
  return {
    name: calendar,
    events: sorted,
    version: calendarVersion(sorted),
    warnings: shorten(warnings, warningsListedMax),
  };
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError('calendar-text', `${path}: is not UTF-8 text; save it as UTF-8 CSV`, { cause: error });
  }
}

function readHeader(text: string, path: string): readonly string[] {
  const columns = splitCsvLine(text)?.map((column) => column.trim()) ?? [];
  const known: readonly string[] = eventFields;
  const faults = [
    ...requiredEventFields
      .filter((column) => !columns.includes(column))
      .map((column) => `1: got no column ${column}, expected ${requiredEventFields.join(',')}`),
    ...columns
      .filter((column) => !known.includes(column))
      .map((column) => `1: got an unknown column ${showText(column)}, expected some of ${eventFields.join(',')}`),
    ...columns
      .filter((column, index) => known.includes(column) && columns.indexOf(column) < index)
      .map((column) => `1: got the column ${column} again, expected each once`),
  ];
  if (faults.length > 0) throw faulty(path, faults);
  return columns;
}

function wordsOf(columns: readonly string[], fields: readonly string[]): EventWords {
  const wordOf = (column: string): string => fields[columns.indexOf(column)]?.trim() ?? '';
  return Object.fromEntries(eventFields.map((field) => [field, wordOf(field)])) as EventWords;
}

function isFaulty<Fault>(read: MarketEvent | readonly Fault[]): read is readonly Fault[] {
  return Array.isArray(read);
}

function faulty(path: string, faults: readonly string[]): InputError {
  const lines = faults.map((fault) => `${path}:${fault}`);
  return new InputError('calendar-faulty', shorten(lines, faultsListedMax).join('\n'));
}

function shorten(lines: readonly string[], countMax: number): readonly string[] {
  return lines.length <= countMax ? lines : [...lines.slice(0, countMax), `and ${lines.length - countMax} more`];
}

/**
 * A calendar file of any format: known by its name, and where that does not tell, by how it begins.
 */
import { extname } from 'node:path';
import type { Calendar } from '../calendar/event.ts';
import { InputError } from '../core/errors.ts';
import type { EpochMs } from '../core/time.ts';
import { parseCalendarCsv } from './calendar-csv.ts';
import { parseCalendarIcs } from './calendar-ics.ts';
import { parseCalendarYaml } from './calendar-yaml.ts';
import { readBytes } from './read-file.ts';

export type CalendarFormat = 'csv' | 'ics' | 'yaml';

export interface CalendarReadOptions {
  /** The instant of interest: recurring events are written out from three calendar years before its year to one after it. */
  readonly aroundMs: EpochMs;
  /** Left out: found from the file. */
  readonly format?: CalendarFormat;
  readonly signal?: AbortSignal;
}

const byteCountMax = 16 * 1024 * 1024;

/**
 * Reads a calendar file.
 *
 * @throws InputError: cannot be read, larger than 16 MiB, not UTF-8 text, or faulty; then the message has a line for each fault, with its
 * line in the file, the value and what was expected.
 */
export async function readCalendar(path: string, { aroundMs, format, signal }: CalendarReadOptions): Promise<Calendar> {
  const bytes = await readCalendarBytes(path, signal);
  return parseCalendar(bytes, path, { aroundMs, ...(format && { format }) });
}

/** The bytes of a calendar file, out of gzip where it is. @throws InputError as `readCalendar`. */
export async function readCalendarBytes(path: string, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of readBytes(path, { signal })) {
    byteCount += chunk.length;
    if (byteCount > byteCountMax) {
      throw new InputError('calendar-size', `${path}: a calendar is at most ${byteCountMax / 1024 ** 2} MiB; split it`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * A calendar from its bytes. `path` is the file or address that they came from: it names the calendar, and tells the format where nothing else does.
 *
 * @throws InputError as `readCalendar`.
 */
export function parseCalendar(
  bytes: Buffer,
  path: string,
  { aroundMs, format }: Omit<CalendarReadOptions, 'signal'>,
): Calendar {
  switch (format ?? formatOf(path, bytes)) {
    case 'csv':
      return parseCalendarCsv(decode(bytes, path), path);
    case 'yaml':
      return parseCalendarYaml(decode(bytes, path), path);
    case 'ics':
      return parseCalendarIcs(bytes, path, aroundMs);
  }
}

const formatByExtension: Readonly<Record<string, CalendarFormat>> = {
  '.csv': 'csv',
  '.ical': 'ics',
  '.icalendar': 'ics',
  '.ics': 'ics',
  '.yaml': 'yaml',
  '.yml': 'yaml',
};

function formatOf(path: string, bytes: Buffer): CalendarFormat {
  const known = formatByExtension[extname(path.toLowerCase().replace(/\.gz$/, ''))];
  if (known !== undefined) return known;
  const start = bytes
    .subarray(0, 4096)
    .toString('utf8')
    .replace(/^\ufeff?\s*/, '');
  if (/^BEGIN:VCALENDAR/i.test(start)) return 'ics';
  return /^(?:#|-\s|---|\[)/.test(start) ? 'yaml' : 'csv';
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError('calendar-text', `${path}: is not UTF-8 text; save it as UTF-8`, { cause: error });
  }
}

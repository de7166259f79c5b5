/**
 * A calendar while it is read, whatever the format: taken whole or not at all, with every fault named. Half a calendar would leave the fleet cold
 * for the other half.
 */
import { basename } from 'node:path';
import { canonicalEvent, calendarVersion, compareEvents, type Calendar } from '../calendar/event.ts';
import { readEvent, type EventWords } from '../calendar/event-text.ts';
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { showText } from './csv-fields.ts';

/** Four years of quarterly results of three thousand companies. */
export const eventCountMax = 50_000;
const listedMax = 20;
/** After this many there is nothing more to learn from the next, and a hostile file has millions. */
const faultCountMax = 10_000;

export interface CalendarDraft {
  readonly path: string;
  /** Takes an event by its words, or notes what is wrong in them. */
  add(words: EventWords, line: number): void;
  /** `where` is a line, and what stands there: `12 ts`. */
  fault(where: string | number, got: string, expected: string): void;
  warn(warning: string): void;
  readonly hasFaults: boolean;
  /** @throws InputError with a line for each fault. */
  finish(): Calendar;
}

/** `path` only names the calendar in messages and in the source of its events. */
export function createCalendarDraft(path: string): CalendarDraft {
  const name = basename(path);
  const events = new Map<string, MarketEvent>();
  const faults: string[] = [];
  const warnings: string[] = [];

  const fault: CalendarDraft['fault'] = (where, got, expected) => {
    faults.push(`${where}: got ${got}, expected ${expected}`);
    if (faults.length >= faultCountMax) throw faulty(path, faults);
  };

  const addEvent = (event: MarketEvent, line: number): void => {
    const known = events.get(event.id);
    if (known === undefined) events.set(event.id, event);
    else if (canonicalEvent(known) === canonicalEvent(event)) {
      warnings.push(`line ${line} says the same as line ${String(known.source.line)}, and counts once`);
    } else {
      const first = `line ${String(known.source.line)}, which says otherwise`;
      fault(`${line} id`, `${showText(event.id)} as in ${first}`, 'an id of its own');
    }
    if (events.size > eventCountMax)
      throw new InputError('calendar-size', `${path}: more than ${eventCountMax} events; split the file`);
  };

  return {
    path,
    add(words, line) {
      const read = readEvent(words, { calendar: name, line });
      if (!isFaulty(read)) addEvent(read, line);
      else for (const { field, value, expected } of read) fault(`${line} ${field}`, showText(value), expected);
    },
    fault,
    warn: (warning) => void warnings.push(warning),
    get hasFaults() {
      return faults.length > 0;
    },
    finish() {
      if (faults.length > 0) throw faulty(path, faults);
      const sorted = [...events.values()].sort(compareEvents);
      if (sorted.length === 0) warnings.push('there is no event in it');
      return { name, events: sorted, version: calendarVersion(sorted), warnings: shorten(warnings) };
    },
  };
}

function isFaulty<Fault>(read: MarketEvent | readonly Fault[]): read is readonly Fault[] {
  return Array.isArray(read);
}

function faulty(path: string, faults: readonly string[]): InputError {
  return new InputError('calendar-faulty', shorten(faults.map((fault) => `${path}:${fault}`)).join('\n'));
}

function shorten(lines: readonly string[]): readonly string[] {
  return lines.length <= listedMax ? lines : [...lines.slice(0, listedMax), `and ${lines.length - listedMax} more`];
}

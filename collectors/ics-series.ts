/**
 * One event of an iCalendar file as the occurrences that it names: its start, its rule, its extra dates, less its exceptions.
 *
 * - RFC 5545, sections 3.8.5.1 to 3.8.5.3.
 */
import { parseRule, type RecurrenceRule } from '../calendar/recurrence-rule.ts';
import { recur, startsOnRule, type DayBudget, type RecurrenceSpan, type WallMs } from '../calendar/recurrence.ts';
import { formatInstant, msPerDay } from '../core/time.ts';
import type { CalendarDraft } from './calendar-draft.ts';
import { showText } from './csv-fields.ts';
import { instantOf, type Moment, type Property } from './ics-values.ts';

export interface Occurrence {
  readonly moment: Moment;
  /** Its name inside the event, which stays when it is moved: `2025-11-07T13:30:00Z`, or a date. */
  readonly key: string;
}

export interface SeriesSource {
  readonly line: number;
  readonly start: Moment;
  readonly rule: Property | undefined;
  readonly extra: readonly Moment[];
  readonly exceptions: readonly Moment[];
}

/** What an event comes to, by name. */
export interface OccurrenceSet {
  readonly byKey: ReadonlyMap<string, Occurrence>;
  /** The names of those on a day of their own clock, written `2025-11-07`. */
  readonly keysOn: (date: string) => readonly string[];
}

const occurrenceCountMax = 10_000;

/** @throws RecurrenceBudgetError when the rules of the file look at too much. */
export function occurrencesOf(
  source: SeriesSource,
  span: RecurrenceSpan,
  { draft, budget }: { readonly draft: CalendarDraft; readonly budget: DayBudget },
): OccurrenceSet {
  const { start, extra } = source;
  const rule = source.rule && readRule(source.rule, start, draft);
  const occurrences = new Map<string, Occurrence>();
  const take = (moment: Moment): boolean => {
    const key = keyOf(moment);
    occurrences.set(key, { moment, key });
    if (occurrences.size <= occurrenceCountMax) return true;
    draft.fault(source.line, `more than ${occurrenceCountMax} occurrences of one event`, 'fewer');
    return false;
  };
  if (rule === undefined) take(start);
  else {
    if (!startsOnRule(rule, start.wallMs))
      draft.warn(`line ${source.line}: DTSTART is beside its own RRULE, and counts as the first all the same`);
    const isPast = endOf(rule, start);
    for (const wallMs of recur(rule, start.wallMs, span, budget)) {
      if (isPast(wallMs) || !take({ ...start, wallMs })) break;
    }
  }
  for (const moment of extra) if (!take(moment)) break;
  const all = createOccurrenceSet(occurrences);
  const excepted = new Set(source.exceptions.flatMap((exception) => keysMeant(exception, start, all)));
  for (const key of excepted) occurrences.delete(key);
  return excepted.size === 0 ? all : createOccurrenceSet(occurrences);
}

export function createOccurrenceSet(byKey: ReadonlyMap<string, Occurrence>): OccurrenceSet {
  let keysByDate: Map<string, string[]> | undefined;
  return {
    byKey,
    keysOn(date) {
      if (keysByDate === undefined) {
        keysByDate = new Map();
        for (const { key, moment } of byKey.values()) push(keysByDate, dateOf(moment.wallMs), key);
      }
      return keysByDate.get(date) ?? [];
    },
  };
}

export function push<Item>(groups: Map<string, Item[]>, name: string, item: Item): void {
  const group = groups.get(name);
  if (group) group.push(item);
  else groups.set(name, [item]);
}

/**
 * The names of the occurrences that an exception or an override means. One that is a whole day means whatever is on that day; one without a zone
 * is on the clock of the event itself.
 */
export function keysMeant(meant: Moment, start: Moment, { byKey, keysOn }: OccurrenceSet): readonly string[] {
  const date = dateOf(meant.wallMs);
  if (meant.kind === 'date' || start.kind === 'date') return keysOn(date);
  if (start.kind === 'floating') return keysOn(date).filter((key) => byKey.get(key)?.moment.wallMs === meant.wallMs);
  const key = keyOf(meant.kind === 'zoned' ? meant : { ...start, wallMs: meant.wallMs });
  return byKey.has(key) ? [key] : [];
}

export function keyOf(moment: Moment): string {
  if (moment.kind === 'date') return dateOf(moment.wallMs);
  if (moment.kind === 'zoned') return formatInstant(instantOf(moment.zone, moment.wallMs));
  return formatInstant(moment.wallMs).replace('Z', '');
}

export function dateOf(wallMs: WallMs): string {
  return formatInstant(Math.floor(wallMs / msPerDay) * msPerDay).slice(0, 10);
}

function readRule({ line, values }: Property, start: Moment, draft: CalendarDraft): RecurrenceRule | undefined {
  const text = String(values[0]);
  const rule = parseRule(text);
  if ('expected' in rule) {
    draft.fault(line, `RRULE ${showText(text)}`, rule.expected);
    return undefined;
  }
  // A day has no hours: RFC 5545 has these parts ignored.
  return start.kind === 'date' ? { ...rule, hours: [], minutes: [], seconds: [] } : rule;
}

/** UNTIL is a day of the event's own clock, a time on it, or (with Z) an instant; each is included. */
function endOf({ until }: RecurrenceRule, start: Moment): (wallMs: WallMs) => boolean {
  if (until === undefined) return () => false;
  const [year, month, day] = [until.slice(0, 4), until.slice(4, 6), until.slice(6, 8)].map(Number);
  const dayMs = Date.UTC(year!, month! - 1, day);
  if (until.length === 8) return (wallMs) => wallMs >= dayMs + msPerDay;
  const [hour, minute, second] = [until.slice(9, 11), until.slice(11, 13), until.slice(13, 15)].map(Number);
  const untilMs = Date.UTC(year!, month! - 1, day, hour, minute, second);
  if (start.kind === 'date') return (wallMs) => wallMs >= dayMs + msPerDay;
  if (start.kind === 'floating' || !until.endsWith('Z')) return (wallMs) => wallMs > untilMs;
  return (wallMs) => instantOf(start.zone, wallMs) > untilMs;
}

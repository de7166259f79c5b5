/**
 * One VEVENT: its properties read, each fault told by its line.
 */
import type { EventWords, expectFields } from '../calendar/event-text.ts';
import type { CalendarDraft } from './calendar-draft.ts';
import { showText } from './csv-fields.ts';
import type { ContentLine, IcsComponent } from './ics-lines.ts';
import { push } from './ics-series.ts';
import { readMoments, readProperty, textValue, type Moment, type Property, type ZoneBook } from './ics-values.ts';
import { msPerDay } from '../core/time.ts';

export interface IcsEvent {
  readonly line: number;
  /** Empty where the file gives none. */
  readonly uid: string;
  readonly sequence: number;
  /** Absent only in a cancellation. */
  readonly start?: Moment;
  /** Of a whole-day event: how many days. */
  readonly dayCount: number;
  readonly recurrenceId?: Moment;
  readonly rule: Property | undefined;
  readonly extra: readonly Moment[];
  readonly exceptions: readonly Moment[];
  readonly isCancelled: boolean;
  readonly summary: string;
  readonly categories: readonly string[];
  /** The operator's own words, empty where there are none. */
  readonly kind: string;
  readonly importance: string;
  readonly symbol: string;
  /** What the operator expects of it. */
  readonly expect: Pick<EventWords, (typeof expectFields)[number]>;
  /** All that was read, to tell a copy from a contradiction. */
  readonly words: string;
}

export interface ComponentContext {
  readonly zones: ZoneBook;
  readonly draft: CalendarDraft;
  /** The calendar's METHOD is CANCEL. */
  readonly isCancelling: boolean;
}

const repeatable: readonly string[] = ['RDATE', 'EXDATE', 'CATEGORIES'];
/** Outlook leaves what was called off in place, with a word before its title. */
const calledOffPattern = /^cancell?ed:\s*/i;

/** Undefined when it is faulty; the draft then knows why. */
export function readComponent(component: IcsComponent, context: ComponentContext): IcsEvent | undefined {
  const { draft } = context;
  const properties = readProperties(component, draft);
  if (properties === undefined) return undefined;
  const one = (name: string): Property | undefined => properties.get(name)?.[0];
  const text = (name: string): string => textValue(one(name));
  const times = readTimes(component, properties, context);
  if (times === undefined) return undefined;
  const summary = text('SUMMARY');
  return {
    line: component.line,
    ...times,
    uid: text('UID'),
    sequence: Number.parseInt(text('SEQUENCE'), 10) || 0,
    rule: one('RRULE'),
    isCancelled: context.isCancelling || /^cancelled$/i.test(text('STATUS')) || calledOffPattern.test(summary),
    summary: summary.replace(calledOffPattern, ''),
    categories: (properties.get('CATEGORIES') ?? []).flatMap(({ values }) => values.map(String)).filter(Boolean),
    kind: text('X-FORESHOCK-KIND'),
    importance: text('X-FORESHOCK-IMPORTANCE'),
    symbol: text('X-FORESHOCK-SYMBOL')
      .replace(/\\([,;\\])/g, '$1')
      .replaceAll(',', ';'),
    expect: {
      expect_group: text('X-FORESHOCK-EXPECT-GROUP'),
      expect_lift: text('X-FORESHOCK-EXPECT-LIFT'),
      expect_requests_per_second: text('X-FORESHOCK-EXPECT-REQUESTS-PER-SECOND'),
      expect_minutes: text('X-FORESHOCK-EXPECT-MINUTES'),
    },
    words: component.lines.map((line) => line.text).join('\n'),
  };
}

function readProperties(
  { lines }: IcsComponent,
  draft: CalendarDraft,
): ReadonlyMap<string, readonly Property[]> | undefined {
  const properties = new Map<string, Property[]>();
  for (const line of lines) {
    const property = faultOfLine(line, properties, draft) ? undefined : readProperty(line, draft);
    if (property === undefined) return undefined;
    push(properties, line.name, property);
  }
  return properties;
}

function faultOfLine(
  { line, name, text }: ContentLine,
  known: ReadonlyMap<string, readonly Property[]>,
  draft: CalendarDraft,
): boolean {
  const count = known.get(name)?.length ?? 0;
  if (name === 'EXRULE') draft.fault(line, showText(text), 'EXDATE: rules of exceptions are not understood');
  else if (count > 0 && !repeatable.includes(name)) draft.fault(line, `${name} again`, 'each once in an event');
  else if (count > 1_000) draft.fault(line, `more than 1000 lines of ${name}`, 'fewer, with commas between the values');
  else return false;
  return true;
}

type Times = Pick<IcsEvent, 'start' | 'dayCount' | 'recurrenceId' | 'extra' | 'exceptions'>;

function readTimes(
  component: IcsComponent,
  properties: ReadonlyMap<string, readonly Property[]>,
  { zones, draft, isCancelling }: ComponentContext,
): Times | undefined {
  const all = (name: string): readonly Moment[] | undefined => {
    const moments: Moment[] = [];
    for (const property of properties.get(name) ?? []) {
      const read = readMoments(property, zones, draft);
      if (read === undefined) return undefined;
      moments.push(...read);
    }
    return moments;
  };
  const [starts, ends, ids, extra, exceptions] = ['DTSTART', 'DTEND', 'RECURRENCE-ID', 'RDATE', 'EXDATE'].map(all);
  if (!starts || !ends || !ids || !extra || !exceptions) return undefined;
  const [[start], [end], [recurrenceId]] = [starts, ends, ids];
  const id = properties.get('RECURRENCE-ID')?.[0];
  if (id?.parameters['range'] !== undefined) {
    draft.fault(id.line, 'RECURRENCE-ID with RANGE', 'an event with a UID of its own for all that follow');
    return undefined;
  }
  if (start === undefined && !isCancelling) {
    draft.fault(component.line, 'no DTSTART', 'when the event starts');
    return undefined;
  }
  return {
    ...(start && { start }),
    ...(recurrenceId && { recurrenceId }),
    dayCount: start?.kind === 'date' ? dayCountOf(start, end, textValue(properties.get('DURATION')?.[0])) : 1,
    extra,
    exceptions,
  };
}

/** DTEND is the day after the last. Beyond a month it is a season, and no meeting. */
function dayCountOf(start: Moment, end: Moment | undefined, duration: string): number {
  const [, length = '1', unit] = /^P(\d{1,2})([DW])$/.exec(duration) ?? [];
  const dayCount = end ? Math.round((end.wallMs - start.wallMs) / msPerDay) : Number(length) * (unit === 'W' ? 7 : 1);
  return dayCount >= 1 && dayCount <= 31 ? dayCount : 1;
}

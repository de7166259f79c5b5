/**
 * An iCalendar file into its calendars, their events, and the content lines of each that we read, every one with its number in the file.
 * Lines are unfolded as bytes, because a program may fold in the middle of a letter. What we do not read is not looked into.
 *
 * - RFC 5545, sections 3.1 (content lines) and 3.4 (calendar objects).
 */
import { InputError } from '../core/errors.ts';
import { eventCountMax, type CalendarDraft } from './calendar-draft.ts';
import { showText } from './csv-fields.ts';

export interface ContentLine {
  /** From 1: where the line begins. */
  readonly line: number;
  /** Upper case: `DTSTART`. */
  readonly name: string;
  /** Unfolded, with its name. */
  readonly text: string;
}

export interface IcsComponent {
  readonly line: number;
  readonly lines: ContentLine[];
}

export interface IcsCalendar extends IcsComponent {
  readonly events: IcsComponent[];
  readonly zones: IcsComponent[];
}

const depthMax = 8;
/** Ten thousand dates of an RDATE are 170 KB. */
const lineLengthMax = 256 * 1024;

const namesRead: readonly string[] = [
  ...['UID', 'DTSTART', 'DTEND', 'DURATION', 'RRULE', 'RDATE', 'EXDATE', 'EXRULE', 'RECURRENCE-ID', 'SEQUENCE'],
  ...['STATUS', 'SUMMARY', 'CATEGORIES', 'METHOD', 'TZID', 'X-LIC-LOCATION'],
  ...[
    'KIND',
    'IMPORTANCE',
    'SYMBOL',
    'EXPECT-GROUP',
    'EXPECT-LIFT',
    'EXPECT-REQUESTS-PER-SECOND',
    'EXPECT-MINUTES',
  ].map((word) => `X-FORESHOCK-${word}`),
];

interface OpenComponent extends IcsCalendar {
  readonly name: string;
}

/** The calendars of a file; faults go to the draft. */
export function readIcs(bytes: Uint8Array, draft: CalendarDraft): readonly IcsCalendar[] {
  const calendars: IcsCalendar[] = [];
  // The marks that UTF-16 begins with.
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    draft.fault(1, 'UTF-16', 'UTF-8 text');
    return [];
  }
  const open: OpenComponent[] = [];
  let componentCount = 0;
  for (const { line, text } of unfold(bytes, draft)) {
    const name = /^[A-Za-z0-9-]+(?=[;:])/.exec(text)?.[0].toUpperCase();
    if (name === undefined) {
      draft.fault(line, showText(text), 'NAME:value, or a space before what goes on from the line above');
    } else if (name === 'BEGIN') {
      // An alarm to each event, and as many zones.
      if (++componentCount > 3 * eventCountMax)
        throw new InputError('calendar-size', `${draft.path}: more than ${eventCountMax} events; split the file`);
      open.push({ line, name: text.slice(6).trim().toUpperCase(), lines: [], events: [], zones: [] });
      if (open.length > depthMax)
        draft.fault(line, `${open.length} components inside each other`, `at most ${depthMax}`);
      if (open.length > depthMax) return [];
    } else if (name === 'END') {
      const ended = text.slice(4).trim().toUpperCase();
      const component = open.pop();
      if (component?.name !== ended) {
        const expected = component === undefined ? 'nothing, for nothing is open' : `END:${component.name}`;
        draft.fault(line, showText(text), expected);
        return [];
      }
      close(component, open, calendars);
    } else if (open.length === 0) {
      draft.fault(line, showText(text), 'BEGIN:VCALENDAR');
      return [];
    } else if (namesRead.includes(name)) {
      open.at(-1)!.lines.push({ line, name, text: decode({ line, text }, draft) });
    }
  }
  const [cut] = open;
  if (draft.hasFaults) return [];
  if (cut) draft.fault(cut.line, `BEGIN:${cut.name} and no END`, 'the whole file; it is cut short');
  else if (calendars.length === 0) draft.fault(1, 'no calendar', 'BEGIN:VCALENDAR');
  return calendars;
}

function close(component: OpenComponent, open: readonly OpenComponent[], calendars: IcsCalendar[]): void {
  const parent = open.at(-1);
  if (component.name === 'VCALENDAR' && !parent) calendars.push(component);
  if (parent?.name !== 'VCALENDAR') return;
  if (component.name === 'VEVENT') parent.events.push(component);
  if (component.name === 'VTIMEZONE') parent.zones.push(component);
}

/** Content lines as Latin-1: a character for each byte. */
function* unfold(bytes: Uint8Array, draft: CalendarDraft): Generator<{ line: number; text: string }> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  let current: { line: number; text: string } | undefined;
  let [position, line] = [file.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0, 0];
  while (position < file.length) {
    const end = file.indexOf('\n', position);
    const next = end < 0 ? file.length : end + 1;
    const physical = file.slice(position, end < 0 ? file.length : end).replace(/\r$/, '');
    position = next;
    line++;
    if (current !== undefined && /^[ \t]/.test(physical)) {
      current.text += physical.slice(1);
    } else if (physical.trim() !== '') {
      if (current !== undefined) yield current;
      current = { line, text: physical };
    }
    if ((current?.text.length ?? 0) > lineLengthMax) {
      draft.fault(line, 'a line longer than 256 KiB', 'a calendar');
      return;
    }
  }
  if (current !== undefined) yield current;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode({ line, text }: { line: number; text: string }, draft: CalendarDraft): string {
  if (!/[\u0080-\u00ff]/.test(text)) return text;
  try {
    return utf8.decode(Buffer.from(text, 'latin1'));
  } catch {
    draft.fault(line, 'bytes that are not UTF-8', 'UTF-8 text');
    return text;
  }
}

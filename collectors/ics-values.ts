/**
 * The values of iCalendar properties. The grammar (parameters, quoting, escapes) is ical.js's; what a time means is ours, because the library
 * takes a zone that it does not know for the zone of the machine.
 *
 * - RFC 5545, sections 3.2 and 3.3.
 */
import ICAL from 'ical.js';
import type { WallMs } from '../calendar/recurrence.ts';
import { ianaZoneOf } from '../calendar/zone-names.ts';
import { createZone, type Zone } from '../calendar/zone.ts';
import { msPerDay, parseInstant, type EpochMs } from '../core/time.ts';
import type { CalendarDraft } from './calendar-draft.ts';
import { showText } from './csv-fields.ts';
import type { ContentLine, IcsComponent } from './ics-lines.ts';

/**
 * What a property says of time. Only a zone makes an instant of it: `floating` is a time without one, `date` a whole day.
 */
export type Moment =
  | { readonly kind: 'zoned'; readonly wallMs: WallMs; readonly zone: Zone }
  | { readonly kind: 'floating'; readonly wallMs: WallMs }
  | { readonly kind: 'date'; readonly wallMs: WallMs };

export interface Property {
  readonly line: number;
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** As ical.js gives them: texts without their escapes, dates as `2025-11-07T08:30:00`. */
  readonly values: readonly unknown[];
}

/** The zones of one calendar, each looked up once. */
export interface ZoneBook {
  zoneOf(name: string): Zone | undefined;
}

/**
 * A VTIMEZONE is believed in one thing: that it is another name (X-LIC-LOCATION) of a zone that we do not know by its own. Its rules are not: they
 * are copies, often years old, of what the zone database knows.
 */
export function createZoneBook(components: readonly IcsComponent[], draft: CalendarDraft): ZoneBook {
  const locations = new Map<string, string>();
  for (const { lines } of components) {
    const textOf = (name: string): string => {
      const line = lines.find((candidate) => candidate.name === name);
      return line ? textValue(readProperty(line, draft)) : '';
    };
    const location = textOf('X-LIC-LOCATION');
    if (location !== '') locations.set(textOf('TZID'), location);
  }
  const zones = new Map<string, Zone | undefined>();
  return {
    zoneOf(name) {
      if (!zones.has(name)) {
        const iana = ianaZoneOf(name) ?? ianaZoneOf(locations.get(name) ?? '');
        zones.set(name, iana === undefined ? undefined : createZone(iana));
      }
      return zones.get(name);
    },
  };
}

/** Undefined when the line cannot be read; the draft then knows of it. */
export function readProperty({ line, name, text }: ContentLine, draft: CalendarDraft): Property | undefined {
  try {
    // The rule's grammar is our own, and stricter.
    if (name === 'RRULE') return { line, name, parameters: {}, values: [text.slice(text.indexOf(':') + 1).trim()] };
    const [, parameters, , ...values] = ICAL.parse.property(text, ICAL.design.icalendar) as [
      string,
      Record<string, unknown>,
      string,
      ...unknown[],
    ];
    return { line, name, parameters, values };
  } catch {
    draft.fault(line, showText(text), `${name} as RFC 5545 writes it`);
    return undefined;
  }
}

export function textValue(property: Property | undefined): string {
  const [value] = property?.values ?? [];
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

const momentPattern = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}:\d{2})(Z)?)?$/;
const utc = createZone('UTC');

/** The moments of a property, or undefined when one of them is faulty; the draft then knows of it. */
export function readMoments(property: Property, zones: ZoneBook, draft: CalendarDraft): readonly Moment[] | undefined {
  const { line, name, parameters } = property;
  const zoneName = typeof parameters['tzid'] === 'string' ? parameters['tzid'] : undefined;
  const moments: Moment[] = [];
  for (const value of property.values) {
    // A period starts with its first instant.
    const text = String(Array.isArray(value) ? value[0] : value);
    const match = momentPattern.exec(text);
    const wallMs = readWall(match);
    if (wallMs === undefined) {
      draft.fault(line, `${name} ${showText(text)}`, 'a date or a time from 1970 to 2099, such as 20251107T083000');
      return undefined;
    }
    if (match![2] === undefined) moments.push({ kind: 'date', wallMs });
    else if (match![3] !== undefined) moments.push({ kind: 'zoned', wallMs, zone: utc });
    else if (zoneName === undefined) moments.push({ kind: 'floating', wallMs });
    else {
      const zone = zones.zoneOf(zoneName);
      if (zone === undefined) {
        const expected =
          'a zone that is known: an IANA name (America/New_York), or one of Windows (Eastern Standard Time)';
        draft.fault(line, `${name} in the time zone ${showText(zoneName)}`, expected);
        return undefined;
      }
      moments.push({ kind: 'zoned', wallMs, zone });
    }
  }
  return moments;
}

function readWall(match: RegExpExecArray | null): WallMs | undefined {
  if (match === null) return undefined;
  const [, date, time = '00:00:00'] = match;
  const wallMs = parseInstant(`${date!}T${time}Z`);
  return wallMs !== undefined && wallMs >= 0 && wallMs < Date.UTC(2100, 0, 1) ? wallMs : undefined;
}

export function instantOf(zone: Zone, wallMs: WallMs): EpochMs {
  const day = Math.floor(wallMs / msPerDay);
  return zone.instantOf(day, wallMs - day * msPerDay);
}

/**
 * The days on which the New York exchanges do not open, or close early: rules, and rows for what no rule foretells.
 * Holds from 1993; before that, the exchange closed at other hours and kept other half days.
 *
 * - NYSE Rule 7.2 (holidays; a holiday on Saturday closes the Friday before unless that ends a month or a year, one on Sunday the Monday
 *   after) and the NYSE's yearly notices of holidays and early closings.
 * - Easter: the anonymous Gregorian computus as printed by J. Meeus, Astronomical Algorithms (1991), chapter 8.
 */
import { msPerDay } from '../core/time.ts';

export interface SpecialDay {
  /** Days since 1970-01-01 on the exchange's wall clock. */
  readonly localDay: number;
  readonly type: 'holiday' | 'halfDay';
  readonly name: string;
}

const [sunday, monday, thursday, saturday] = [0, 1, 4, 6];

/** Closed or cut short by decision, not by rule. */
const decidedDays: readonly (readonly [date: string, type: SpecialDay['type'], name: string])[] = [
  ['1994-04-27', 'holiday', 'Mourning for Richard Nixon'],
  ['1997-12-26', 'halfDay', 'Day after Christmas'],
  ['1999-12-31', 'halfDay', 'New Year’s Eve 1999'],
  ['2001-09-11', 'holiday', 'Attacks of 11 September'],
  ['2001-09-12', 'holiday', 'Attacks of 11 September'],
  ['2001-09-13', 'holiday', 'Attacks of 11 September'],
  ['2001-09-14', 'holiday', 'Attacks of 11 September'],
  ['2003-12-26', 'halfDay', 'Day after Christmas'],
  ['2004-06-11', 'holiday', 'Mourning for Ronald Reagan'],
  ['2007-01-02', 'holiday', 'Mourning for Gerald Ford'],
  ['2012-10-29', 'holiday', 'Hurricane Sandy'],
  ['2012-10-30', 'holiday', 'Hurricane Sandy'],
  ['2018-12-05', 'holiday', 'Mourning for George H. W. Bush'],
  ['2025-01-09', 'holiday', 'Mourning for Jimmy Carter'],
];

/** All special days of a year that fall on a weekday. A holiday wins over a half day. */
export function usSpecialDays(year: number): readonly SpecialDay[] {
  const days = new Map<number, SpecialDay>();
  const add = (localDay: number, type: SpecialDay['type'], name: string): void => {
    const weekday = weekdayOf(localDay);
    if (weekday !== saturday && weekday !== sunday) days.set(localDay, { localDay, type, name });
  };

  for (const [localDay, name] of halfDaysByRule(year)) add(localDay, 'halfDay', name);
  for (const [localDay, name] of holidaysByRule(year)) add(localDay, 'holiday', name);
  for (const [date, type, name] of decidedDays) {
    if (Number(date.slice(0, 4)) === year) add(Date.parse(date) / msPerDay, type, name);
  }
  return [...days.values()].sort((a, b) => a.localDay - b.localDay);
}

function holidaysByRule(year: number): (readonly [localDay: number, name: string])[] {
  const newYear = dayOf(year, 1, 1);
  const holidays: [number, string][] = [
    // On a Saturday it is not kept at all: the Friday before ends the accounting year.
    [weekdayOf(newYear) === sunday ? newYear + 1 : newYear, 'New Year’s Day'],
    [nthWeekday(year, 2, monday, 3), 'Presidents’ Day'],
    [easterSunday(year) - 2, 'Good Friday'],
    [lastMondayOfMay(year), 'Memorial Day'],
    [observed(dayOf(year, 7, 4)), 'Independence Day'],
    [nthWeekday(year, 9, monday, 1), 'Labor Day'],
    [nthWeekday(year, 11, thursday, 4), 'Thanksgiving Day'],
    [observed(dayOf(year, 12, 25)), 'Christmas Day'],
  ];
  if (year >= 1998) holidays.push([nthWeekday(year, 1, monday, 3), 'Martin Luther King Jr. Day']);
  if (year >= 2022) holidays.push([observed(dayOf(year, 6, 19)), 'Juneteenth']);
  return holidays;
}

/** Those that fall on a weekend or on an observed holiday drop out in `usSpecialDays`. */
function halfDaysByRule(year: number): (readonly [localDay: number, name: string])[] {
  const halfDays: [number, string][] = [
    [nthWeekday(year, 11, thursday, 4) + 1, 'Day after Thanksgiving'],
    [dayOf(year, 12, 24), 'Christmas Eve'],
  ];
  const independenceDay = dayOf(year, 7, 4);
  // A Thursday fourth used to cut the Friday after it short; since 2013 it is the Wednesday before.
  const isBridgedAfter = weekdayOf(independenceDay) === thursday && year < 2013;
  if (isBridgedAfter) halfDays.push([independenceDay + 1, 'Day after Independence Day']);
  else halfDays.push([independenceDay - 1, 'Day before Independence Day']);
  return halfDays;
}

/** 0 is Sunday; 1970-01-01 was a Thursday. */
export function weekdayOf(localDay: number): number {
  return (((localDay + 4) % 7) + 7) % 7;
}

function dayOf(year: number, month: number, day: number): number {
  return Date.UTC(year, month - 1, day) / msPerDay;
}

function nthWeekday(year: number, month: number, weekday: number, nth: number): number {
  const first = dayOf(year, month, 1);
  return first + ((weekday - weekdayOf(first) + 7) % 7) + 7 * (nth - 1);
}

function lastMondayOfMay(year: number): number {
  const last = dayOf(year, 5, 31);
  return last - ((weekdayOf(last) - monday + 7) % 7);
}

function observed(localDay: number): number {
  const weekday = weekdayOf(localDay);
  return weekday === saturday ? localDay - 1 : weekday === sunday ? localDay + 1 : localDay;
}

function easterSunday(year: number): number {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = Math.floor(b / 4);
  const e = b % 4;
  const f = Math.floor((b + 8) / 25);
  const g = Math.floor((b - f + 1) / 3);
  const h = (19 * a + b - d - g + 15) % 30;
  const i = Math.floor(c / 4);
  const k = c % 4;
  const l = (32 + 2 * e + 2 * i - h - k) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const month = Math.floor((h + l - 7 * m + 114) / 31);
  return dayOf(year, month, ((h + l - 7 * m + 114) % 31) + 1);
}

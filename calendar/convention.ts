/**
 * When a kind of release is always published. Schedules often give the day alone; its minute is then the publisher's habit of many years,
 * good enough to be warm for, and shown as assumed wherever it is shown.
 *
 * - BLS, release calendar (bls.gov/schedule): 08:30, JOLTS 10:00. BEA, release schedule (bea.gov/news/schedule): 08:30.
 * - Census Bureau, economic indicator calendar (census.gov/economic-indicators): 08:30, new home sales and factory orders 10:00.
 * - US Department of Labor, weekly claims: 08:30. ISM, report calendar: 10:00. Conference Board and University of Michigan: 10:00.
 * - Federal Reserve (federalreserve.gov/monetarypolicy/fomccalendars.htm): statement and minutes 14:00; press conference 14:30.
 * - EIA, weekly petroleum status report: 10:30. European Central Bank: decision 14:15, press conference 14:45 in Frankfurt (since July 2022).
 *   Bank of England: 12:00 in London.
 */
import { assert } from '../core/assert.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { createZone, type Zone } from './zone.ts';

export interface Convention {
  /** On the wall clock of `timeZone`. */
  readonly timeOfDayMs: number;
  readonly timeZone: string;
  /** What happens at the end of a meeting of several days: a central bank decides on the last. */
  readonly isOnLastDay: boolean;
}

const newYork = 'America/New_York';

/** Time, zone, kinds. */
const releases: readonly (readonly [time: string, timeZone: string, kinds: readonly string[]])[] = [
  ['08:15', newYork, ['adp']],
  [
    '08:30',
    newYork,
    [
      ...['nfp', 'cpi', 'ppi', 'gdp', 'pce', 'retail_sales', 'jobless_claims', 'durable_goods', 'housing_starts'],
      ...['trade_balance', 'import_prices', 'employment_cost', 'productivity', 'empire_state', 'philly_fed'],
    ],
  ],
  ['09:15', newYork, ['industrial_production']],
  [
    '10:00',
    newYork,
    [
      ...['ism', 'ism_manufacturing', 'ism_services', 'jolts', 'consumer_confidence', 'consumer_sentiment'],
      ...['new_home_sales', 'existing_home_sales', 'factory_orders', 'construction_spending', 'leading_index'],
    ],
  ],
  ['10:30', newYork, ['petroleum_status']],
  ['14:00', newYork, ['beige_book', 'fomc_minutes']],
];

const meetings: readonly (readonly [time: string, timeZone: string, kinds: readonly string[]])[] = [
  ['14:00', newYork, ['fomc']],
  ['14:30', newYork, ['fomc_presser']],
  ['14:15', 'Europe/Berlin', ['ecb']],
  ['14:45', 'Europe/Berlin', ['ecb_presser']],
  ['12:00', 'Europe/London', ['boe']],
];

const conventions: ReadonlyMap<string, Convention> = new Map(
  [releases, meetings].flatMap((table, index) =>
    table.flatMap(([time, timeZone, kinds]) =>
      kinds.map((kind): [string, Convention] => [
        kind,
        { timeOfDayMs: timeOfDayMsOf(time), timeZone, isOnLastDay: index === 1 },
      ]),
    ),
  ),
);

/** Undefined for a kind without a habit: results of companies come before the open or after the close, nobody knows which. */
export function conventionOf(kind: string): Convention | undefined {
  return conventions.get(kind);
}

const zones = new Map<string, Zone>();

/** The instant at which a kind is published on a day, counted from 1970-01-01; undefined where no habit is known. */
export function conventionalInstant(kind: string, localDay: number): EpochMs | undefined {
  const convention = conventionOf(kind);
  if (!convention) return undefined;
  const { timeZone, timeOfDayMs } = convention;
  const zone = zones.get(timeZone) ?? createZone(timeZone);
  zones.set(timeZone, zone);
  return zone.instantOf(localDay, timeOfDayMs);
}

function timeOfDayMsOf(time: string): number {
  const match = /^(\d\d):(\d\d)$/.exec(time);
  assert(match !== null, `a time of day is written as 08:30, not ${time}`);
  return Number(match[1]) * msPerHour + Number(match[2]) * msPerMinute;
}

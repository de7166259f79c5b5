/**
 * Which half hours a backtest looks at: from each event that is known to move volume, from each opening bell, and some in which nothing
 * is scheduled. Chosen by the calendar and a seed, never by what the volume did.
 */
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { createRandom } from '../core/random.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { formatInstant, msPerDay, msPerHour, msPerMinute, parseInstant, type EpochMs } from '../core/time.ts';
import { endOf, type VolumeSeries } from '../core/volume-series.ts';

export interface BacktestWindow {
  readonly startsAtMs: EpochMs;
  /** `event:nfp`, `open`, `quiet`; what stands before the colon is scored together. */
  readonly class: string;
}

/** Kinds that are looked at one by one; the others move most series little, and would hide these. */
const eventKinds = new Set([
  'fomc',
  'nfp',
  'cpi',
  'ppi',
  'gdp',
  'retail_sales',
  'fomc_minutes',
  'earnings',
  'pce',
  'match',
]);
const quietCountMax = 60;
const quietMinutesFromEvent = 90;
const quietLocalHours = { from: 8, until: 16 };
const openQuietMinutes = 60;

export interface WindowChoice {
  readonly series: VolumeSeries;
  /** Those that concern the series. */
  readonly events: readonly MarketEvent[];
  readonly clock: SessionClock;
  /** Opening bells; none for what never closes. */
  readonly opensAtMs: readonly EpochMs[];
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly classes: readonly string[];
  readonly seed: number;
}

export function chooseWindows(choice: WindowChoice): BacktestWindow[] {
  const { fromMs, untilMs, classes, events } = choice;
  const isInside = (atMs: EpochMs): boolean => atMs >= fromMs && atMs < untilMs;
  const windows: BacktestWindow[] = [];
  if (classes.includes('event')) {
    for (const event of events) {
      if (!eventKinds.has(event.kind) || event.status === 'cancelled' || !isInside(event.startsAtMs)) continue;
      windows.push({ startsAtMs: onGrid(event.startsAtMs, choice.series.stepMs), class: `event:${event.kind}` });
    }
  }
  if (classes.includes('open')) {
    for (const atMs of choice.opensAtMs) if (isInside(atMs)) windows.push({ startsAtMs: atMs, class: 'open' });
  }
  if (classes.includes('quiet')) windows.push(...chooseQuiet(choice));
  const seen = new Set<string>();
  return windows
    .filter(
      ({ startsAtMs, class: name }) =>
        hasData(choice.series, startsAtMs) && !seen.has(`${startsAtMs} ${name}`) && seen.add(`${startsAtMs} ${name}`),
    )
    .sort((left, right) => left.startsAtMs - right.startsAtMs || (left.class < right.class ? -1 : 1));
}

/** Half hours of a working day far from any event and from the opening bell, drawn by the seed. */
function chooseQuiet({ series, events, clock, opensAtMs, fromMs, untilMs, seed }: WindowChoice): BacktestWindow[] {
  const random = createRandom(seed);
  const halfHourMs = 30 * msPerMinute;
  const candidates: EpochMs[] = [];
  const eventsAtMs = events.map(({ startsAtMs }) => startsAtMs).sort((left, right) => left - right);
  let next = 0;
  for (
    let atMs = Math.ceil(fromMs / halfHourMs) * halfHourMs;
    atMs < Math.min(untilMs, endOf(series));
    atMs += halfHourMs
  ) {
    while (next < eventsAtMs.length && eventsAtMs[next]! <= atMs) next++;
    const nearestMs = Math.min(atMs - (eventsAtMs[next - 1] ?? -Infinity), (eventsAtMs[next] ?? Infinity) - atMs);
    const localMs = atMs + clock.utcOffsetMsAt(atMs);
    const localHour = (localMs - Math.floor(localMs / msPerDay) * msPerDay) / msPerHour;
    const isWorkingTime = localHour >= quietLocalHours.from && localHour < quietLocalHours.until;
    const dayType = clock.dayTypeOf(Math.floor(localMs / msPerDay));
    const isNearOpen = opensAtMs.some((openAtMs) => Math.abs(openAtMs - atMs) <= openQuietMinutes * msPerMinute);
    if (
      nearestMs > quietMinutesFromEvent * msPerMinute &&
      isWorkingTime &&
      dayType === 'session' &&
      !isNearOpen &&
      hasData(series, atMs)
    ) {
      candidates.push(atMs);
    }
  }
  const chosen: BacktestWindow[] = [];
  while (chosen.length < quietCountMax && candidates.length > 0) {
    const [startsAtMs] = candidates.splice(Math.floor(random.next() * candidates.length), 1);
    chosen.push({ startsAtMs: startsAtMs!, class: 'quiet' });
  }
  return chosen;
}

const onGrid = (atMs: EpochMs, stepMs: number): EpochMs => Math.floor(atMs / stepMs) * stepMs;

function hasData(series: VolumeSeries, atMs: EpochMs): boolean {
  return !Number.isNaN(series.values[Math.floor((atMs - series.fromMs) / series.stepMs)] ?? NaN);
}

const windowCountMax = 100_000;
const classPattern = /^[a-z][a-z0-9_:-]{0,63}$/;

/**
 * Reads `window_start,class` rows.
 * @throws InputError naming the line.
 */
export function parseWindows(text: string, path: string): BacktestWindow[] {
  const lines = text.split(/\r?\n/);
  if (lines[0]?.trim() !== 'window_start,class') {
    throw new InputError('windows-header', `${path}:1: the first line must be "window_start,class"`);
  }
  if (lines.length > windowCountMax) {
    throw new InputError('windows-size', `${path}: at most ${windowCountMax} windows; split the file`);
  }
  const windows: BacktestWindow[] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue;
    const [start = '', name = '', ...rest] = line.split(',');
    const startsAtMs = parseInstant(start.trim());
    if (startsAtMs === undefined || rest.length > 0 || !classPattern.test(name.trim())) {
      throw new InputError(
        'windows-row',
        `${path}:${index + 1}: expected a row such as "${formatInstant(0)},event:nfp"`,
      );
    }
    windows.push({ startsAtMs, class: name.trim() });
  }
  return windows;
}

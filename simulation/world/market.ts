/**
 * A simulated market: weeks of minute volume with releases in them, and the day that follows. It stands in for a real request log until an
 * operator brings one, and everything that shows it says that it is simulated.
 *
 * The shapes are measured medians (docs/benchmarks.md, "Where the packaged day comes from"): minute multiples of the half hour before for payrolls and FOMC in silver
 * quote updates 2012–2017, the opening bucket of SPY over the bucket before it in 213 sessions of 2025, and the lull before a release.
 */
import { createExchange } from '../../calendar/session.ts';
import type { MarketEvent } from '../../core/market-event.ts';
import type { Random } from '../../core/random.ts';
import { msPerDay, msPerHour, msPerMinute, parseInstant, type EpochMs } from '../../core/time.ts';
import type { VolumeSeries } from '../../core/volume-series.ts';

export interface SimulatedMarket {
  /** Requests a minute at the edge, history and the day itself. */
  readonly series: VolumeSeries;
  readonly events: readonly MarketEvent[];
  /** What the day is about. */
  readonly releaseAtMs: EpochMs;
  /** The demo's own span. */
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
}

export type SimulatedDay = 'nfp' | 'cpi' | 'fomc';

interface ReleaseShape {
  /** [minutes from the release, multiple of the usual volume]; linear between. */
  readonly multiples: readonly (readonly [minute: number, multiple: number])[];
  /** Spread of one release's size about the median, as a standard deviation of the logarithm. */
  readonly surprise: number;
}

// Medians by the minute over 62 payrolls and 41 FOMC decisions. For CPI only the five-minute median (1.9) is measured: payrolls' shape, shrunk to it.
const releaseShapes: Readonly<Record<SimulatedDay, ReleaseShape>> = {
  nfp: {
    multiples: [
      [-6, 1], [-3, 0.95], [-1, 1.1], [0, 5.5], [1, 5.2], [2, 4.8], [3, 4.6], [5, 4.3], [10, 3.2], [15, 2.9], [30, 2.2], [45, 1.6], [60, 1.3], [120, 1],
    ],
    surprise: 0.28,
  },
  fomc: {
    multiples: [
      [-20, 1], [-3, 0.85], [-1, 1.2], [0, 7.0], [1, 7.1], [2, 6.4], [3, 5.9], [5, 5.0], [10, 4.5], [15, 4.0], [30, 3.0], [45, 2.8], [60, 2.4], [120, 1],
    ],
    surprise: 0.3,
  },
  cpi: {
    multiples: [[-6, 1], [-1, 1], [0, 2.4], [5, 1.9], [15, 1.5], [30, 1.3], [60, 1.1], [120, 1]],
    surprise: 0.3,
  },
}; // prettier-ignore

/** Releases of the simulated half-year, on the dates and at the hours of the public schedules' pattern. */
const releases: readonly (readonly [kind: SimulatedDay, at: string])[] = [
  ['nfp', '2026-06-05T12:30:00Z'], ['cpi', '2026-06-10T12:30:00Z'], ['fomc', '2026-06-17T18:00:00Z'],
  ['nfp', '2026-07-02T12:30:00Z'], ['cpi', '2026-07-14T12:30:00Z'], ['fomc', '2026-07-29T18:00:00Z'],
  ['nfp', '2026-08-07T12:30:00Z'], ['cpi', '2026-08-12T12:30:00Z'],
  ['nfp', '2026-09-04T12:30:00Z'], ['cpi', '2026-09-11T12:30:00Z'], ['fomc', '2026-09-16T18:00:00Z'],
  ['nfp', '2026-10-02T12:30:00Z'], ['cpi', '2026-10-14T12:30:00Z'], ['fomc', '2026-10-28T18:00:00Z'],
  ['nfp', '2026-11-06T13:30:00Z'], ['cpi', '2026-11-10T13:30:00Z'], ['fomc', '2026-12-09T19:00:00Z'],
]; // prettier-ignore

const titles: Readonly<Record<SimulatedDay, string>> = {
  nfp: 'Employment Situation (non-farm payrolls), simulated',
  cpi: 'Consumer price index, simulated',
  fomc: 'FOMC decision, simulated',
};

const historyFrom = '2026-06-01T00:00:00Z';
const demoReleaseAt: Readonly<Record<SimulatedDay, string>> = {
  nfp: '2026-11-06T13:30:00Z',
  cpi: '2026-11-10T13:30:00Z',
  fomc: '2026-12-09T19:00:00Z',
};

/** The usual volume by New York clock: thin nights, a pre-market, the bell at 20 times the minutes before it, a lull at noon, the close. */
const sessionProfile: readonly (readonly [clockHour: number, requestsPerMinute: number])[] = [
  [0, 240], [4, 300], [7, 700], [9.2, 1_000], [9.49, 1_100], [9.5, 20_000], [9.6, 15_000], [10, 10_500], [12, 6_500], [14, 7_000], [15.7, 11_000], [15.99, 14_000],
  [16.01, 3_000], [17, 900], [20, 400], [24, 240],
]; // prettier-ignore
const closedRequestsPerMinute = 200;

/** Draws the market of one seed. The day starts an hour before its release and ends two hours after it. */
export function drawMarket(day: SimulatedDay, random: Random): SimulatedMarket {
  const releaseAtMs = instant(demoReleaseAt[day]);
  const seriesFromMs = instant(historyFrom);
  const untilMs = releaseAtMs + 2 * msPerHour;
  const clock = createExchange('XNYS');
  const values = new Float64Array((untilMs - seriesFromMs) / msPerMinute);
  const lifts = liftByMinute(seriesFromMs, values.length, random.fork('surprise'));

  const noise = random.fork('noise');
  let dayLevel = 0;
  let drift = 0;
  for (let minute = 0; minute < values.length; minute++) {
    const atMs = seriesFromMs + minute * msPerMinute;
    const localMs = atMs + clock.utcOffsetMsAt(atMs);
    if (localMs % msPerDay === 0) dayLevel = 0.8 * dayLevel + 0.12 * noise.normal();
    drift = 0.97 * drift + 0.03 * noise.normal();
    const isOpenDay = clock.dayTypeOf(Math.floor(localMs / msPerDay)) === 'session';
    const usual = isOpenDay ? interpolate(sessionProfile, (localMs % msPerDay) / msPerHour) : closedRequestsPerMinute;
    values[minute] = noise.poisson(usual * lifts[minute]! * Math.exp(dayLevel + drift + 0.06 * noise.normal()));
  }
  return {
    series: { fromMs: seriesFromMs, stepMs: msPerMinute, values },
    events: releases.map(([kind, at]) => releaseEvent(kind, instant(at))),
    releaseAtMs,
    fromMs: releaseAtMs - msPerHour,
    untilMs,
  };
}

function liftByMinute(fromMs: EpochMs, length: number, random: Random): Float64Array {
  const lifts = new Float64Array(length).fill(1);
  for (const [kind, at] of releases) {
    const shape = releaseShapes[kind];
    const size = Math.exp(shape.surprise * random.normal());
    const releaseIndex = (instant(at) - fromMs) / msPerMinute;
    for (let offset = -30; offset <= 120; offset++) {
      const index = releaseIndex + offset;
      if (index < 0 || index >= length) continue;
      const multiple = interpolate(shape.multiples, offset);
      // The surprise scales what the release adds; the lull before it is the same for every size.
      lifts[index] = multiple > 1 && offset >= 0 ? 1 + (multiple - 1) * size : multiple;
    }
  }
  return lifts;
}

function releaseEvent(kind: SimulatedDay, startsAtMs: EpochMs): MarketEvent {
  return {
    id: `${kind}@${new Date(startsAtMs).toISOString().replace('.000Z', 'Z')}`,
    kind,
    title: titles[kind],
    startsAtMs,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'simulated', says: 'the packaged day' },
  };
}

function interpolate(points: readonly (readonly [number, number])[], at: number): number {
  const [firstAt, firstValue] = points[0]!;
  if (at <= firstAt) return firstValue;
  for (let index = 1; index < points.length; index++) {
    const [rightAt, rightValue] = points[index]!;
    if (at > rightAt) continue;
    const [leftAt, leftValue] = points[index - 1]!;
    return leftValue + ((at - leftAt) / (rightAt - leftAt)) * (rightValue - leftValue);
  }
  return points.at(-1)![1];
}

function instant(text: string): EpochMs {
  return parseInstant(text)!;
}

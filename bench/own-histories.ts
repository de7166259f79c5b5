/** Five hundred functions with a volume history each: the same market events in all of them, and else nothing shared. */
import { calendarVersion, createEvent } from '../calendar/event.ts';
import { createVenue } from '../calendar/venue.ts';
import { pricesUsEast1 } from '../config/schema.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { Importance, MarketEvent } from '../core/market-event.ts';
import { createRandom } from '../core/random.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { sliceSeries, type VolumeSeries } from '../core/volume-series.ts';
import { documentedLead } from '../forecaster/event-window.ts';
import type { SystemOptions } from '../service/system-options.ts';

/** The great event of the day: payrolls on a Friday. */
export const fleetEventAtMs: EpochMs = Date.UTC(2026, 2, 20, 12, 30);

const stepMs = msPerMinute;
const historyDays = 35;

/** Kinds with the weekdays (0 is Sunday) and the hour at which they come, and how much they lift. */
const kinds: readonly {
  kind: string;
  importance: Importance;
  weekdays: readonly number[];
  hour: number;
  lift: number;
}[] = [
  { kind: 'nfp', importance: 3, weekdays: [5], hour: 12.5, lift: 1.6 },
  { kind: 'jobless_claims', importance: 1, weekdays: [4], hour: 12.5, lift: 0.3 },
  { kind: 'auction', importance: 1, weekdays: [1, 2, 3], hour: 17, lift: 0.2 },
  { kind: 'cpi', importance: 2, weekdays: [3], hour: 12.5, lift: 0.9 },
  { kind: 'sentiment', importance: 1, weekdays: [2, 5], hour: 14, lift: 0.2 },
];

export interface OwnHistory {
  readonly spec: FunctionSpec;
  /** Goes on for three hours after the event. */
  readonly volume: VolumeSeries;
}

export interface OwnHistories {
  readonly functions: readonly OwnHistory[];
  readonly events: readonly MarketEvent[];
}

export function drawOwnHistories(functionCount: number, seed: number): OwnHistories {
  const events = drawEvents();
  const random = createRandom(seed);
  const functions = Array.from({ length: functionCount }, (_, index): OwnHistory => {
    const name = `service-${String(index).padStart(3, '0')}`;
    return { spec: specOf(name), volume: drawVolume(events, random.fork(name)) };
  });
  return { functions, events };
}

/** The system on these histories as it is known at an instant. */
export function ownHistoriesOptions({ functions, events }: OwnHistories, knownUntilMs: EpochMs): SystemOptions {
  return {
    title: `${functions.length} functions with own histories`,
    simulated: true,
    release: 'bench',
    configSha256: 'bench',
    functions: functions.map(({ spec, volume }) => {
      const series = sliceSeries(volume, volume.fromMs, knownUntilMs);
      const history = { series, sha256: spec.key, rowCount: series.values.length, badRowCount: 0 };
      return {
        spec,
        symbols: [],
        venue: createVenue('Etc/UTC'),
        history: { name: spec.key, history },
        volumeFrom: spec.key,
        requestsPerUnit: 1,
      };
    }),
    calendar: { name: 'bench', events, version: calendarVersion(events), warnings: [] },
    limits: { concurrencyMax: 9_000, usdPerHourMax: 500, usdPerEventMax: 500 },
    prices: pricesUsEast1,
    policy: { quantile: 0.95, importanceMin: 3, keepWhilePaying: false },
    lead: documentedLead,
    horizonMs: msPerDay,
    seed: 'bench',
  };
}

function specOf(name: string): FunctionSpec {
  return {
    key: `123456789012/us-east-1/${name}:live` as FunctionKey,
    memoryMb: 512,
    architecture: 'arm64',
    initDurationMs: 600,
    runDurationMs: { p50: 80, p99: 300 },
    spillTarget: { kind: 'spilloverRatioMax', ratio: 0.01 },
    concurrencyFloor: 0,
    concurrencyCeiling: 40,
    mode: 'enforce',
    ownership: 'own',
  };
}

function drawEvents(): MarketEvent[] {
  const firstDayMs = fleetEventAtMs - (fleetEventAtMs % msPerDay) - historyDays * msPerDay;
  const events: MarketEvent[] = [];
  for (let dayMs = firstDayMs; dayMs <= fleetEventAtMs; dayMs += msPerDay) {
    for (const { kind, importance, weekdays, hour } of kinds) {
      if (!weekdays.includes(new Date(dayMs).getUTCDay())) continue;
      const about = { kind, title: kind, startsAtMs: dayMs + hour * msPerHour, importance, symbols: [] };
      events.push(
        createEvent({ ...about, precision: 'minute', status: 'scheduled', source: { calendar: 'bench', says: kind } }),
      );
    }
  }
  return events.sort((one, other) => one.startsAtMs - other.startsAtMs);
}

/** A daily wave around a level of its own (10 to 80 a minute), noise, and what each event brings, fading over an hour. */
function drawVolume(events: readonly MarketEvent[], random: ReturnType<typeof createRandom>): VolumeSeries {
  const fromMs = fleetEventAtMs - historyDays * msPerDay;
  const level = Math.log(10) + Math.log(8) * random.next();
  const own = Math.exp(0.3 * random.normal());
  const logVolume = Float64Array.from({ length: (historyDays * msPerDay + 3 * msPerHour) / stepMs }, (_, index) => {
    const wave = Math.sin(2 * Math.PI * (((fromMs + index * stepMs) % msPerDay) / msPerDay - 0.3));
    return level + 0.5 * wave + 0.2 * random.normal();
  });
  for (const { kind, startsAtMs } of events) {
    const start = Math.round((startsAtMs - fromMs) / stepMs);
    const { lift } = kinds.find((one) => one.kind === kind)!;
    for (let minute = Math.max(0, -start); minute < 60 && start + minute < logVolume.length; minute++)
      logVolume[start + minute]! += lift * own * 2 ** (-minute / 20);
  }
  return { fromMs, stepMs, values: logVolume.map((value) => Math.round(Math.exp(value))) };
}

/** The two hundred faults that the detectors are held to, and the quiet month in which they must hold still: what is drawn from one seed. */
import { createRandom } from '../../../core/random.ts';
import { msPerDay, msPerHour, msPerMinute, type EpochMs } from '../../../core/time.ts';
import type { WorldEvent } from './demand.ts';
import type { FaultFunctionOptions, FaultKind } from './fault-function.ts';

export interface FaultScenario {
  readonly index: number;
  readonly kind: FaultKind;
  readonly isInsideEvent: boolean;
  readonly hasForecast: boolean;
  readonly startsAtMs: EpochMs;
  readonly endsAtMs: EpochMs;
  readonly options: FaultFunctionOptions;
}

export const scenarioCount = 200;
const rates = [5, 20, 50, 150, 500] as const;
/** Whole and at once, twice as often as the others: that is what the promise of three seconds is about. */
const deliveries = [
  { samplingRatio: 1, exportMs: 250 },
  { samplingRatio: 1, exportMs: 250 },
  { samplingRatio: 0.05, exportMs: 250 },
  { samplingRatio: 1, exportMs: 5_000 },
  { samplingRatio: 0.05, exportMs: 5_000 },
] as const;
const learningMs = 40 * msPerMinute;
const watchedMs = 4 * msPerMinute;
const strokeMs = 2 * msPerMinute;
const restMs = 8 * msPerMinute;
/** A Monday afternoon in Europe. */
const originMs = Date.UTC(2026, 2, 2, 14);

/** Each kind, inside and outside event windows, at each rate, under each delivery: five times forty. */
export function faultScenario(index: number, seed: string): FaultScenario {
  const random = createRandom(`${seed}/fault-${String(index)}`);
  const kinds: readonly FaultKind[] = [
    'latency',
    'errors',
    'throttles',
    index % 8 < 4 === index % 16 < 8 ? 'partial-errors' : 'partial-latency',
  ];
  const kind = kinds[index % 4]!;
  const isInsideEvent = Math.floor(index / 4) % 2 === 1;
  const fromMs = originMs + learningMs + random.next() * msPerMinute;
  const event: WorldEvent = {
    startsAtMs: originMs + learningMs - Math.floor(1 + 19 * random.next()) * msPerMinute,
    lift: 3 + 5 * random.next(),
    isForetold: random.next() < 0.5,
  };
  return {
    index,
    kind,
    isInsideEvent,
    hasForecast: random.next() < 0.7,
    startsAtMs: originMs,
    endsAtMs: fromMs + watchedMs,
    options: {
      ...drawFunction(`${seed}/${String(index)}`, `scenario-${String(index)}`),
      ...deliveries[Math.floor(index / 40)]!,
      requestsPerSecond: rates[Math.floor(index / 8) % rates.length]!,
      isFlat: true,
      events: isInsideEvent ? [event] : [],
      faults: [{ kind, fromMs, untilMs: Infinity }],
    },
  };
}

export const pairCount = 20;

/** Two functions behind one gateway, each with a fault of another kind, within a minute of each other: two episodes. */
export function faultPair(index: number, seed: string): readonly [FaultScenario, FaultScenario] {
  return [faultScenario(10 * index, seed), faultScenario(10 * index + 5, seed)];
}

/** One function with the same fault twice, and eight minutes between them: two episodes. */
export function faultTwice(index: number, seed: string): FaultScenario {
  const scenario = faultScenario(10 * index + 3 * (index % 3), seed);
  const fault = scenario.options.faults![0]!;
  const againMs = fault.fromMs + strokeMs + restMs;
  return {
    ...scenario,
    endsAtMs: againMs + strokeMs,
    options: {
      ...scenario.options,
      faults: [
        { ...fault, untilMs: fault.fromMs + strokeMs },
        { ...fault, fromMs: againMs },
      ],
    },
  };
}

export interface QuietMonth {
  readonly startsAtMs: EpochMs;
  readonly endsAtMs: EpochMs;
  readonly events: readonly WorldEvent[];
}

export const quietFunctionCount = 10;
const quietEventCount = 40;

/** Forty events in working hours; the forecast knows of four in five. */
export function quietMonth(seed: string, dayCount: number): QuietMonth {
  const random = createRandom(`${seed}/quiet`);
  const startsAtMs = Date.UTC(2026, 2, 2);
  const events = Array.from({ length: Math.round((quietEventCount * dayCount) / 30) }, (_, index): WorldEvent => {
    const day = Math.floor((index * dayCount) / Math.round((quietEventCount * dayCount) / 30));
    const hour = 12 + 8 * random.next();
    return {
      startsAtMs: startsAtMs + day * msPerDay + Math.floor((hour * msPerHour) / msPerMinute) * msPerMinute,
      lift: 3 + 5 * random.next(),
      isForetold: random.next() < 0.8,
    };
  }).sort((left, right) => left.startsAtMs - right.startsAtMs);
  return { startsAtMs, endsAtMs: startsAtMs + dayCount * msPerDay, events };
}

/** From 5 to 500 requests a second at noon, in even ratios; three in ten have no forecast at all. */
export function quietFunction(
  month: QuietMonth,
  seed: string,
  index: number,
): { options: FaultFunctionOptions; hasForecast: boolean } {
  return {
    hasForecast: index % 10 < 7,
    options: {
      ...drawFunction(`${seed}/quiet-${String(index)}`, `quiet-${String(index)}`),
      samplingRatio: 1,
      exportMs: 250,
      requestsPerSecond: 5 * 100 ** ((index % quietFunctionCount) / (quietFunctionCount - 1)),
      isFlat: false,
      events: month.events,
    },
  };
}

type Drawn = Pick<FaultFunctionOptions, 'burstiness' | 'errorRatio' | 'medianMs' | 'name' | 'seed' | 'sigma'>;

function drawFunction(seed: string, name: string): Drawn {
  const random = createRandom(seed);
  return {
    seed,
    name,
    burstiness: 13 ** random.next(),
    medianMs: 10 * 20 ** random.next(),
    sigma: 0.3 + 0.5 * random.next(),
    errorRatio: 0.000_2 * 25 ** random.next(),
  };
}

/**
 * What a fleet's spans show in a second or in a minute, drawn from a seed: functions, and two edges of each, as the receiver seals them.
 *
 * Rates are log-normal with a median of one a second and 7.4 times as many on average, so that six keys in ten are active in a second of the busiest hour; a day's wave takes
 * them down to a fifth at night. Durations spread by a factor of 1.6 around each key's own median. One request in a thousand fails, one in two thousand starts cold. Every trace is sent.
 */
import { createRandom } from '../core/random.ts';
import { msPerDay, msPerSecond } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';

const bucketsPerOctave = 32;
/** Of the histogram of core/histogram.ts: the place of one millisecond. */
const oneMillisecond = 20 * bucketsPerOctave;
const senderCount = 4;
/** Beyond this many requests their durations are shared out evenly over as many draws: the histogram is full of small differences by then. */
const drawnMax = 2_000;

interface Key {
  readonly name: WindowKey;
  readonly sender: string;
  readonly perSecond: number;
  readonly medianBucket: number;
  /** Share of its time that is its own; undefined of an edge. */
  readonly selfRatio: number | undefined;
}

export interface FleetSpans {
  readonly keyCount: number;
  /** All keys that were active in a window of that length, in the order of their names. */
  draw(atMs: number, lengthMs: number): readonly WindowDelta[];
}

export function createFleetSpans(functionCount: number, seed: string): FleetSpans {
  const random = createRandom(seed);
  const spreadBuckets = (bucketsPerOctave * Math.log(1.6)) / Math.LN2;
  const keys = namesOf(functionCount).map((name, index): Key => ({
    name,
    sender: `layer-${index % senderCount}`,
    perSecond: Math.exp(2 * random.normal()),
    medianBucket: Math.round(oneMillisecond + bucketsPerOctave * Math.log2(60 * Math.exp(random.normal()))),
    selfRatio: name.startsWith('edge:') ? undefined : 0.2 + 0.7 * random.next(),
  }));
  const hexOf = (): string =>
    Math.floor(random.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  const traceId = (): string => hexOf() + hexOf() + hexOf() + hexOf();

  const deltaOf = (key: Key, atMs: number, count: number): WindowDelta => {
    const places = new Map<number, number>();
    const drawnCount = Math.min(count, drawnMax);
    for (let index = 0; index < drawnCount; index++) {
      const bucket = Math.round(key.medianBucket + spreadBuckets * random.normal());
      places.set(bucket, (places.get(bucket) ?? 0) + 1);
    }
    const share = Math.floor(count / drawnCount);
    const durationMs = [...places].sort(([one], [other]) => one - other).flatMap(([place, of]) => [place, of * share]);
    const requestCount = drawnCount * share;
    const sum = durationMs.reduce(
      (total, value, index) =>
        index % 2 === 0
          ? total + durationMs[index + 1]! * 2 ** ((value + random.next() - oneMillisecond) / bucketsPerOctave)
          : total,
      0,
    );
    const errorCount = random.poisson(requestCount / 1_000);
    return {
      ...{ key: key.name, secondAtMs: atMs, sender: key.sender, spanCount: requestCount, requestCount, errorCount },
      throttleCount: 0,
      coldStartCount: random.poisson(requestCount / 2_000),
      ...{ provisionedInitCount: 0, deadLetterCount: 0, durationMs, valueSum: sum },
      ...(key.selfRatio !== undefined && {
        selfMsSum: sum * key.selfRatio * (0.95 + 0.1 * random.next()),
        versions: { '42': requestCount },
      }),
      examples: { slowest: [traceId(), traceId()], failed: errorCount > 0 ? [traceId()] : [] },
    };
  };

  return {
    keyCount: keys.length,
    draw(atMs, lengthMs) {
      const wave = 0.6 - 0.4 * Math.cos((2 * Math.PI * atMs) / msPerDay);
      return keys.flatMap((key) => {
        const count = random.poisson((wave * key.perSecond * lengthMs) / msPerSecond);
        return count === 0 ? [] : [deltaOf(key, atMs, count)];
      });
    },
  };
}

function namesOf(functionCount: number): readonly WindowKey[] {
  const functions = Array.from(
    { length: functionCount },
    (_, index) => `123456789012/us-east-1/service-${index % 40}-function-${index}:live`,
  );
  const edges = functions.flatMap((caller, index) => [
    `edge:${caller}>${functions[(7 * index + 1) % functionCount]!}`,
    `edge:${caller}>dynamodb/table-${index % 300}`,
  ]);
  return [...functions, ...edges].sort() as WindowKey[];
}

/** Sealed deltas on their way from one thread to another, nothing left out: numbers as arrays that are handed over, texts as they are. */
import type { Transferable } from 'node:worker_threads';
import type { WindowDelta, WindowKey } from '../core/window.ts';

export interface DeltaColumns {
  readonly keys: readonly WindowKey[];
  readonly senders: readonly string[];
  /** `numberCount` a row; NaN for what is not said. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** `lengthCount` a row: how many entries of the lists below are its own, and its place among the senders. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly durations: Float64Array<ArrayBuffer>;
  readonly instances: Uint32Array<ArrayBuffer>;
  readonly versions: readonly string[];
  readonly versionCounts: Float64Array<ArrayBuffer>;
  readonly examples: readonly string[];
}

const numberCount = 11;
const lengthCount = 6;

export function packColumns(deltas: readonly WindowDelta[]): {
  readonly columns: DeltaColumns;
  readonly transfer: readonly Transferable[];
} {
  const senders = [...new Set(deltas.map(({ sender }) => sender))];
  const senderPlaces = new Map(senders.map((sender, place) => [sender, place]));
  const numbers = new Float64Array(deltas.length * numberCount);
  const lengths = new Uint32Array(deltas.length * lengthCount);
  const durations = new Float64Array(deltas.reduce((sum, { durationMs }) => sum + durationMs.length, 0));
  const instances = new Uint32Array(deltas.reduce((sum, delta) => sum + (delta.instances?.length ?? 0), 0));
  const versions: string[] = [];
  const versionCounts: number[] = [];
  const examples: string[] = [];
  let durationAt = 0;
  let instanceAt = 0;
  for (const [row, delta] of deltas.entries()) {
    const { durationMs, instances: seen = [], examples: worst } = delta;
    numbers.set(numbersOf(delta), row * numberCount);
    durations.set(durationMs, durationAt);
    durationAt += durationMs.length;
    instances.set(seen, instanceAt);
    instanceAt += seen.length;
    const counts = Object.entries(delta.versions ?? {});
    for (const [version, count] of counts) {
      versions.push(version);
      versionCounts.push(count);
    }
    examples.push(...worst.slowest, ...worst.failed);
    const place = senderPlaces.get(delta.sender)!;
    const own = [place, durationMs.length, seen.length, counts.length, worst.slowest.length, worst.failed.length];
    lengths.set(own, row * lengthCount);
  }
  const counted = Float64Array.from(versionCounts);
  const keys = deltas.map(({ key }) => key);
  return {
    columns: { keys, senders, numbers, lengths, durations, instances, versions, versionCounts: counted, examples },
    transfer: [numbers.buffer, lengths.buffer, durations.buffer, instances.buffer, counted.buffer],
  };
}

function numbersOf(delta: WindowDelta): readonly number[] {
  return [
    delta.secondAtMs,
    delta.spanCount,
    delta.requestCount ?? NaN,
    delta.errorCount,
    delta.throttleCount,
    delta.coldStartCount,
    delta.untypedInitCount ?? NaN,
    delta.provisionedInitCount,
    delta.deadLetterCount,
    delta.selfMsSum ?? NaN,
    delta.valueSum,
  ];
}

export function unpackColumns(columns: DeltaColumns): WindowDelta[] {
  const { numbers, lengths, durations, instances, versions, versionCounts, examples } = columns;
  let [durationAt, instanceAt, versionAt, exampleAt] = [0, 0, 0, 0];
  return columns.keys.map((key, row): WindowDelta => {
    const at = row * numberCount;
    const ownAt = row * lengthCount;
    const requestCount = numbers[at + 2]!;
    const untypedInitCount = numbers[at + 6]!;
    const selfMsSum = numbers[at + 9]!;
    const durationEnd = durationAt + lengths[ownAt + 1]!;
    const durationMs: number[] = [];
    while (durationAt < durationEnd) durationMs.push(durations[durationAt++]!);
    const instanceEnd = instanceAt + lengths[ownAt + 2]!;
    const seen: number[] = [];
    while (instanceAt < instanceEnd) seen.push(instances[instanceAt++]!);
    const versionEnd = versionAt + lengths[ownAt + 3]!;
    const counts: [string, number][] = [];
    for (; versionAt < versionEnd; versionAt++) counts.push([versions[versionAt]!, versionCounts[versionAt]!]);
    const failedAt = exampleAt + lengths[ownAt + 4]!;
    const slowest = examples.slice(exampleAt, failedAt);
    exampleAt = failedAt + lengths[ownAt + 5]!;
    return {
      key,
      secondAtMs: numbers[at]!,
      sender: columns.senders[lengths[ownAt]!]!,
      spanCount: numbers[at + 1]!,
      ...(!Number.isNaN(requestCount) && { requestCount }),
      errorCount: numbers[at + 3]!,
      throttleCount: numbers[at + 4]!,
      coldStartCount: numbers[at + 5]!,
      ...(!Number.isNaN(untypedInitCount) && { untypedInitCount }),
      provisionedInitCount: numbers[at + 7]!,
      deadLetterCount: numbers[at + 8]!,
      durationMs,
      ...(!Number.isNaN(selfMsSum) && { selfMsSum }),
      valueSum: numbers[at + 10]!,
      ...(seen.length > 0 && { instances: seen }),
      ...(counts.length > 0 && { versions: Object.fromEntries(counts) }),
      examples: { slowest, failed: examples.slice(failedAt, exampleAt) },
    };
  });
}

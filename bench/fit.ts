/**
 * How long one function's model takes to learn a year of minutes under a calendar, beside the plainest model there is (last week's value,
 * remembered) learning the same in the same run.
 */
import { cpus } from 'node:os';
import { createExchange } from '../calendar/session.ts';
import { createEvent } from '../calendar/event.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { createRandom } from '../core/random.ts';
import { msPerDay, msPerHour, msPerMinute } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';
import { defaultModelName, models, type ModelName } from '../models/index.ts';

const seed = 20_260_105;
const bucketCount = 525_600;
const fromMs = Date.UTC(2025, 0, 1);
const runCount = 5;

export async function run(_args: readonly string[]): Promise<void> {
  const clock = createExchange('XNYS');
  const events = createEvents();
  const volume = createYear(events);
  const measure = (name: ModelName): number => {
    const model = models[name].create({ stepMs: msPerMinute, clock });
    const startedMs = performance.now();
    model.learn({ volume, events });
    const endMs = fromMs + bucketCount * msPerMinute;
    model.forecast({ fromMs: endMs, stepMs: msPerMinute, stepCount: 30, levels: [0.5, 0.95], events: [] });
    return performance.now() - startedMs;
  };
  const medianOf = (name: ModelName): number => {
    const times = Array.from({ length: runCount }, () => measure(name)).sort((left, right) => left - right);
    return times[runCount >> 1]!;
  };
  const ownMs = medianOf(defaultModelName);
  const peerMs = medianOf('seasonal-naive');
  process.stdout.write(
    [
      `fit: ${bucketCount} one-minute buckets, ${events.length} events, and one forecast of 30 minutes; seed ${seed}`,
      `Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown processor'}; medians of ${runCount} runs`,
      `${models[defaultModelName].version}: ${ownMs.toFixed(0)} ms (${((ownMs / bucketCount) * 1e6).toFixed(0)} ns a bucket)`,
      `${models['seasonal-naive'].version}: ${peerMs.toFixed(0)} ms; ratio ${(ownMs / peerMs).toFixed(2)}`,
      '',
    ].join('\n'),
  );
}

/** Two releases a week at 08:30 in New York, one a month of them great. */
function createEvents(): MarketEvent[] {
  const events: MarketEvent[] = [];
  const clock = createExchange('XNYS');
  for (let day = 2; day < 365; day += 3) {
    const dayMs = fromMs + day * msPerDay;
    const startsAtMs = dayMs + 8.5 * msPerHour - clock.utcOffsetMsAt(dayMs + 12 * msPerHour);
    const isGreat = day % 30 < 3;
    events.push(
      createEvent({
        kind: isGreat ? 'nfp' : 'jobless_claims',
        title: isGreat ? 'Employment Situation' : 'Initial jobless claims',
        startsAtMs,
        precision: 'minute',
        importance: isGreat ? 3 : 1,
        symbols: [],
        status: 'scheduled',
        source: { calendar: 'bench', says: `seed ${seed}` },
      }),
    );
  }
  return events;
}

/** A daily wave, noise, and a lift after each event that fades over an hour. */
function createYear(events: readonly MarketEvent[]): VolumeSeries {
  const random = createRandom(seed);
  const values = new Float64Array(bucketCount);
  for (let minute = 0; minute < bucketCount; minute++) {
    const wave = Math.sin(((minute % 1_440) / 1_440) * 2 * Math.PI);
    values[minute] = Math.exp(5 + wave + 0.4 * random.normal());
  }
  for (const { startsAtMs, importance } of events) {
    const start = (startsAtMs - fromMs) / msPerMinute;
    for (let minute = 0; minute < 60; minute++) values[start + minute]! *= 1 + importance * 2 ** (-minute / 15);
  }
  return { fromMs, stepMs: msPerMinute, values: values.map(Math.round) };
}

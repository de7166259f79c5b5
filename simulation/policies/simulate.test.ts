import { describe, expect, it } from 'vitest';
import { msPerMinute } from '../../core/time.ts';
import { joinParts, runPart, type SimulationJob } from './job.ts';
import { simulateInParallel } from './parallel.ts';
import { eventsAtMs, lastEventMs, sampleSimulation, withFutureFrom } from './sample.ts';
import { simulate, type MinuteView, type SimulationOptions } from './simulate.ts';
import { phaseOf, spansOf } from './spans.ts';

const all = ['aas', 'aws-predictive', 'foreshock', 'none', 'oracle', 'same-event-before', 'static-peak'];
const planned = ['foreshock', 'foreshock:quantile=0.05', 'none', 'oracle', 'same-event-before', 'static-peak'];
const usdPerEnvironmentBlock = 300 * 0.000_004_166_7;

function play(changes: Partial<SimulationOptions> = {}) {
  const views: MinuteView[] = [];
  const tallies = simulate(sampleSimulation({ ...changes, onMinute: (view) => void views.push(view) }));
  return { views, sums: tallies.map(({ sums }) => sums) };
}

function jobOf(changes: Partial<SimulationJob> = {}): SimulationJob {
  const { venue: _venue, onMinute: _onMinute, onSpan: _onSpan, ...rest } = sampleSimulation();
  return { ...rest, venueName: 'Etc/UTC', spans: spansOf(eventsAtMs.slice(-3)), ...changes };
}

describe('a simulation', () => {
  it('is the same for the same seed, and another for another', () => {
    const policies = ['aas', 'foreshock'];
    expect(play({ policies })).toEqual(play({ policies }));
    expect(play({ policies: ['none'], seed: 'other' }).sums[0]!.coldStarts).not.toBe(play().sums[0]!.coldStarts);
  });

  it('sends every policy the same requests, whoever plays beside it', () => {
    const { views } = play({ policies: all });
    const own = (policy: string, from: readonly MinuteView[]) => from.filter((view) => view.policy === policy);
    const counts = (policy: string): number[] => own(policy, views).map(({ arrivalCount }) => arrivalCount);
    for (const policy of all) expect(counts(policy)).toEqual(counts('none'));
    expect(own('aas', play({ policies: ['aas'] }).views)).toEqual(own('aas', views));
  });

  it('shows nobody but the oracle what is still to come', () => {
    const changesAtMs = lastEventMs + 10 * msPerMinute;
    const policies = all.filter((policy) => policy !== 'oracle');
    const until = (views: readonly MinuteView[]) => views.filter(({ atMs }) => atMs < changesAtMs);
    const { views } = play({ policies });
    const other = play({ policies, series: withFutureFrom(changesAtMs, 3) }).views;
    expect(until(other)).toEqual(until(views));
    expect(other).not.toEqual(views);
  });

  it('counts dollars as Lambda bills them', () => {
    // 60 environments over an hour of lead and window are twelve blocks, and six in the half hour after.
    const [held] = play({ policies: ['static-peak'] }).sums;
    expect(held!.provisionedUsd).toBeCloseTo(60 * 12 * usdPerEnvironmentBlock, 9);
    expect(held!.provisionedUsdAfter).toBeCloseTo(60 * 6 * usdPerEnvironmentBlock, 9);
    // Asked for five minutes before the event, given back at its end: seven blocks.
    const [before] = play({ policies: ['same-event-before'] }).sums;
    expect(before!.provisionedUsd).toBeCloseTo(60 * 7 * usdPerEnvironmentBlock, 9);
    expect(before!.provisionedUsdAfter).toBe(0);
  });

  it('counts what overflows where nothing stands, which Lambda’s metric does not', () => {
    const [none] = play().sums;
    expect(none).toMatchObject({ windows: 1, arrivals: 30 * 2_400, spillover: 0, throttles: 0, overflow: 30 * 2_400 });
    expect(none!.requests).toBe(none!.arrivals);
  });

  it('serves the oracle’s requests warm for the least dollars', () => {
    const { sums } = play({ policies: planned });
    const oracle = sums[planned.indexOf('oracle')]!;
    expect(oracle.overflow / oracle.arrivals).toBeLessThan(0.0005);
    for (const { overflow, provisionedUsd } of sums)
      if (overflow <= oracle.overflow) expect(provisionedUsd).toBeGreaterThanOrEqual(oracle.provisionedUsd);
  });

  it('lets target tracking come as late as AWS documents', () => {
    // Three minutes of points, two until the third is seen, one to two of preparation and 0.8 s of initialisation.
    const { views } = play({ policies: ['aas'] });
    const first = views.find(({ atMs, allocated }) => atMs >= lastEventMs && allocated > views[0]!.allocated);
    expect((first!.atMs - lastEventMs) / msPerMinute).toBeGreaterThanOrEqual(6);
    expect((first!.atMs - lastEventMs) / msPerMinute).toBeLessThanOrEqual(7);
  });

  it('counts the same overflow without serving a request', () => {
    const served = play({ policies: planned }).sums;
    const counted = play({ policies: planned, grain: 'overflow' }).sums;
    counted.forEach((sums, index) => {
      expect(sums.provisionedUsd).toBeCloseTo(served[index]!.provisionedUsd, 9);
      expect(Math.abs(sums.overflow - served[index]!.overflow)).toBeLessThan(0.0005 * sums.arrivals);
    });
  });
});

describe('a simulation in parts', () => {
  it('comes to the same as in one, to the last digit', () => {
    const job = jobOf({ policies: planned, grain: 'overflow' });
    const parts = job.spans.map((span) => runPart({ ...job, spans: [span] }, () => undefined));
    const joined = joinParts(job.policies, parts);
    const whole = joinParts(job.policies, [runPart(job, () => undefined)]);
    expect(joined).toEqual(whole);
  });

  it('runs in threads, tells of its progress, and of one span each minute', async () => {
    const job = jobOf({ policies: ['none', 'static-peak'], viewedSpanFromMs: spansOf([lastEventMs])[0]!.fromMs });
    const told: number[] = [];
    const options = {
      workerCount: 2,
      signal: new AbortController().signal,
      onProgress: (done: number) => void told.push(done),
    };
    const outcome = await simulateInParallel(job, options);
    expect(told).toEqual([1, 2, 3]);
    expect(outcome.views).toHaveLength(2 * 90);
    const alone = await simulateInParallel(job, { ...options, workerCount: 0 });
    expect(outcome).toEqual(alone);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const options = { workerCount: 1, signal: stop.signal, onProgress: () => stop.abort(reason) };
    await expect(simulateInParallel(jobOf(), options)).rejects.toBe(reason);
  });
});

describe('spans', () => {
  const minute = (count: number): number => lastEventMs + count * msPerMinute;

  it.each([
    ['apart', [0, 121], 2],
    ['that touch', [0, 90], 2],
    ['that overlap by a minute', [0, 89], 1],
    ['twice at one instant', [0, 0], 1],
  ])('of windows %s', (_, minutes, count) => expect(spansOf(minutes.map(minute))).toHaveLength(count));

  it('tell lead, window and what comes after', () => {
    const [span] = spansOf([minute(0), minute(80)]);
    expect([-30, -1, 0, 29, 30, 49, 50, 79, 80, 109, 110].map((at) => phaseOf(span!, minute(at)))).toEqual([
      'lead', 'lead', 'window', 'window', 'after', 'after', 'lead', 'lead', 'window', 'window', 'after',
    ]); // prettier-ignore
  });
});

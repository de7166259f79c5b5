import { describe, expect, it } from 'vitest';
import { msPerDay, msPerHour, msPerMinute } from '../../core/time.ts';
import { aas, targetTrackingParameters, trackTarget, type TargetTrackingSettings } from './aas.ts';
import { readPolicy } from './index.ts';
import type { Moment, PolicyEntry, SpanPolicy } from './policy.ts';
import {
  eventsAtMs,
  flatSeries,
  historyUntil,
  lastEventMs,
  liftedPerMinute,
  momentAt,
  sampleContext,
  usualPerMinute,
} from './sample.ts';
import { spansOf } from './spans.ts';

const [span] = spansOf([lastEventMs]);
const future = (): never => {
  throw new Error('only the oracle asks what will come');
};

/** Erlang's table at one in a thousand: 10 erlang take 21 environments, 40 take 60. */
const usualLevel = 21;
const liftedLevel = 60;

function begin(policy: string, untilMs = span!.fromMs): SpanPolicy {
  return readPolicy(policy)
    .create(sampleContext)
    .begin({ span: span!, history: historyUntil(untilMs), future });
}

describe('reading a policy', () => {
  it.each([
    ['nobody', '"nobody" is none of aas, aws-predictive, foreshock, none, oracle, same-event-before, static-peak'],
    ['', '"" is none of'],
    ['toString', '"toString" is none of'],
    ['aas:goal=0.5', '"goal=0.5" is no parameter; aas has target, maximum, out, in, delay'],
    ['aas:target', 'target is a number from 0.1 to 0.9'],
    ['aas:target=0.95', 'target is a number from 0.1 to 0.9'],
    ['aas:target=0.5=0.6', '"target=0.5=0.6" is no parameter'],
    ['none:level=1', 'none has no parameters'],
  ])('refuses %s in one line', (text, sentence) => {
    expect(() => readPolicy(text)).toThrow(sentence);
    expect(() => readPolicy(text)).toThrow(/^--policy [^\n]*$/);
  });
});

describe('static-peak', () => {
  it('holds the busiest minute of the 28 days before, whatever comes', () => {
    const policy = begin('static-peak');
    expect(policy.initialLevel).toBe(liftedLevel);
    expect(policy.levelAt(momentAt(lastEventMs))).toBe(liftedLevel);
  });

  it('forgets what is older', () => {
    // The first event, and then 29 days in which nothing happened.
    const values = flatSeries.values.map((value, minute) => (minute < 7 * 1_440 ? value : usualPerMinute));
    const history = historyUntil(eventsAtMs[0]! + 29 * msPerDay, { ...flatSeries, values });
    const policy = readPolicy('static-peak').create(sampleContext).begin({ span: span!, history, future });
    expect(policy.initialLevel).toBe(usualLevel);
  });
});

describe('aas', () => {
  const settings = Object.fromEntries(
    Object.entries((aas as PolicyEntry<keyof typeof targetTrackingParameters>).parameters).map(([name, one]) => [
      name,
      one.default,
    ]),
  ) as TargetTrackingSettings;
  const startMs = span!.fromMs;
  /** Utilisation minute by minute from the start of the span; undefined leaves a minute without a point. */
  const seen = (values: readonly (number | undefined)[], changes: Partial<Moment> = {}): Moment => {
    const metrics = values.flatMap((value, minute) =>
      value === undefined
        ? []
        : [{ startsAtMs: startMs + minute * msPerMinute, utilizationAverage: value, utilizationMaximum: 1 }],
    );
    // Two minutes after the last of the minutes has ended its point is to be seen.
    const nowMs = startMs + (values.length + 2) * msPerMinute;
    return momentAt(nowMs, { metrics, requested: 20, readySinceMs: startMs, ...changes });
  };
  const times = (count: number, value: number): number[] => Array.from({ length: count }, () => value);

  // 20 environments at utilisation u go to ceil(20 u / 0.7).
  it.each([
    ['out after three points above the target', seen(times(3, 0.98)), 28],
    ['not after two', seen([0.7, 0.98, 0.98]), undefined],
    [
      'not while the third is not to be seen yet',
      { ...seen(times(3, 0.98)), nowMs: startMs + 4 * msPerMinute },
      undefined,
    ],
    ['not between whole minutes', { ...seen(times(3, 0.98)), nowMs: startMs + 310_000 }, undefined],
    ['in proportion to the latest of them', seen([0.98, 0.98, 0.84]), 24],
    ['not while a change is under way', seen(times(3, 0.98), { readySinceMs: undefined }), undefined],
    [
      'nor by a point from before the last change',
      seen(times(3, 0.98), { readySinceMs: startMs + 150_000 }),
      undefined,
    ],
    ['in after fifteen points below nine tenths of it', seen(times(15, 0.35)), 10],
    ['not after fourteen', seen([0.63, ...times(14, 0.35)]), undefined],
    ['not at nine tenths', seen(times(15, 0.63)), undefined],
    ['never down to nothing', seen(times(15, 0)), 1],
    ['not where an idle minute has no point', seen([...times(7, 0.35), undefined, ...times(7, 0.35)]), undefined],
    ['not where there is no traffic at all', seen(times(20, 0).map(() => undefined)), undefined],
  ])('goes %s', (_, moment, level) => expect(trackTarget(settings, moment)).toBe(level));

  it('judges by the Maximum where it is told to', () => {
    expect(trackTarget({ ...settings, maximum: 1 }, seen(times(3, 0.1)))).toBe(29);
  });

  it('scales in after three points where it is told to', () => {
    expect(trackTarget({ ...settings, in: 3 }, seen(times(3, 0.35)))).toBe(10);
  });

  it('has come to rest at its target when a span begins', () => {
    expect(begin('aas').initialLevel).toBe(Math.ceil(10 / 0.7));
  });
});

describe('aws-predictive', () => {
  // The event's hour of the week was at 40 erlang a week ago, and nothing else was above 10.
  const lifted = Math.ceil(40 / 0.7);
  const usual = Math.ceil(10 / 0.7);
  const hourMs = lastEventMs - 30 * msPerMinute;

  it.each([
    ['six minutes before its hour', hourMs - 6 * msPerMinute, usual],
    ['five minutes before its hour', hourMs - 5 * msPerMinute, lifted],
    ['in its hour', hourMs + 40 * msPerMinute, lifted],
    ['after it, for it does not scale in', hourMs + 70 * msPerMinute, lifted],
  ])('asks for last week’s busiest minute of the hour: %s', (_, nowMs, level) => {
    const policy = begin('aws-predictive', hourMs - msPerHour);
    const requested = nowMs > hourMs ? lifted : usual;
    expect(policy.levelAt(momentAt(nowMs, { requested, readySinceMs: 0 }))).toBe(level);
  });

  it('has never seen what came more than fourteen days ago', () => {
    const monthly = flatSeries.values.map((value, minute) => (firstEventOnly(minute) ? value : usualPerMinute));
    const history = historyUntil(hourMs - msPerHour, { ...flatSeries, values: monthly });
    const policy = readPolicy('aws-predictive').create(sampleContext).begin({ span: span!, history, future });
    expect(policy.levelAt(momentAt(hourMs, { requested: usual }))).toBe(usual);
  });

  const firstEventOnly = (minute: number): boolean => minute < 7 * 1_440;
});

describe('same-event-before', () => {
  it.each([
    ['before its lead', -6, 0],
    ['one block before the event', -5, liftedLevel],
    ['in the event', 20, liftedLevel],
    ['in its last block', 29, liftedLevel],
    ['after it', 30, 0],
  ])('holds what the event did each time: %s', (_, minute, level) => {
    const policy = begin('same-event-before');
    policy.levelAt(momentAt(span!.fromMs));
    expect(policy.levelAt(momentAt(lastEventMs + minute * msPerMinute))).toBe(level);
  });

  it('takes it times a factor', () => {
    const policy = begin('same-event-before:multiplier=0.25');
    expect(liftedPerMinute / 4).toBe(usualPerMinute);
    expect(policy.levelAt(momentAt(lastEventMs))).toBe(usualLevel);
  });
});

describe('foreshock', () => {
  const levelsOf = (policy: string): number[] => {
    const live = begin(policy);
    return Array.from({ length: 60 }, (_, minute) => {
      return live.levelAt(momentAt(span!.fromMs + minute * msPerMinute)) ?? NaN;
    });
  };

  it('asks ten minutes before the event for what the planner wants, and for nothing before', () => {
    const levels = levelsOf('foreshock:spilloverRatioMax=0.001');
    expect(levels.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 0));
    // 40 a second of a second each come for a part of the half hour over which the share is kept: Erlang adds its margin.
    expect(levels[20]).toBeGreaterThanOrEqual(50);
    expect(new Set(levels.slice(20, 45)).size).toBe(1);
  });

  it.each([
    ['at a lower price of a spill', 'usdPerSpill=0.000001', 'usdPerSpill=0.001'],
    ['at a lower price of a cold start', 'usdPerColdStart=0.001', 'usdPerColdStart=1'],
    ['where a greater share may spill', 'spilloverRatioMax=0.3', 'spilloverRatioMax=0.001'],
    [
      'where the share holds for a lower quantile',
      'spilloverRatioMax=0.001:quantile=0.05',
      'spilloverRatioMax=0.001:quantile=0.99',
    ],
    ['where minutes are even', 'peakRatio=1', 'peakRatio=2'],
  ])('is cheaper %s', (_, less, more) => {
    expect(levelsOf(`foreshock:${less}`)[30]).toBeLessThan(levelsOf(`foreshock:${more}`)[30]!);
  });

  it('asks later where it is told to', () => {
    const first = (policy: string) => levelsOf(policy).findIndex((level) => level > 0);
    expect(first('foreshock:asked=5') - first('foreshock')).toBe(5);
  });
});

describe('none', () => {
  it('holds nothing', () => {
    expect(begin('none').initialLevel).toBe(0);
    expect(begin('none').levelAt(momentAt(lastEventMs))).toBe(0);
  });
});

/** Whom to believe: forged telemetry, real faults, and counts that differ. */
import { describe, expect, it } from 'vitest';
import type { Corroboration } from '../core/corroboration.ts';
import type { Finding } from '../core/finding.ts';
import type { Incident } from '../core/incident.ts';
import type { Json } from '../core/json.ts';
import { msPerMinute, msPerSecond } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { createCorrelator } from './correlator.ts';
import { createDetection } from './detection.ts';
import { deltaOf } from './detector.contract.ts';
import { createWitnessBook } from './witness-book.ts';
import { createWitnesses, type Witnesses } from './witnesses.ts';

const startMs = Date.UTC(2026, 2, 2, 14);
const key: WindowKey = '123456789012/us-east-1/orders:live' as WindowKey;
const edge: WindowKey = `edge:service:web>${key}`;
const calmSeconds = 8 * 60;

type Spans = Partial<WindowDelta> & { spanCount: number; times?: number };
/** What arrives about one second, by sender: of the function itself, and of those who call it. */
interface Second {
  readonly callee?: Readonly<Record<string, Spans>>;
  readonly caller?: Readonly<Record<string, Spans>>;
}

const usual: Second = { callee: { lambda: { spanCount: 100 } }, caller: { web: { spanCount: 100 } } };

function deltasOf({ callee = {}, caller = {} }: Second, secondAtMs: number): WindowDelta[] {
  const of = (one: WindowKey, by: Readonly<Record<string, Spans>>) =>
    Object.entries(by).map(([sender, spans]) => ({
      ...deltaOf(one, secondAtMs, { seed: `${sender}${one}`, ...spans }),
      sender,
    }));
  return [...of(key, callee), ...of(edge, caller)];
}

/** Eight usual minutes, then so many seconds of trouble, as the service plays them. */
function play(
  trouble: Second,
  {
    calm = usual,
    seconds = 20,
    count,
  }: { calm?: Second; seconds?: number; count?: (minute: number, witnesses: Witnesses) => void } = {},
) {
  const detection = createDetection();
  const correlator = createCorrelator();
  let witnesses = createWitnesses();
  const notices = new Map<string, Finding>();
  const noticedAfter = new Map<string, number>();
  let observersMost = 0;
  let atOpening: Corroboration | undefined;
  let incident: Incident | undefined;
  for (let second = 1; second <= calmSeconds + seconds; second++) {
    const nowMs = startMs + second * msPerSecond;
    const deltas = deltasOf(second <= calmSeconds ? calm : trouble, nowMs - msPerSecond);
    // A restart in the middle changes nothing.
    if (second === calmSeconds + 3)
      witnesses = createWitnesses(JSON.parse(JSON.stringify(witnesses.snapshot())) as Json);
    if (second % 60 === 1) count?.(Math.floor(second / 60), witnesses);
    const findings = detection.tick(nowMs, deltas);
    const seen = witnesses.look(nowMs, deltas, findings);
    for (const notice of seen) {
      if (!notices.has(notice.detector)) noticedAfter.set(notice.detector, second - calmSeconds);
      notices.set(notice.detector, notice);
    }
    const changes = correlator.tick(nowMs, {
      ...{
        deltas,
        findings: [...findings, ...seen],
        maintenance: [],
        actionsTaken: [],
        events: [],
        acknowledgements: [],
      },
    });
    if (!incident && changes.some(({ kind }) => kind === 'opened')) {
      incident = correlator.incidents[0]!;
      atOpening = witnesses.corroborationOf(incident, nowMs);
    }
    const [open] = correlator.incidents;
    if (open) observersMost = Math.max(observersMost, witnesses.corroborationOf(open, nowMs).observers.length);
  }
  const nowMs = startMs + (calmSeconds + seconds) * msPerSecond;
  const last = correlator.incidents[0];
  return {
    notices,
    noticedAfter,
    observersMost,
    atOpening,
    incident,
    last,
    now: last && witnesses.corroborationOf(last, nowMs),
    witnesses,
    nowMs,
  };
}

const who = (corroboration: Corroboration | undefined) =>
  corroboration?.observers.map(({ kind, sender }) => (sender === undefined ? kind : `${kind} ${sender}`));
const allBad = (spanCount: number): Spans => ({ spanCount, errorCount: spanCount });
const someBad = (spanCount: number): Spans => ({ spanCount, errorCount: spanCount * 0.3 });
const slow = (spanCount: number): Spans => ({ spanCount, times: 5 });

describe('a real fault is confirmed by both who call and who are called, and nobody is disputed', () => {
  it.each<[string, Second, readonly string[]]>([
    [
      'a third fails',
      { callee: { lambda: someBad(100) }, caller: { web: someBad(100) } },
      ['callee lambda', 'caller web'],
    ],
    [
      'all fail, and callers try again three times',
      { callee: { lambda: allBad(400) }, caller: { web: allBad(400) } },
      ['callee lambda', 'caller web'],
    ],
    ['all are slow', { callee: { lambda: slow(100) }, caller: { web: slow(100) } }, ['callee lambda', 'caller web']],
    [
      'calls are throttled: who never ran knows nothing',
      { callee: { lambda: { spanCount: 70 } }, caller: { web: { spanCount: 100, errorCount: 30, throttleCount: 30 } } },
      ['caller web'],
    ],
    [
      'the way to it fails: it served all that came',
      { callee: { lambda: { spanCount: 70 } }, caller: { web: someBad(100) } },
      ['caller web'],
    ],
  ])('%s', (_, trouble, observers) => {
    const { incident, atOpening, now, notices } = play(trouble);
    expect(incident).toBeDefined();
    expect(who(atOpening)).toEqual(observers);
    expect(who(now)).toEqual(observers);
    expect([...notices.keys()]).toEqual([]);
  });

  it('senders of one side are one observer, and one sender of both sides is one as well', () => {
    const calm = { callee: { a: { spanCount: 50 }, b: { spanCount: 50 } }, caller: { a: { spanCount: 100 } } };
    const bad = { callee: { a: someBad(50), b: someBad(50) }, caller: { a: someBad(100) } };
    expect(who(play(bad, { calm }).now)).toEqual(['callee b', 'caller a']);
    const gateway = { callee: { gateway: { spanCount: 100 } }, caller: { gateway: { spanCount: 100 } } };
    const same = { callee: { gateway: someBad(100) }, caller: { gateway: someBad(100) } };
    expect(who(play(same, { calm: gateway }).now)).toEqual(['callee gateway']);
  });

  it('CloudWatch, a probe and breakers count beside them', () => {
    const { witnesses, last, nowMs } = play(
      { callee: { lambda: someBad(100) }, caller: { web: someBad(100) } },
      { seconds: 200 },
    );
    witnesses.hear(key, {
      fromMs: startMs + 9 * msPerMinute,
      lengthMs: msPerMinute,
      requestCount: 6_000,
      errorCount: 1_800,
    });
    const probe = { kind: 'probe' as const, key, atMs: nowMs, because: '3 of 3 calls failed' };
    expect(who(witnesses.corroborationOf(last!, nowMs, [probe, probe]))).toEqual([
      'callee lambda',
      'caller web',
      'cloudwatch',
      'probe',
    ]);
  });
});

describe('forged telemetry: ten times the volume, all of it failed', () => {
  it.each<[string, string, { calm?: Second; trouble: Second }]>([
    [
      'by a sender of its own',
      'forger',
      {
        trouble: { callee: { lambda: { spanCount: 100 }, forger: allBad(1_000) }, caller: { web: { spanCount: 100 } } },
      },
    ],
    [
      'where nobody traces the callers',
      'forger',
      {
        calm: { callee: { lambda: { spanCount: 100 } } },
        trouble: { callee: { lambda: { spanCount: 100 }, forger: allBad(1_000) } },
      },
    ],
    [
      'as a caller',
      'forger',
      {
        trouble: { callee: { lambda: { spanCount: 100 } }, caller: { web: { spanCount: 100 }, forger: allBad(1_000) } },
      },
    ],
    [
      'with a stolen token of one side',
      'lambda',
      { trouble: { callee: { lambda: { spanCount: 1_100, errorCount: 1_000 } }, caller: { web: { spanCount: 100 } } } },
    ],
    [
      'through a gateway that all share',
      'gateway',
      {
        calm: { callee: { gateway: { spanCount: 100 } }, caller: { gateway: { spanCount: 100 } } },
        trouble: {
          callee: { gateway: { spanCount: 1_100, errorCount: 1_000 } },
          caller: { gateway: { spanCount: 100 } },
        },
      },
    ],
  ])('%s: names the sender, and nobody confirms it', (_, sender, { calm = usual, trouble }) => {
    const { notices, noticedAfter, observersMost, now } = play(trouble, { calm });
    expect(notices.get('sender-disputed')).toMatchObject({ weight: 'notice', evidence: { sender } });
    expect(noticedAfter.get('sender-disputed')).toBeLessThanOrEqual(7);
    expect(observersMost).toBe(0);
    expect(now).toMatchObject({ observers: [], disputedSenders: [sender] });
    expect(now?.disputedBy.length).toBeGreaterThan(0);
  });

  it('on both sides at once, through a gateway: one observer at most, and CloudWatch names it when it has counted', () => {
    const calm = { callee: { gateway: { spanCount: 100 } }, caller: { gateway: { spanCount: 100 } } };
    const both = {
      callee: { gateway: { spanCount: 1_100, errorCount: 1_000 } },
      caller: { gateway: { spanCount: 1_100, errorCount: 1_000 } },
    };
    expect(who(play(both, { calm }).now)).toEqual(['callee gateway']);
    const count = (minute: number, witnesses: Witnesses): void => {
      if (minute >= 3)
        witnesses.hear(key, {
          fromMs: startMs + (minute - 3) * msPerMinute,
          lengthMs: msPerMinute,
          requestCount: 6_000,
        });
    };
    const { now, notices } = play(both, { calm, seconds: 300, count });
    expect(notices.get('sender-disputed')?.evidence).toMatchObject({ sender: 'gateway', deniedBy: 'cloudwatch' });
    expect(now).toMatchObject({ observers: [], disputedSenders: ['gateway'], disputedBy: [{ kind: 'cloudwatch' }] });
  });

  it('what AWS counted too is no forgery, though nobody else sees it', () => {
    const trouble = {
      callee: { lambda: { spanCount: 1_100, errorCount: 1_000 } },
      caller: { web: { spanCount: 100 } },
    };
    const count = (minute: number, witnesses: Witnesses): void => {
      const requestCount = minute - 3 < 8 ? 6_000 : 66_000;
      if (minute >= 3)
        witnesses.hear(key, { fromMs: startMs + (minute - 3) * msPerMinute, lengthMs: msPerMinute, requestCount });
    };
    expect(play(trouble, { seconds: 300, count }).now?.disputedSenders).toEqual([]);
  });
});

describe('spans and CloudWatch', () => {
  /** Twelve minutes of a hundred calls a second by spans; each is counted three minutes later. */
  const differ = (counted: (minute: number) => number, spans: Partial<WindowDelta> = {}) => {
    const witnesses = createWitnesses();
    let standing: readonly Finding[] = [];
    for (let second = 1; second <= 15 * 60; second++) {
      const nowMs = startMs + second * msPerSecond;
      const minute = Math.floor(second / 60) - 4;
      if (second % 60 === 0 && minute >= 0)
        witnesses.hear(key, {
          fromMs: startMs + minute * msPerMinute,
          lengthMs: msPerMinute,
          requestCount: counted(minute),
        });
      const deltas = [{ ...deltaOf(key, nowMs - msPerSecond, { spanCount: 100 }), ...spans }];
      standing = witnesses.look(nowMs, deltas, []);
    }
    return standing;
  };

  it.each<[string, (minute: number) => number, Partial<WindowDelta>, boolean]>([
    ['as many', () => 6_000, {}, false],
    ['9 % more', () => 5_505, {}, false],
    ['9 % less', () => 6_593, {}, false],
    ['20 % more', () => 5_000, {}, true],
    ['20 % less', () => 7_500, {}, true],
    ['ten times as many', () => 600, {}, true],
    ['20 % less, in one minute of the twelve', (minute) => (minute === 9 ? 7_500 : 6_000), {}, false],
    ['20 % less, in the last four minutes', (minute) => (minute >= 8 ? 7_500 : 6_000), {}, false],
    ['20 % less until four minutes ago', (minute) => (minute >= 8 ? 6_000 : 7_500), {}, true],
    ['a tenth, by a sender of unknown sampling', () => 60_000, { requestCount: undefined as never }, false],
    ['a tenth, sampled and brought back', () => 60_000, { requestCount: 1_000 }, false],
  ])('spans tell of %s', (_, counted, spans, isFound) => {
    const found = differ(counted, spans).map(({ detector, weight }) => `${detector} ${weight}`);
    expect(found).toEqual(isFound ? ['counts-differ notice'] : []);
  });
});

it('keys that one sender makes up leave room for the others, and are forgotten after an hour', () => {
  const viewsMax = 20;
  const book = createWitnessBook(undefined, viewsMax);
  const made = (name: string, sender: string, nowMs: number): WindowDelta => ({
    ...deltaOf(`service:${name}`, nowMs - msPerSecond, { spanCount: 1 }),
    sender,
  });
  const nobody: ReadonlySet<string> = new Set();
  const flood = Array.from({ length: 100 }, (_, index) => made(`made-up-${index}`, 'hostile', startMs));
  book.observe(startMs, [...flood, made('orders', 'lambda', startMs), made('orders', 'hostile', startMs)], nobody);
  expect(book.viewsOf('service:orders', startMs).map(({ sender }) => sender)).toEqual(['lambda']);
  const laterMs = startMs + 62 * msPerMinute;
  book.observe(laterMs, [], nobody);
  book.observe(laterMs, [made('orders', 'hostile', laterMs)], nobody);
  expect(book.viewsOf('service:orders', laterMs).map(({ sender }) => sender)).toEqual(['hostile']);
});

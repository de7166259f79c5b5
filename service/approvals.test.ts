import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import {
  advanceApprovals,
  answerApproval,
  approvalFor,
  prewarmTimes,
  remedyTimes,
  type Approvals,
  type ApprovalWish,
} from './approvals.ts';

const startsAtMs = Date.UTC(2026, 10, 6, 13, 30);
const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const event = (over: Partial<ApprovalWish> = {}): ApprovalWish => ({
  subject: { kind: 'prewarm', eventId: 'nfp', calendarVersion: 'v1' },
  functions: [key],
  wanted: { concurrencyMax: 100, usdMax: 4 },
  times: prewarmTimes(startsAtMs),
  because: 'non-farm payrolls',
  ...over,
});
const remedy = (evidenceSha256 = 'e1', atMs = startsAtMs): ApprovalWish => ({
  subject: { kind: 'remedy', incidentId: 'orders@1', target: `weigh-alias ${key}`, evidenceSha256 },
  functions: [key],
  wanted: { concurrencyMax: 0, usdMax: 0 },
  times: remedyTimes(atMs, 15 * msPerMinute),
  because: 'half of its calls fail',
});

/** Runs the state over instants, and tells what was said at which. */
function run(wishAt: (nowMs: EpochMs) => readonly ApprovalWish[], instants: readonly EpochMs[], from: Approvals = {}) {
  let approvals = from;
  const said: string[] = [];
  for (const nowMs of instants) {
    const all = wishAt(nowMs);
    const of = (kind: string) => all.filter(({ subject }) => subject.kind === kind);
    const step = advanceApprovals(approvals, { nowMs, wishes: { prewarm: of('prewarm'), remedy: of('remedy') } });
    approvals = step.approvals;
    said.push(...step.news.map(({ kind }) => `${kind} ${(nowMs - startsAtMs) / msPerMinute}`));
  }
  return { approvals, said };
}

const minutesOf = (from: number, until: number): EpochMs[] =>
  Array.from({ length: until - from + 1 }, (_, index) => startsAtMs + (from + index) * msPerMinute);

const granted = (approvals: Approvals, isGranted = true, atMs = startsAtMs - msPerHour) =>
  answerApproval(approvals, { id: Object.keys(approvals)[0]!, isGranted, by: 'operator:ada', because: 'fine', atMs });

describe('the approval of a pre-warm', () => {
  it('is asked at T-18 h, reminded at T-2 h, told aloud at T-30 min, and over by itself', () => {
    const { said, approvals } = run(() => [event()], minutesOf(-20 * 60, 7 * 60));
    expect(said).toEqual(['asked -1080', 'reminded -120', 'paged -30', 'expired 390']);
    // Nobody answered: it is not asked again.
    expect(Object.values(approvals).map(({ state }) => state)).toEqual(['expired']);
  });

  it('that becomes due late is asked at once, and told aloud where it is high time', () => {
    expect(run(() => [event()], minutesOf(-60, -31)).said).toEqual(['asked -60']);
    expect(run(() => [event()], minutesOf(-20, 0)).said).toEqual(['asked -20', 'paged -19']);
  });

  it('is said no more once it is answered, and a yes that was given can be taken back', () => {
    const { approvals } = run(() => [event()], minutesOf(-200, -180));
    const yes = granted(approvals);
    expect(run(() => [event()], minutesOf(-180, 389), yes.approvals).said).toEqual([]);
    expect(granted(yes.approvals).news).toEqual([]);
    expect(granted(yes.approvals, false).news.map(({ kind }) => kind)).toEqual(['denied']);
    expect(granted(approvals, true, startsAtMs + 6.5 * msPerHour).news).toEqual([]);
  });

  it.each([
    ['a forecast inside the bounds', { wanted: { concurrencyMax: 125, usdMax: 5 } }, []],
    ['more environments than that', { wanted: { concurrencyMax: 126, usdMax: 5 } }, ['outgrown -60', 'asked -60']],
    ['more dollars than that', { wanted: { concurrencyMax: 1, usdMax: 5.01 } }, ['outgrown -60', 'asked -60']],
    [
      'an event that the calendar has moved',
      { subject: { kind: 'prewarm', eventId: 'nfp', calendarVersion: 'v2' } },
      ['outgrown -60', 'asked -60'],
    ],
    ['another event', { subject: { kind: 'prewarm', eventId: 'cpi', calendarVersion: 'v1' } }, ['asked -60']],
  ] as const)('binds: to %s it says', (_name, over, expected) => {
    const { approvals } = granted(run(() => [event()], minutesOf(-200, -180)).approvals);
    expect(run(() => [event(over)], minutesOf(-60, -60), approvals).said).toEqual(expected);
  });

  it('does not ask for more after a no', () => {
    const { approvals } = granted(run(() => [event()], minutesOf(-200, -180)).approvals, false);
    const more = event({ wanted: { concurrencyMax: 999, usdMax: 99 } });
    expect(run(() => [more], minutesOf(-60, -20), approvals).said).toEqual([]);
    expect(approvalFor(approvals, more, startsAtMs - msPerHour)?.state).toBe('denied');
  });

  it('is withdrawn with its event, and stays where nobody knows the plan', () => {
    const { approvals } = run(() => [event()], minutesOf(-200, -180));
    expect(run(() => [], minutesOf(-100, -100), approvals).said).toEqual(['withdrawn -100']);
    expect(advanceApprovals(approvals, { nowMs: startsAtMs - 100 * msPerMinute, wishes: {} }).approvals).toEqual(
      expect.objectContaining({
        [Object.keys(approvals)[0]!]: expect.objectContaining({ state: 'reminded' }) as unknown,
      }),
    );
  });
});

describe('the approval of a remedy', () => {
  it('is bound to the evidence, and asked once', () => {
    const first = run(() => [remedy()], minutesOf(0, 40));
    expect(first.said).toEqual(['asked 0', 'reminded 8', 'expired 15']);
    const { approvals } = run(() => [remedy()], minutesOf(0, 1));
    const yes = granted(approvals, true, startsAtMs + msPerMinute).approvals;
    expect(approvalFor(yes, remedy(), startsAtMs + msPerMinute)?.state).toBe('granted');
    expect(approvalFor(yes, remedy('e2'), startsAtMs + msPerMinute)).toBeUndefined();
    expect(approvalFor(yes, remedy(), startsAtMs + 15 * msPerMinute)).toBeUndefined();
    expect(run(() => [remedy('e2')], minutesOf(2, 2), yes).said).toEqual(['outgrown 2', 'asked 2']);
  });
});

it('a yes never covers more than was asked about, whatever is wished in which order', () => {
  const wish = fc.record({ concurrencyMax: fc.nat(300), usdMax: fc.double({ min: 0, max: 20, noNaN: true }) });
  fc.assert(
    fc.property(fc.array(fc.tuple(wish, fc.boolean()), { minLength: 1, maxLength: 12 }), (turns) => {
      let approvals: Approvals = {};
      let nowMs = startsAtMs - 10 * msPerHour;
      for (const [wanted, isAnswered] of turns) {
        nowMs += msPerMinute;
        const step = advanceApprovals(approvals, { nowMs, wishes: { prewarm: [event({ wanted })] } });
        approvals = step.approvals;
        expect(Object.keys(approvals)).toHaveLength(1);
        const own = approvalFor(approvals, event({ wanted }), nowMs);
        expect(own).toBeDefined();
        expect(own!.bounds.concurrencyMax).toBeGreaterThanOrEqual(wanted.concurrencyMax);
        if (step.news.some(({ kind }) => kind === 'asked')) expect(own!.state).toBe('asked');
        if (isAnswered) approvals = granted(approvals, true, nowMs).approvals;
      }
    }),
  );
});

/**
 * Yes and no from people, asked in time: for the pre-warm of an event, and for remedies.
 *
 * Mental model: each tick the engine states its wishes; what is wished and has no answer is asked, once, and asked again only where more is wanted than was asked about. A
 * yes is bound: to the event as the calendar had it, or to the incident and the evidence that were shown; to the most concurrency and the most dollars; and to a time. As
 * long as a wish stays inside, a new forecast changes nothing. State is plain JSON, sealed with the tick that changed it: (state, moment) → state and what to say.
 *
 * - Approvals that never expire, or that outlive what they were given for, are the gap of the tools before (StackStorm's inquiries keep no time unless told to).
 */
import { createHash } from 'node:crypto';
import type { Incident } from '../core/incident.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';

/** What a yes is for: outside of it, it is none. */
export type ApprovalSubject =
  | {
      readonly kind: 'prewarm';
      readonly eventId: string;
      /** What the calendar says of the event (`versionOfEvent`): edits of other events leave a yes as it is. */
      readonly calendarVersion: string;
    }
  | {
      readonly kind: 'remedy';
      readonly incidentId: string;
      /** As the gate's ledger names it: kind and place. */
      readonly target: string;
      /** What speaks for it (`evidenceOf`). */
      readonly evidenceSha256: string;
    };

export interface ApprovalBounds {
  /** Of all its functions together. */
  readonly concurrencyMax: number;
  readonly usdMax: number;
}

/** When it is asked, said again, told aloud, and over. */
export interface ApprovalTimes {
  readonly askAtMs: EpochMs;
  readonly remindAtMs: EpochMs;
  /** Absent: nobody is paged for it; the incident itself pages. */
  readonly pageAtMs?: EpochMs;
  readonly expiresAtMs: EpochMs;
}

/** What the engine wants to do and may not without a yes. */
export interface ApprovalWish {
  readonly subject: ApprovalSubject;
  readonly functions: readonly FunctionKey[];
  /** As it is planned now. */
  readonly wanted: ApprovalBounds;
  readonly times: ApprovalTimes;
  /** One sentence for people. */
  readonly because: string;
}

/** `expired`: nobody answered in time; kept while it is wished, so that the same is not asked again. */
export type ApprovalState = 'asked' | 'reminded' | 'paged' | 'granted' | 'denied' | 'expired';

export interface Approval {
  readonly id: string;
  readonly subject: ApprovalSubject;
  readonly functions: readonly FunctionKey[];
  readonly bounds: ApprovalBounds;
  readonly times: ApprovalTimes;
  readonly because: string;
  readonly state: ApprovalState;
  readonly askedAtMs: EpochMs;
  readonly answer?: { readonly by: string; readonly because: string; readonly atMs: EpochMs };
}

/** By id. */
export type Approvals = Readonly<Record<string, Approval>>;

/** A person's answer, as it came in. */
export interface ApprovalAnswer {
  readonly id: string;
  readonly isGranted: boolean;
  readonly by: string;
  readonly because: string;
  readonly atMs: EpochMs;
}

/**
 * What became of one, to be written down and told. `outgrown`: more is wanted, or on other evidence, than it was asked about; another is asked in its place. `withdrawn`: nobody
 * wishes it any more.
 */
export type ApprovalNewsKind = ApprovalState | 'outgrown' | 'withdrawn';

export interface ApprovalNews {
  readonly kind: ApprovalNewsKind;
  readonly approval: Approval;
}

export interface ApprovalStep {
  /** The same object where nothing changed. */
  readonly approvals: Approvals;
  readonly news: readonly ApprovalNews[];
}

/**
 * What is asked about beyond what is planned now: forecasts of the same event differ by about a tenth from day to day, and who said yes to 100 is not asked again about 103.
 */
const headroomRatio = 1.25;

/** A plan of a thousand functions has some dozens of events with a yes to ask for; beyond this a fault is asking. */
const openCountMax = 500;

/** Pre-warms: the evening before, in time to look; then before work; then aloud. */
export const prewarmAskAheadMs = 18 * msPerHour;
export const prewarmRemindAheadMs = 2 * msPerHour;
export const prewarmPageAheadMs = 30 * msPerMinute;

/** No window of an event is raised later than the session that it fell into is long. */
const prewarmValidMs = 6.5 * msPerHour;

export function prewarmTimes(startsAtMs: EpochMs): ApprovalTimes {
  return {
    askAtMs: startsAtMs - prewarmAskAheadMs,
    remindAtMs: startsAtMs - prewarmRemindAheadMs,
    pageAtMs: startsAtMs - prewarmPageAheadMs,
    expiresAtMs: startsAtMs + prewarmValidMs,
  };
}

/** A remedy is wanted now; whoever has not answered at half of the time is reminded. */
export function remedyTimes(nowMs: EpochMs, lengthMs: number): ApprovalTimes {
  return { askAtMs: nowMs, remindAtMs: nowMs + lengthMs / 2, expiresAtMs: nowMs + lengthMs };
}

/** What an approval of its pre-warm rests on. */
export function versionOfEvent({ id, kind, startsAtMs, importance, symbols, status }: MarketEvent): string {
  return sha256(JSON.stringify([id, kind, startsAtMs, importance, symbols, status]));
}

/** What speaks for a remedy, without the numbers that differ each second: where it begins, how sure that is, and who found what. */
export function evidenceOf({ id, origin, verdict, severity, findings }: Incident): string {
  const found = [...new Set(findings.map(({ detector, key }) => `${detector} ${key}`))].sort();
  return sha256(JSON.stringify([id, origin, verdict, severity, found]));
}

/** All wishes of a kind; a kind that is left out is not known at the moment, and nothing of it is withdrawn. */
export type ApprovalWishes = Readonly<Partial<Record<ApprovalSubject['kind'], readonly ApprovalWish[]>>>;

/** Asks for what is wished, reminds, and lets go of what is over or no longer wished. */
export function advanceApprovals(
  before: Approvals,
  { nowMs, wishes }: { readonly nowMs: EpochMs; readonly wishes: ApprovalWishes },
): ApprovalStep {
  const all = [...(wishes.prewarm ?? []), ...(wishes.remedy ?? [])];
  let approvals = before;
  const news: ApprovalNews[] = [];
  for (const approval of Object.values(before)) {
    const isKnown = wishes[approval.subject.kind] !== undefined;
    const isWished = !isKnown || all.some(({ subject }) => isAboutSame(subject, approval.subject));
    const next = ageOf(approval, { nowMs, isWished });
    if (next.approval !== approval) approvals = replace(approvals, approval.id, next.approval);
    if (next.kind !== undefined) news.push({ kind: next.kind, approval: next.approval ?? approval });
  }
  for (const wish of all) {
    if (wish.times.askAtMs > nowMs || wish.times.expiresAtMs <= nowMs) continue;
    const known = Object.values(approvals).filter((approval) => isAboutSame(approval.subject, wish.subject));
    if (known.some((approval) => covers(approval, wish))) continue;
    for (const approval of known) {
      approvals = replace(approvals, approval.id, undefined);
      news.push({ kind: 'outgrown', approval });
    }
    if (Object.keys(approvals).length >= openCountMax) continue;
    const approval = approvalOf(wish, nowMs);
    approvals = replace(approvals, approval.id, approval);
    news.push({ kind: 'asked', approval });
  }
  return { approvals, news };
}

interface Aged {
  /** Undefined: it is gone. */
  readonly approval: Approval | undefined;
  readonly kind?: ApprovalNewsKind;
}

/** One step of time for one of them. */
function ageOf(approval: Approval, { nowMs, isWished }: { readonly nowMs: EpochMs; readonly isWished: boolean }): Aged {
  const { state, times, askedAtMs } = approval;
  const isOpen = state === 'asked' || state === 'reminded' || state === 'paged';
  if (isOpen && !isWished) return { approval: undefined, kind: 'withdrawn' };
  if (nowMs >= times.expiresAtMs) {
    if (isOpen) return move(approval, 'expired');
    // A yes is over; a no, and no answer, stay what they are for as long as the same is wished.
    return { approval: state === 'granted' || !isWished ? undefined : approval };
  }
  if (!isOpen || state === 'paged') return { approval };
  if (times.pageAtMs !== undefined && nowMs >= times.pageAtMs) return move(approval, 'paged');
  const isReminded = state === 'asked' && nowMs >= times.remindAtMs && askedAtMs < times.remindAtMs;
  return isReminded ? move(approval, 'reminded') : { approval };
}

function move(approval: Approval, state: ApprovalState): Aged {
  return { approval: { ...approval, state }, kind: state };
}

/** A later answer to the same goes over an earlier one until it expires: a yes can be taken back. */
export function answerApproval(approvals: Approvals, answer: ApprovalAnswer): ApprovalStep {
  const asked = approvals[answer.id];
  const state = answer.isGranted ? 'granted' : 'denied';
  if (!asked || asked.times.expiresAtMs <= answer.atMs || asked.state === state) return { approvals, news: [] };
  const { by, because, atMs } = answer;
  const approval: Approval = { ...asked, state, answer: { by, because, atMs } };
  return { approvals: replace(approvals, approval.id, approval), news: [{ kind: state, approval }] };
}

/** What stands for a subject now. Undefined: it was never asked, or for less than is wanted. */
export function approvalFor(
  approvals: Approvals,
  wish: Pick<ApprovalWish, 'subject' | 'wanted'>,
  nowMs: EpochMs,
): Approval | undefined {
  const isOver = ({ state, times }: Approval): boolean => state === 'granted' && times.expiresAtMs <= nowMs;
  return Object.values(approvals).find((approval) => !isOver(approval) && covers(approval, wish));
}

/** Of one event, or of one target in one incident, however it is bound: another answer to it takes the place of the first. */
function isAboutSame(one: ApprovalSubject, other: ApprovalSubject): boolean {
  if (one.kind === 'prewarm') return other.kind === 'prewarm' && one.eventId === other.eventId;
  return other.kind === 'remedy' && one.incidentId === other.incidentId && one.target === other.target;
}

/** A no covers any amount: more of it is not asked after a no. */
function covers(
  { bounds, state, ...approval }: Approval,
  { subject, wanted }: Pick<ApprovalWish, 'subject' | 'wanted'>,
) {
  const isWithin = wanted.concurrencyMax <= bounds.concurrencyMax && wanted.usdMax <= bounds.usdMax;
  return keyOf(subject) === keyOf(approval.subject) && (state === 'denied' || isWithin);
}

function approvalOf({ subject, functions, wanted, times, because }: ApprovalWish, nowMs: EpochMs): Approval {
  const bounds = {
    concurrencyMax: Math.ceil(wanted.concurrencyMax * headroomRatio),
    // Whole cents, upwards: people read them.
    usdMax: Math.ceil(wanted.usdMax * headroomRatio * 100) / 100,
  };
  const id = sha256(JSON.stringify([keyOf(subject), bounds, nowMs])).slice(0, 32);
  return { id, subject, functions, bounds, times, because, state: 'asked', askedAtMs: nowMs };
}

function keyOf(subject: ApprovalSubject): string {
  return subject.kind === 'prewarm'
    ? `prewarm ${subject.eventId} ${subject.calendarVersion}`
    : `remedy ${subject.incidentId} ${subject.target} ${subject.evidenceSha256}`;
}

function replace(approvals: Approvals, id: string, approval: Approval | undefined): Approvals {
  const { [id]: _before, ...others } = approvals;
  return approval ? { ...others, [id]: approval } : others;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

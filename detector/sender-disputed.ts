/**
 * A sender whose word on a function is not borne out: it speaks of far more calls than it used to, nearly all of them bad, while those who look at the same calls
 * from elsewhere see nothing of it. Its token may be stolen, its exporter may be wild, or it tells of callers that nobody else sees: who is right cannot
 * be seen from spans alone, so it is a notice, and what it says needs another observer before anything is done about it.
 *
 * Both are needed. A sender alone with its errors may be right (who calls without waiting sees none of them), and a sender alone with its volume may be the only one
 * who sees a new caller. Where AWS has counted since, its count decides.
 */
import type { Finding } from '../core/finding.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowKey } from '../core/window.ts';
import { percent, round } from './tell.ts';
import type { Counted, SpanCount, WitnessBook, WitnessView } from './witness-book.ts';

const detector = 'sender-disputed';
/** So many times what is usual for it is no ordinary surge; of those who are believed, a quarter of that is still ordinary. */
const volumeTimesMin = 3;
const steadyTimesMax = 2;
/** Worth a word: what it says must be much, and what the others do not see must be much less. */
const claimRatioMin = 0.05;
const deniedTimes = 5;
/** Faded spans: those of about one second at ten a second. */
const spanCountMin = 10;
/** The others have to be known for that long. */
const usualMinutesMin = 5;
/** By AWS's count: so much more than it counted. */
const countedTimesMin = 2;

export interface Dispute {
  readonly key: WindowKey;
  readonly sender: string;
  readonly because: string;
  readonly numbers: Readonly<Record<string, number | string>>;
}

/** Who is doubted about a function now; it is asked of those that anything is wrong with. Empty where nobody is. */
export function disputesOf(key: string, book: WitnessBook, nowMs: EpochMs): readonly Dispute[] {
  const views = book.viewsOf(key, nowMs);
  const counted = latestCount(book, key, nowMs);
  const found = new Map<string, Dispute>();
  for (const claim of views) {
    if (!isLoud(claim, views)) continue;
    if (counted && isBorneOut(counted, claim)) continue;
    const against = views.filter((view) => view !== claim && denies(view, claim));
    if (against.length === 0) continue;
    const others = [...new Set(against.map(nameOf))].join(', ');
    found.set(claim.sender, {
      key: claim.key,
      sender: claim.sender,
      because: `${claim.sender} tells of ${tellRate(claim)}, ${percent(claim.seen.errorRatio)} of them failed, where ${tellUsual(claim)}; ${others} see ${percent(worstOf(against))} fail, at their usual rate`,
      numbers: {
        sender: claim.sender,
        requestsPerSecond: round(claim.seen.requestsPerSecond),
        errorRatio: round(claim.seen.errorRatio),
        deniedBy: others,
      },
    });
  }
  for (const dispute of overcounted(key, counted)) if (!found.has(dispute.sender)) found.set(dispute.sender, dispute);
  return [...found.values()];
}

/** Much more than usual for it, and bad. One who was never heard of this function is loud where he is most of what is heard of it. */
function isLoud(claim: WitnessView, views: readonly WitnessView[]): boolean {
  const { seen, usual } = claim;
  if (seen.errorCount < spanCountMin || seen.errorRatio < claimRatioMin) return false;
  if (usual && usual.minuteCount >= usualMinutesMin)
    return seen.requestsPerSecond > volumeTimesMin * Math.max(usual.requestsPerSecond, 1);
  const peers = views.filter(({ kind, sender }) => kind === claim.kind && sender !== claim.sender);
  const known = peers.filter((peer) => (peer.usual?.minuteCount ?? 0) >= usualMinutesMin);
  const total = peers.reduce((sum, peer) => sum + peer.seen.requestsPerSecond, 0);
  return known.length > 0 && seen.requestsPerSecond > total;
}

/** Looks at the same calls as it always did, and sees much less of them fail. */
function denies({ seen, usual }: WitnessView, claim: WitnessView): boolean {
  if (!usual || usual.minuteCount < usualMinutesMin || seen.spanCount < spanCountMin) return false;
  if (seen.requestsPerSecond > steadyTimesMax * Math.max(usual.requestsPerSecond, 1)) return false;
  return seen.errorRatio * deniedTimes < claim.seen.errorRatio;
}

interface LatestCount {
  readonly counted: Counted;
  readonly spans: readonly SpanCount[];
}

/** AWS's newest count beside the same time by spans, if it is of the last ten minutes. */
function latestCount(book: WitnessBook, key: string, nowMs: EpochMs): LatestCount | undefined {
  const counted = book.countedOf(key).at(-1);
  if (!counted || nowMs - counted.fromMs > 10 * msPerMinute || counted.isSaturated === true) return undefined;
  const spans = book.spansIn(key, counted.fromMs, counted.lengthMs);
  return spans?.every(({ isRateKnown }) => isRateKnown) === true ? { counted, spans } : undefined;
}

/** Half of what it tells, or more, was counted: so they come. */
function isBorneOut({ counted }: LatestCount, { seen }: WitnessView): boolean {
  return perSecondOf(counted) * countedTimesMin >= seen.requestsPerSecond;
}

function perSecondOf({ requestCount, lengthMs }: Counted): number {
  return (requestCount * msPerSecond) / lengthMs;
}

/** Spans tell of more than twice what AWS counted: the sender without whom the rest comes nearest to it. */
function overcounted(key: string, latest: LatestCount | undefined): readonly Dispute[] {
  if (!latest || totalOf(latest.spans) < countedTimesMin * Math.max(latest.counted.requestCount, spanCountMin))
    return [];
  const { counted, spans } = latest;
  const total = totalOf(spans);
  const offWithout = (one: SpanCount): number => Math.abs(total - one.requestCount - counted.requestCount);
  const [worst] = [...spans].sort((a, b) => offWithout(a) - offWithout(b) || b.requestCount - a.requestCount);
  if (!worst) return [];
  const perSecond = (count: number): number => round((count * msPerSecond) / counted.lengthMs);
  return [
    {
      key: key as WindowKey,
      sender: worst.sender,
      because: `${worst.sender} tells of ${perSecond(worst.requestCount)} calls a second, of ${perSecond(total)} by all senders; CloudWatch counted ${perSecond(counted.requestCount)}`,
      numbers: {
        sender: worst.sender,
        requestsPerSecond: perSecond(worst.requestCount),
        countedPerSecond: perSecond(counted.requestCount),
        deniedBy: 'cloudwatch',
      },
    },
  ];
}

function totalOf(spans: readonly SpanCount[]): number {
  return spans.reduce((sum, { requestCount }) => sum + requestCount, 0);
}

function nameOf({ kind, sender }: WitnessView): string {
  return kind === 'caller' ? `callers by ${sender}` : `${sender} itself`;
}

function tellRate({ seen, kind }: WitnessView): string {
  return `${round(seen.requestsPerSecond)} ${kind === 'caller' ? 'calls of it' : 'calls'} a second`;
}

function tellUsual({ usual }: WitnessView): string {
  return usual ? `${round(usual.requestsPerSecond)} are usual` : 'it was not heard of before';
}

function worstOf(views: readonly WitnessView[]): number {
  return Math.max(...views.map(({ seen }) => seen.errorRatio));
}

export function disputeFinding(dispute: Dispute, sinceMs: EpochMs, nowMs: EpochMs): Finding {
  return {
    ...{ detector, key: dispute.key, startsAtMs: sinceMs, atMs: nowMs, score: 1, weight: 'notice', harmedRatio: 0 },
    ...{ because: dispute.because, evidence: dispute.numbers, traceIds: [] },
  };
}

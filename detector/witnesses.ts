/**
 * Whom to believe: what senders say of each other's functions, held against what AWS counts. Notices come of it, and the answer to who confirms a trouble.
 *
 * It looks only where something is wrong: a dispute is asked for about functions that a finding stands about.
 */
import type { Corroboration, Observer } from '../core/corroboration.ts';
import type { Finding } from '../core/finding.ts';
import type { Json } from '../core/json.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { corroborationOf, type Claim } from './corroboration.ts';
import { createCountsDiffer } from './counts-differ.ts';
import { disputeFinding, disputesOf, type Dispute } from './sender-disputed.ts';
import { createWitnessBook, subjectOf, type Counted } from './witness-book.ts';

/** Batches of one sender come some seconds after those of another: until then a beginning fault looks like a dispute. */
const settlesMs = 6 * msPerSecond;
const endsAfterMs = 30 * msPerSecond;

export interface Witnesses {
  /** Once a second, after the detectors: what arrived, and what they find. Answers notices (`sender-disputed`, `counts-differ`). */
  look(nowMs: EpochMs, deltas: readonly WindowDelta[], findings: readonly Finding[]): readonly Finding[];
  /** AWS's count of a time that is final. */
  hear(key: WindowKey, counted: Counted): void;
  corroborationOf(claim: Claim, nowMs: EpochMs, elsewhere?: readonly Observer[]): Corroboration;
  /** Whether a sender's word on a function is doubted, now or within the last half minute: sooner than it is told. */
  isDisputed(key: string, sender: string): boolean;
  /** Nobody was there until then. */
  passOver(untilMs: EpochMs): void;
  snapshot(): Json;
}

interface Doubt {
  readonly dispute: Dispute;
  readonly sinceMs: EpochMs;
  readonly lastAtMs: EpochMs;
}

interface Kept {
  readonly book: Json;
  readonly differ: Json;
  readonly doubts: readonly (readonly [string, Doubt])[];
}

export function createWitnesses(snapshot?: Json): Witnesses {
  const kept = snapshot as unknown as Kept | undefined;
  const book = createWitnessBook(kept?.book);
  const differ = createCountsDiffer(kept?.differ);
  const doubts = new Map<string, Doubt>(kept?.doubts);

  const doubt = (troubled: ReadonlySet<string>, nowMs: EpochMs): readonly Finding[] => {
    for (const key of troubled)
      for (const dispute of disputesOf(key, book, nowMs)) {
        const name = nameOf(dispute.sender, key);
        doubts.set(name, { dispute, sinceMs: doubts.get(name)?.sinceMs ?? nowMs, lastAtMs: nowMs });
      }
    const findings: Finding[] = [];
    for (const [name, { dispute, sinceMs, lastAtMs }] of doubts) {
      if (nowMs - lastAtMs > endsAfterMs) doubts.delete(name);
      else if (lastAtMs - sinceMs >= settlesMs) findings.push(disputeFinding(dispute, sinceMs, nowMs));
    }
    return findings;
  };

  return {
    look(nowMs, deltas, findings) {
      const troubled = new Set(findings.map(({ key }) => subjectOf(key)));
      book.observe(nowMs, deltas, troubled);
      return [...doubt(troubled, nowMs), ...differ.findings(nowMs)];
    },
    hear(key, counted) {
      book.hear(key, counted);
      differ.hear(key, counted, book);
    },
    isDisputed: (key, sender) => doubts.has(nameOf(sender, key)),
    corroborationOf: (claim, nowMs, elsewhere) => corroborationOf(claim, book, nowMs, elsewhere),
    passOver: (untilMs) => book.passOver(untilMs),
    snapshot: () => ({ book: book.snapshot(), differ: differ.snapshot(), doubts: [...doubts] }) as unknown as Json,
  };
}

function nameOf(sender: string, key: string): string {
  return `${sender} ${key}`;
}

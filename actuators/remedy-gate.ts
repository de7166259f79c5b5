/**
 * The door out for remedies: asks of each, in order, the questions that may stop it.
 *
 * Mental model: the same row of stages as of capacity (gate.ts), each a small pure function that lets the remedy on or answers with its reason; the first answer is
 * the verdict. Nothing here acts, counts or remembers: what was done lately is handed in (remedy-gate-ledger.ts), and the engine writes the verdict down.
 *
 * Three rules run through it. What gives back is never stopped: neither brake nor hold nor budget may keep a limit, a pause or an open breaker standing. What
 * stands and is only said again (`renewal`) is asked who may act at all, and not whether there has been too much of it. And a stricter limit never lets more
 * through.
 */
import type { Corroboration } from '../core/corroboration.ts';
import type { Mode } from '../core/function-spec.ts';
import type { IncidentState } from '../core/incident.ts';
import type { Remedy } from '../core/remedy.ts';
import type { EpochMs } from '../core/time.ts';
import type { RemedyTally } from './remedy-gate-ledger.ts';

export type RemedyStageName =
  | 'brake'
  | 'mode'
  | 'held'
  | 'maintenance'
  | 'never-break'
  | 'still-true'
  | 'corroboration'
  | 'cooldown'
  | 'actions'
  | 'budget'
  | 'share'
  | 'approval';

/**
 * - `refuse`: no, and asking again is pointless while the facts stand.
 * - `wait`: not now; the same question may have another answer later (from `untilMs` on, where that is known).
 * - `ask`: a human must say yes first; everything else would let it through.
 */
export type RemedyStop =
  | { readonly kind: 'refuse' | 'ask'; readonly reason: string }
  | { readonly kind: 'wait'; readonly reason: string; readonly untilMs?: EpochMs };

export type RemedyVerdict = { readonly kind: 'pass' } | (RemedyStop & { readonly stage: RemedyStageName });

/**
 * `new`: a standing that is not there yet. `renewal`: one of ours that goes on as it is, said again before it expires. `take-back`: the world goes back towards how it was
 * before a remedy of ours: a compensation, an end before its time, a breaker that admits more. To lift what another hand has set is no take-back.
 */
export type RemedyPurpose = 'new' | 'renewal' | 'take-back';

/** The word of an operator. `asked`: it was their own idea. `approved`: we asked, about this and on this evidence. */
export interface HumanWord {
  readonly by: string;
  readonly how: 'asked' | 'approved';
}

/** Why it is proposed, as it stands now. */
export interface Trouble {
  readonly incidentId: string;
  readonly state: IncidentState;
  /** The last second in which live windows showed it. */
  readonly seenAtMs: EpochMs;
}

export interface RemedyLimits {
  /** Over all functions; what gives back and what is said again is not counted. */
  readonly actionsPerHourMax: number;
  /** Of what remedies promise to pay, over all functions. */
  readonly usdPerHourMax: number;
  /** Share of the functions watched that remedies may touch at one time, 0…1; one function always may be. */
  readonly fleetShareMax: number;
  /** From a remedy to the next of its kind at the same target in another run. */
  readonly cooldownMs: number;
}

export interface RemedyContext {
  readonly nowMs: EpochMs;
  readonly purpose: RemedyPurpose;
  /** Absent: the brake is off. */
  readonly brake?: { readonly by: string; readonly because: string } | undefined;
  /** The strictest of the functions that it touches, for its kind. */
  readonly mode: Mode;
  readonly operatorHold?: { readonly because: string; readonly untilMs?: EpochMs } | undefined;
  /** Announced work on anything that it touches. */
  readonly maintenance?: { readonly id: string; readonly untilMs: EpochMs } | undefined;
  /** Functions whose calls change: the one it names; of a breaker its callee and its callers. */
  readonly touches: readonly string[];
  /** Of these, the ones marked `neverBreak`. */
  readonly neverBreak: readonly string[];
  /** Absent: nothing is wrong, and a human wants it all the same. */
  readonly trouble?: Trouble | undefined;
  readonly corroboration: Corroboration;
  readonly human?: HumanWord | undefined;
  readonly limits: RemedyLimits;
  /** What was done in the last hour and what stands now, what passed earlier in this tick included. */
  readonly tally: RemedyTally;
  /** How many functions are watched. */
  readonly functionCount: number;
  /** What it promises to pay until it ends. */
  readonly usd: number;
  /** The configuration wants a human's yes to this kind at what it touches. */
  readonly isApprovalWanted: boolean;
  /** What a human answered when asked; absent: nobody has answered yet. */
  readonly denied?: { readonly by: string; readonly because: string } | undefined;
}

export interface RemedyStage {
  readonly name: RemedyStageName;
  judge(remedy: Remedy, context: RemedyContext): RemedyStop | undefined;
}

export interface RemedyGate {
  readonly stageNames: readonly RemedyStageName[];
  judge(remedy: Remedy, context: RemedyContext): RemedyVerdict;
  /** What every stage would say: for a dry run. */
  judgeAll(remedy: Remedy, context: RemedyContext): readonly (RemedyStop & { readonly stage: RemedyStageName })[];
}

/** The stages in use are `remedyStages` (remedy-gate-stages.ts). */
export function createRemedyGate(stages: readonly RemedyStage[]): RemedyGate {
  const judgeAll = (remedy: Remedy, context: RemedyContext) =>
    stages.flatMap((stage) => {
      const stop = stage.judge(remedy, context);
      return stop ? [{ ...stop, stage: stage.name }] : [];
    });
  return {
    stageNames: stages.map(({ name }) => name),
    judgeAll,
    judge: (remedy, context) => judgeAll(remedy, context)[0] ?? { kind: 'pass' },
  };
}

/**
 * What people said of acting: approvals, holds, the brake, as a part of what is known of remedies. Plain JSON between two ticks; commands come in as facts, and everything that changes it is written down with the
 * name of who did it. Pure: the engine keeps the state, and seals it with the tick that changed it.
 */
import type { AuditDraft } from '../core/audit.ts';
import type { EpochMs } from '../core/time.ts';
import {
  advanceApprovals,
  answerApproval,
  type ApprovalNews,
  type Approvals,
  type ApprovalWishes,
} from './approvals.ts';
import { advanceBrake, type BrakeLimits, type BrakeMoment, type BrakeScope, type BrakeState } from './brake.ts';
import { endHolds, putHold, releaseHold, type Holds } from './holds.ts';

export interface ActingState {
  readonly approvals: Approvals;
  readonly holds: Holds;
  readonly brake: BrakeState;
}

interface Said {
  readonly by: string;
  readonly because: string;
  readonly atMs: EpochMs;
}

/** What a person said, as a fact. */
export type Command =
  | (Said & { readonly kind: 'answer'; readonly id: string; readonly isGranted: boolean })
  | (Said & { readonly kind: 'brake'; readonly scope?: BrakeScope })
  | (Said & { readonly kind: 'hold'; readonly subject: string; readonly untilMs?: EpochMs })
  | (Said & { readonly kind: 'release'; readonly subject: string });

/** An event for the record, but for when. */
export type ActingNote = Omit<AuditDraft, 'atMs'>;

export interface ActingStep<State extends ActingState = ActingState> {
  /** The same object where nothing changed. */
  readonly state: State;
  readonly notes: readonly ActingNote[];
  readonly news: readonly ApprovalNews[];
}

/** One person's word into the state. */
export function obey<State extends ActingState>(
  state: State,
  command: Command,
  limits: BrakeLimits,
): ActingStep<State> {
  const { by, because, atMs } = command;
  switch (command.kind) {
    case 'answer': {
      const { approvals, news } = answerApproval(state.approvals, command);
      return stepOf(state, { approvals }, { notes: news.map(noteOfNews), news });
    }
    case 'brake': {
      const { scope } = command;
      return moveBrake(state, { kind: 'set', atMs, by, because, ...(scope && { scope }) }, limits);
    }
    case 'hold': {
      const { subject, untilMs } = command;
      const hold = { by, because, sinceMs: atMs, ...(untilMs !== undefined && { untilMs }) };
      const body = { subject, isHeld: true, untilMs: untilMs ?? null, because };
      return stepOf(
        state,
        { holds: putHold(state.holds, subject, hold) },
        { notes: [{ kind: 'hold.changed', actor: by, body }] },
      );
    }
    case 'release': {
      const { subject } = command;
      const holds = releaseHold(state.holds, subject);
      if (holds === state.holds) return stepOf(state, {}, {});
      return stepOf(
        state,
        { holds },
        { notes: [{ kind: 'hold.changed', actor: by, body: { subject, isHeld: false, because } }] },
      );
    }
  }
}

/** A moment of the brake, by a person or by the engine. */
export function moveBrake<State extends ActingState>(
  state: State,
  moment: BrakeMoment,
  limits: BrakeLimits,
): ActingStep<State> {
  const brake = advanceBrake(state.brake, moment, limits);
  if (brake.on === state.brake.on) return stepOf(state, { brake }, {});
  const { by, because } = moment.kind === 'set' ? moment : brake.on!;
  const body = { isOn: brake.on !== undefined, scope: brake.on?.scope ?? null, because };
  return stepOf(state, { brake }, { notes: [{ kind: 'brake.changed', actor: by, body }] });
}

/** What time does: holds end, what is wished is asked, what waits is said again. */
export function passTime<State extends ActingState>(
  state: State,
  moment: { readonly nowMs: EpochMs; readonly wishes: ApprovalWishes },
): ActingStep<State> {
  const { holds, ended } = endHolds(state.holds, moment.nowMs);
  const { approvals, news } = advanceApprovals(state.approvals, moment);
  const overNotes = ended.map((subject): ActingNote => {
    const body = { subject, isHeld: false, because: 'its time is over' };
    return { kind: 'hold.changed', actor: 'engine', body };
  });
  return stepOf(state, { holds, approvals }, { notes: [...overNotes, ...news.map(noteOfNews)], news });
}

const kindsOfNews = {
  asked: 'approval.asked',
  reminded: 'approval.asked',
  paged: 'approval.asked',
  granted: 'approval.answered',
  denied: 'approval.answered',
  expired: 'approval.ended',
  outgrown: 'approval.ended',
  withdrawn: 'approval.ended',
} as const;

const reasonsOfEnd: Readonly<Record<string, string>> = {
  expired: 'nobody answered in time',
  outgrown: 'more is wanted than was asked about, or on other evidence: it is asked anew',
  withdrawn: 'nobody wants it any more',
};

function noteOfNews({ kind, approval }: ApprovalNews): ActingNote {
  const { id, subject, functions, bounds, times, because, answer } = approval;
  const isAnswer = kind === 'granted' || kind === 'denied';
  return {
    kind: kindsOfNews[kind],
    actor: isAnswer ? answer!.by : 'engine',
    body: {
      ...{ approval: id, news: kind, subject: { ...subject }, functions, bounds: { ...bounds } },
      untilMs: times.expiresAtMs,
      wanted: because,
      because: isAnswer ? answer!.because : (reasonsOfEnd[kind] ?? because),
    },
  };
}

function stepOf<State extends ActingState>(
  state: State,
  change: Partial<ActingState>,
  { notes = [], news = [] }: Partial<Omit<ActingStep, 'state'>>,
): ActingStep<State> {
  const isSame = (Object.keys(change) as (keyof ActingState)[]).every((part) => change[part] === state[part]);
  return { state: isSame ? state : { ...state, ...change }, notes, news };
}

/** What people see of approvals, holds and the brake: the shapes of `/api/approvals`, `/api/holds` and `/api/brake`. */
import type { EpochMs } from '../core/time.ts';
import type { ActingState } from './acting.ts';
import type { Approval, ApprovalBounds, ApprovalState } from './approvals.ts';
import type { BrakeScope } from './brake.ts';

export interface ApprovalView {
  readonly id: string;
  readonly kind: Approval['subject']['kind'];
  /** The event, or the remedy and its target. */
  readonly subject: string;
  readonly incidentId: string | null;
  readonly functions: readonly string[];
  readonly bounds: ApprovalBounds;
  readonly state: ApprovalState;
  readonly because: string;
  readonly askedAtMs: EpochMs;
  readonly expiresAtMs: EpochMs;
  readonly answeredBy: string | null;
  readonly answeredBecause: string | null;
}

export interface BrakeView {
  readonly isOn: boolean;
  readonly scope: BrakeScope | null;
  readonly sinceMs: EpochMs | null;
  readonly by: string | null;
  readonly because: string | null;
}

export interface HoldView {
  readonly subject: string;
  readonly by: string;
  readonly because: string;
  readonly sinceMs: EpochMs;
  readonly untilMs: EpochMs | null;
}

export interface ActingView {
  /** Oldest first. */
  readonly approvals: readonly ApprovalView[];
  readonly brake: BrakeView;
  readonly holds: readonly HoldView[];
}

export function viewActing({ approvals, brake, holds }: ActingState): ActingView {
  return {
    approvals: Object.values(approvals)
      .map(viewApproval)
      .sort((one, other) => one.askedAtMs - other.askedAtMs || (one.id < other.id ? -1 : 1)),
    brake: viewBrake(brake),
    holds: Object.entries(holds).map(([subject, { untilMs = null, ...hold }]) => ({ subject, untilMs, ...hold })),
  };
}

export function viewApproval(approval: Approval): ApprovalView {
  const { id, subject, functions, bounds, state, because, askedAtMs, times, answer } = approval;
  return {
    ...{ id, functions, bounds, state, because, askedAtMs },
    kind: subject.kind,
    subject: subject.kind === 'prewarm' ? subject.eventId : subject.target,
    incidentId: subject.kind === 'prewarm' ? null : subject.incidentId,
    expiresAtMs: times.expiresAtMs,
    answeredBy: answer?.by ?? null,
    answeredBecause: answer?.because ?? null,
  };
}

export function viewBrake({ on }: ActingState['brake']): BrakeView {
  return {
    isOn: on !== undefined,
    ...{ scope: on?.scope ?? null, sinceMs: on?.sinceMs ?? null, by: on?.by ?? null, because: on?.because ?? null },
  };
}

/** The gate in the engine: what it is asked with, and what follows where there is too much. */
import {
  createRemedyGate,
  type HumanWord,
  type RemedyContext,
  type RemedyPurpose,
  type RemedyVerdict,
} from '../../actuators/remedy-gate.ts';
import { remedyTargetOf, tallyRemedies } from '../../actuators/remedy-gate-ledger.ts';
import { remedyStages } from '../../actuators/remedy-gate-stages.ts';
import type { Mode } from '../../core/function-spec.ts';
import type { Incident, MaintenanceWindow } from '../../core/incident.ts';
import type { Remedy } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import { remedyUsd } from './remedy-usd.ts';
import { approvalFor, evidenceOf, remedyTimes, type ApprovalSubject, type ApprovalWish } from '../approvals.ts';
import { countedFromMs } from '../brake.ts';
import { pressBrake } from '../engine-acting.ts';
import type { Scene, Turn } from '../engine-scene.ts';
import { holdOf } from '../holds.ts';

const gate = createRemedyGate(remedyStages);

/** May it be done now? Where there have been too many, the brake goes on. */
export function judgeRemedy(scene: Scene, turn: Turn, proposal: Proposal): RemedyVerdict {
  const context = contextOf(scene, turn, proposal);
  const observersMin = proposal.bounds?.observersMin ?? 0;
  const { observers } = context.corroboration;
  if (proposal.purpose === 'new' && proposal.human?.how !== 'asked' && observers.length < observersMin) {
    const reason = `${observers.length} independent observers confirm it, and its playbook wants ${observersMin}`;
    return { kind: 'wait', stage: 'corroboration', reason };
  }
  const verdict = gate.judge(proposal.remedy, context);
  if (verdict.kind !== 'pass' && verdict.stage === 'actions')
    pressBrake(scene, turn, { kind: 'too-many', atMs: turn.nowMs, actionCount: context.tally.actionCount });
  if (verdict.kind === 'ask') turn.remedyWishes.push(wishFor(scene, turn, proposal, context.usd));
  return verdict;
}

/** All that would stop it, for a dry run: nothing follows from asking. */
export function stopsOf(scene: Scene, turn: Pick<Turn, 'nowMs'>, proposal: Proposal): readonly string[] {
  return gate
    .judgeAll(proposal.remedy, contextOf(scene, turn, proposal))
    .map(({ stage, reason }) => `${stage}: ${reason}`);
}

export interface Proposal {
  readonly remedy: Remedy;
  readonly touches: readonly string[];
  readonly incident: Incident | undefined;
  readonly purpose: RemedyPurpose;
  readonly human: HumanWord | undefined;
  /** Of the playbook that wants it: stricter than the configuration, never less. */
  readonly bounds?: RemedyBounds;
}

export interface RemedyBounds {
  readonly mode: Mode;
  readonly fleetShareMax: number;
  readonly observersMin: number;
}

function contextOf(
  scene: Scene,
  { nowMs }: Pick<Turn, 'nowMs'>,
  { remedy, touches, incident, purpose, human, bounds }: Proposal,
): RemedyContext {
  const { remedies, functions, watch } = scene;
  const options = scene.options.remedies!;
  const { brake, holds, ledger } = remedies;
  const ours = touches.flatMap((key) => [...functions.values()].filter(({ spec }) => spec.key === key));
  const holding = ours.map(({ spec }) => holdOf(holds, spec)).find((hold) => hold !== undefined);
  // With none of ours among them nobody has said that anything may be done.
  const said = ours.map(({ spec }) => options.modes[spec.key]?.[remedy.kind] ?? 'shadow');
  const modes: readonly Mode[] = said.length === 0 ? ['shadow'] : said;
  const { limits } = options;
  const nobody = { observers: [], disputedBy: [], disputedSenders: [] };
  return {
    nowMs,
    purpose,
    brake: brake.on,
    mode: strictest([...modes, ...(bounds ? [bounds.mode] : [])]),
    operatorHold: holding,
    maintenance: maintenanceOf(scene.options.watch?.maintenance ?? [], touches, nowMs),
    touches,
    neverBreak: touches.filter((key) => options.neverBreak.includes(key)),
    trouble: incident && { incidentId: incident.id, state: incident.state, seenAtMs: incident.lastTroubleAtMs },
    corroboration: incident ? watch.corroborationOf(incident) : nobody,
    limits: bounds ? { ...limits, fleetShareMax: Math.min(limits.fleetShareMax, bounds.fleetShareMax) } : limits,
    tally: tallyRemedies(ledger, nowMs, countedFromMs(brake)),
    functionCount: functions.size,
    usd: remedyUsd(scene.options, remedy, nowMs),
    ...wordOf(scene, { nowMs, proposal: { remedy, touches, incident, purpose, human } }),
    isApprovalWanted: touches.some((key) => options.approvals[key]?.includes(remedy.kind)),
  };
}

function strictest(modes: readonly Mode[]): Mode {
  if (modes.includes('shadow')) return 'shadow';
  return modes.includes('advise') ? 'advise' : 'enforce';
}

function maintenanceOf(windows: readonly MaintenanceWindow[], touches: readonly string[], nowMs: EpochMs) {
  const covers = (pattern: string, key: string): boolean =>
    pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : pattern === key;
  return windows.find(
    ({ keys, fromMs, untilMs }) =>
      fromMs <= nowMs &&
      nowMs < untilMs &&
      (keys.length === 0 || keys.some((pattern) => touches.some((key) => covers(pattern, key)))),
  );
}

/** What a human has said of it: by their own idea, or when asked on this evidence. */
function wordOf(
  { remedies: { approvals } }: Scene,
  { nowMs, proposal }: { readonly nowMs: EpochMs; readonly proposal: Proposal },
): Pick<RemedyContext, 'human' | 'denied'> {
  const { human, incident } = proposal;
  if (human || !incident) return { human };
  // What it may cost was asked with it, and is held by the dollars an hour.
  const subject = subjectFor(proposal, incident);
  const said = approvalFor(approvals, { subject, wanted: { concurrencyMax: 0, usdMax: 0 } }, nowMs);
  if (said?.state === 'expired') return { denied: { by: 'nobody', because: 'nobody answered in time' } };
  if (!said?.answer) return {};
  const { by, because } = said.answer;
  return said.state === 'granted' ? { human: { by, how: 'approved' } } : { denied: { by, because } };
}

function subjectFor({ remedy }: Proposal, incident: Incident): ApprovalSubject {
  const evidenceSha256 = evidenceOf(incident);
  return { kind: 'remedy', incidentId: incident.id, target: remedyTargetOf(remedy), evidenceSha256 };
}

function wishFor({ options }: Scene, { nowMs }: Turn, proposal: Proposal, usdMax: number): ApprovalWish {
  const { remedy, touches, incident } = proposal;
  const concurrencyMax = remedy.kind === 'add-provisioned' ? remedy.concurrency : 0;
  return {
    subject: subjectFor(proposal, incident!),
    functions: touches as readonly FunctionKey[],
    wanted: { concurrencyMax, usdMax },
    times: remedyTimes(nowMs, options.remedies!.approvalMs),
    because: remedy.because,
  };
}

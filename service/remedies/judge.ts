/** The gate in the engine: what it is asked with, and what follows where there is too much. */
import {
  createRemedyGate,
  type HumanWord,
  type RemedyContext,
  type RemedyPurpose,
  type RemedyVerdict,
} from '../../actuators/remedy-gate.ts';
import { tallyRemedies } from '../../actuators/remedy-gate-ledger.ts';
import { remedyStages } from '../../actuators/remedy-gate-stages.ts';
import type { Mode } from '../../core/function-spec.ts';
import type { Incident, MaintenanceWindow } from '../../core/incident.ts';
import type { Remedy } from '../../core/remedy.ts';
import type { EpochMs } from '../../core/time.ts';
import { advanceBrake, countedFromMs } from '../brake.ts';
import { note, toBody, type Scene, type Turn } from '../engine-scene.ts';
import { holdOf } from '../holds.ts';
import { change } from './carry.ts';

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
  if (verdict.kind !== 'pass' && verdict.stage === 'actions') trip(scene, turn, context.tally.actionCount);
  return verdict;
}

/** Too many remedies in an hour: from now on none, until a human has looked. */
function trip(scene: Scene, turn: Turn, actionCount: number): void {
  const { brake } = scene.remedies;
  const { brake: limits } = scene.options.remedies!;
  const tripped = advanceBrake(brake, { kind: 'too-many', atMs: turn.nowMs, actionCount }, limits);
  if (tripped === brake) return;
  change(scene, { brake: tripped });
  note(turn, { kind: 'brake.changed', body: toBody({ ...tripped.on, isOn: true }) });
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
  { nowMs }: Turn,
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
    usd: 0,
    human,
    isApprovalWanted: false,
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

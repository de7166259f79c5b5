/**
 * The stages of the gate for remedies, in the order in which they are asked: may anybody act at all, is it still true and who says so, has there been too much of it, and
 * a human last, who is asked only about what everything else would let through.
 */
import { assertNever } from '../core/assert.ts';
import type { Corroboration, Observer } from '../core/corroboration.ts';
import type { Remedy, RemedyKind } from '../core/remedy.ts';
import { formatInstant, msPerSecond } from '../core/time.ts';
import type { RemedyStage, RemedyStop } from './remedy-gate.ts';
import { changesCalls, remedyTargetOf } from './remedy-gate-ledger.ts';

/** Spans come a few seconds late, and a finding fades by halves of three seconds: what has not shown for so long is not there. */
const troubleAgeMsMax = 15 * msPerSecond;

/**
 * Who has to confirm a trouble before a remedy of a kind. `two`: two independent observers, for what ends by itself and leaves calls or money as they were. `aws`: two
 * of which one is CloudWatch, or two and a human, for what changes how a function is reached.
 */
export const confirmationFor: Readonly<Record<RemedyKind, 'two' | 'aws'>> = {
  'move-breaker': 'two',
  'add-provisioned': 'two',
  'call-webhook': 'two',
  'weigh-alias': 'aws',
  'reserve-concurrency': 'aws',
  'switch-event-source': 'aws',
  'redrive-dead-letters': 'aws',
};

export const observerCountMin = 2;

/** True where it keeps calls away from a function, or sends them elsewhere. */
function divertsCalls(remedy: Remedy): boolean {
  switch (remedy.kind) {
    case 'move-breaker':
      return remedy.standing.admitRatio < 1;
    case 'weigh-alias':
      return remedy.weight > 0;
    case 'reserve-concurrency':
      return remedy.concurrency !== null;
    case 'switch-event-source':
      return !remedy.isEnabled;
    case 'redrive-dead-letters':
    case 'call-webhook':
    case 'add-provisioned':
      return false;
    default:
      return assertNever(remedy);
  }
}

const brakeStage: RemedyStage = {
  name: 'brake',
  judge: (_remedy, { brake }) => brake && refuse(`the brake is on (${brake.by}): ${brake.because}`),
};

const modeStage: RemedyStage = {
  name: 'mode',
  judge: (_remedy, { mode }) =>
    mode === 'enforce' ? undefined : refuse(`mode is ${mode}: decided and recorded, not carried out`),
};

const heldStage: RemedyStage = {
  name: 'held',
  judge(_remedy, { operatorHold, nowMs }) {
    if (!operatorHold || (operatorHold.untilMs !== undefined && operatorHold.untilMs <= nowMs)) return undefined;
    return wait(`held by an operator: ${operatorHold.because}`, operatorHold.untilMs);
  },
};

// Whoever announced work has their hands on it: two who mend the same thing at once break it.
const maintenanceStage: RemedyStage = {
  name: 'maintenance',
  judge: (_remedy, { maintenance, nowMs }) =>
    maintenance && maintenance.untilMs > nowMs
      ? wait(`announced work is going on: ${maintenance.id}`, maintenance.untilMs)
      : undefined,
};

const neverBreakStage: RemedyStage = {
  name: 'never-break',
  judge: (remedy, { neverBreak }) =>
    neverBreak.length > 0 && divertsCalls(remedy)
      ? refuse(`${neverBreak.join(', ')} is marked neverBreak: its calls always go through`)
      : undefined,
};

const stillTrueStage: RemedyStage = {
  name: 'still-true',
  judge(_remedy, { trouble, human, nowMs, purpose }) {
    // A breaker that is open lets nothing through that could show trouble: its own probes judge it.
    if (purpose === 'renewal') return undefined;
    if (!trouble) return human ? undefined : refuse('no incident is open that it would be for');
    const { state, incidentId, seenAtMs } = trouble;
    if (state === 'resolved' || state === 'mitigated') return refuse(`${incidentId} is ${state}`);
    if (human?.how === 'asked' || nowMs - seenAtMs <= troubleAgeMsMax) return undefined;
    return wait(`nothing of it has shown since ${formatInstant(seenAtMs)}`);
  },
};

// The word of one sender, or of one place to look from, is not enough to touch the world; and while somebody must be wrong, nobody knows who.
const corroborationStage: RemedyStage = {
  name: 'corroboration',
  judge(_remedy, { corroboration, human, purpose }) {
    if (human?.how === 'asked' || purpose === 'renewal') return undefined;
    const { observers, disputedSenders } = corroboration;
    if (disputedSenders.length > 0) return refuse(`what ${disputedSenders.join(', ')} says is doubted`);
    const denial = denialOf(corroboration);
    if (denial !== undefined) return refuse(denial);
    if (observers.length >= observerCountMin) return undefined;
    const only = observers[0];
    return wait(only ? `${nameOf(only)} alone confirms it` : 'no independent observer confirms it');
  },
};

/** AWS's own count outweighs all; of the others as many may not deny as confirm. */
function denialOf({ observers, disputedBy }: Corroboration): string | undefined {
  const isDenied =
    disputedBy.some(({ kind }) => kind === 'cloudwatch') ||
    (disputedBy.length > 0 && disputedBy.length >= observers.length);
  return isDenied ? `${disputedBy.map(nameOf).join(', ')} saw the same and saw none of it` : undefined;
}

function nameOf({ kind, sender }: Observer): string {
  return sender === undefined ? kind : `${kind} (${sender})`;
}

// Steps of one run follow each other as its playbook says; what is asked again in another run did not help for long.
const cooldownStage: RemedyStage = {
  name: 'cooldown',
  judge(remedy, { limits, tally, nowMs, trouble, purpose }) {
    if (purpose === 'renewal') return undefined;
    const last = tally.lastOf(remedyTargetOf(remedy), trouble?.incidentId);
    const untilMs = last === undefined ? undefined : last + limits.cooldownMs;
    if (untilMs === undefined || untilMs <= nowMs) return undefined;
    return wait(`the same was done there at ${formatInstant(last!)}`, untilMs);
  },
};

const actionsStage: RemedyStage = {
  name: 'actions',
  judge(_remedy, { limits, tally, purpose }) {
    if (purpose === 'renewal' || tally.actionCount < limits.actionsPerHourMax) return undefined;
    return wait(`${tally.actionCount} remedies in an hour, and no more than ${limits.actionsPerHourMax} are allowed`);
  },
};

/** Dollars are sums of products of small prices. */
const usdTolerance = 1e-9;

const budgetStage: RemedyStage = {
  name: 'budget',
  judge(_remedy, { limits, tally, usd, purpose }) {
    if (purpose === 'renewal' || usd <= 0) return undefined;
    const usdOfHour = tally.usd + usd;
    if (usdOfHour <= limits.usdPerHourMax + usdTolerance) return undefined;
    return wait(`${usdOfHour.toFixed(2)} dollars of remedies in an hour is above ${limits.usdPerHourMax.toFixed(2)}`);
  },
};

const shareStage: RemedyStage = {
  name: 'share',
  judge({ kind }, { limits, tally, touches, functionCount, purpose }) {
    if (purpose === 'renewal' || !changesCalls(kind)) return undefined;
    const touched = new Set([...tally.touched, ...touches]).size;
    // A share of a small fleet would be less than one function, and nothing could ever be done.
    const touchedMax = Math.max(1, Math.floor(limits.fleetShareMax * functionCount));
    if (touches.every((key) => tally.touched.has(key)) || touched <= touchedMax) return undefined;
    return wait(`${touched} of ${functionCount} functions would be touched at once: more than ${touchedMax}`);
  },
};

const approvalStage: RemedyStage = {
  name: 'approval',
  judge(remedy, { human, denied, isApprovalWanted, corroboration, purpose }) {
    if (purpose === 'renewal' || human?.how === 'asked') return undefined;
    if (denied) return refuse(`${denied.by} said no: ${denied.because}`);
    if (human) return undefined;
    const isUnconfirmed =
      confirmationFor[remedy.kind] === 'aws' && !corroboration.observers.some(({ kind }) => kind === 'cloudwatch');
    if (isApprovalWanted) return ask('the configuration wants a human to say yes');
    return isUnconfirmed ? ask('CloudWatch does not confirm it: a human has to') : undefined;
  },
};

const askedStages: readonly RemedyStage[] = [
  brakeStage,
  modeStage,
  heldStage,
  maintenanceStage,
  neverBreakStage,
  stillTrueStage,
  corroborationStage,
  cooldownStage,
  actionsStage,
  budgetStage,
  shareStage,
  approvalStage,
];

/** In the order in which they are asked. What gives back is asked nothing: whatever is wrong with it, to keep what stands is worse. */
export const remedyStages: readonly RemedyStage[] = askedStages.map((stage) => ({
  name: stage.name,
  judge: (remedy, context) => (context.purpose === 'take-back' ? undefined : stage.judge(remedy, context)),
}));

function refuse(reason: string): RemedyStop {
  return { kind: 'refuse', reason };
}

function wait(reason: string, untilMs?: number): RemedyStop {
  return { kind: 'wait', reason, ...(untilMs !== undefined && { untilMs }) };
}

function ask(reason: string): RemedyStop {
  return { kind: 'ask', reason };
}

/**
 * What the shipped playbooks are played with: a fleet of four functions, and for each playbook an incident that it is written for. Everything is by the second and drawn
 * from the second alone, so that two plays of the same part see the same calls.
 */
import { readFileSync } from 'node:fs';
import { calendarVersion } from '../../calendar/event.ts';
import { createVenue } from '../../calendar/venue.ts';
import { parsePlaybook } from '../../config/playbooks.ts';
import { pricesUsEast1 } from '../../config/schema.ts';
import type { BreakerSpec } from '../../core/breaker.ts';
import type { FunctionSpec } from '../../core/function-spec.ts';
import { bucketOf } from '../../core/histogram.ts';
import type { Playbook } from '../../core/playbook.ts';
import { createRandom } from '../../core/random.ts';
import { remedyKinds } from '../../core/remedy.ts';
import { functionKeyOf, type FunctionKey } from '../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, parseInstant, type EpochMs } from '../../core/time.ts';
import type { SignalKey, WindowDelta, WindowKey } from '../../core/window.ts';
import { documentedLead } from '../../forecaster/event-window.ts';
import type { SecretTarget } from '../../service/messenger.ts';
import type { SystemFunction, SystemOptions } from '../../service/system-options.ts';
import { breakerTable } from './demo-remedies.ts';

export const playbookPlace = { accountId: '123456789012', region: 'us-east-1' } as const;
const keyOf = (functionName: string): FunctionKey => functionKeyOf({ ...playbookPlace, functionName, alias: 'live' });
export const orders = keyOf('orders');
const validate = keyOf('orders-validate');
export const algoOrders = keyOf('algo-orders');
const algoDecide = keyOf('algo-decide');
export const playbookFunctions: readonly FunctionKey[] = [orders, validate, algoOrders, algoDecide];

/** What each alias names; the one before it served until a minute ago where a version is new. */
export const versionNow = '3';
const versionBefore = '2';

const ledger = 'service:ledger';
const gateway = 'service:gateway';
export const breakerName = 'ledger';
/** Of the item that breaker clients read. */
export const breakerItemId = 'ledger';
export const rejects = 'signal:reject-ratio/algo-7' satisfies SignalKey;

/** A Friday morning in New York: within the hours of all playbooks. */
export const faultFromMs: EpochMs = parseInstant('2026-11-20T15:00:00Z')!;
/** What is usual is learned over this. */
export const learnMs = 40 * msPerMinute;

export const playbookNames = [
  'cold-start-storm',
  'erratic-algorithm',
  'erroring-new-version',
  'runaway-cost',
  'slow-dependency',
  'throttle-surge',
] as const;
export type PlaybookName = (typeof playbookNames)[number];

/** Of all calls the share that the remedy in force keeps from harm, 0…1. */
export type Relief = number;

/** `uuid`: of the mapping that the twin made, in place of the one in the file. */
export function playbookOf(name: PlaybookName, uuid: string): Playbook {
  const file = new URL(`../../config/examples/playbooks/${name}.yaml`, import.meta.url);
  const text = readFileSync(file, 'utf8').replaceAll('6a1f0d52-8f3b-4a0e-9f43-2d1c6f6f7a10', uuid);
  const playbook = parsePlaybook(file.pathname, text);
  // As an operator would have lifted it; of four functions a tenth would be none, and two take part in one of them.
  return { ...playbook, guard: { ...playbook.guard, mode: 'enforce', fleetShareMax: 0.5 } };
}

interface Calls {
  readonly key: WindowKey;
  readonly sender: string;
  readonly medianMs: number;
  readonly requestCount: number;
  readonly errorRatio?: number;
  readonly throttleRatio?: number;
  readonly coldRatio?: number;
  readonly version?: string;
}

/** Senders of their own: what one of them says, another confirms. */
const sentBy = { functions: 'functions', gateway: 'gateway', ledger: 'ledger', desk: 'desk' } as const;

/** What spans show of one second. `relief` undefined: the trouble has not begun. */
export function spansOf(name: PlaybookName, secondAtMs: EpochMs, relief: Relief | undefined): readonly WindowDelta[] {
  const random = createRandom(`${name} ${secondAtMs}`);
  return callsOf(name, relief).map((calls, index) => {
    const own = random.fork(String(index));
    const { key, sender, medianMs, errorRatio = 0.001, throttleRatio = 0, coldRatio = 0, version } = calls;
    const requestCount = own.poisson(calls.requestCount);
    const share = (ratio: number): number => Math.min(requestCount, own.poisson(ratio * requestCount));
    const throttleCount = share(throttleRatio);
    const places = Array.from({ length: requestCount }, () => medianMs * Math.exp(0.3 * own.normal()));
    const counts = [...Map.groupBy(places, bucketOf)].sort(([a], [b]) => a - b);
    return {
      ...{ key, secondAtMs, sender, spanCount: requestCount, requestCount },
      errorCount: Math.min(requestCount, share(errorRatio) + (key.startsWith('edge:') ? throttleCount : 0)),
      ...{ throttleCount, coldStartCount: share(coldRatio), provisionedInitCount: 0, deadLetterCount: 0 },
      durationMs: counts.flatMap(([place, all]) => [place, all.length]),
      valueSum: Math.round(places.reduce((sum, one) => sum + one, 0)),
      ...(version !== undefined && { versions: { [version]: requestCount } }),
      examples: { slowest: [], failed: [] },
    };
  });
}

const callsPerSecond = 40;

function callsOf(name: PlaybookName, relief: Relief | undefined): readonly Calls[] {
  const harm = relief === undefined ? 0 : 1 - relief;
  const requestCount = callsPerSecond;
  const both = (key: FunctionKey, change: Omit<Partial<Calls>, 'key' | 'sender'>): readonly Calls[] => [
    { key, sender: sentBy.functions, medianMs: 60, requestCount, ...change },
    { key: `edge:${gateway}>${key}`, sender: sentBy.gateway, medianMs: 70, requestCount, ...change },
  ];
  switch (name) {
    case 'slow-dependency': {
      const medianMs = 15 * (1 + 20 * harm);
      // A breaker that is open lets none through.
      const called = relief === 1 ? 0 : requestCount;
      return [
        { key: orders, sender: sentBy.functions, medianMs: 60 + (called > 0 ? medianMs : 0), requestCount },
        { key: `edge:${orders}>${ledger}`, sender: sentBy.functions, medianMs, requestCount: called },
        { key: ledger, sender: sentBy.ledger, medianMs: medianMs * 0.9, requestCount: called },
      ];
    }
    case 'erroring-new-version': {
      const version = relief === undefined ? versionBefore : versionNow;
      return both(orders, { errorRatio: 0.001 + 0.4 * harm, version });
    }
    case 'throttle-surge':
      return [
        { key: validate, sender: sentBy.functions, medianMs: 60, requestCount },
        {
          ...{ key: `edge:${gateway}>${validate}` as const, sender: sentBy.gateway, medianMs: 70 },
          ...{ requestCount, throttleRatio: 0.3 * harm },
        },
      ];
    case 'cold-start-storm':
      // Who waits for an environment waits long.
      return both(orders, { coldRatio: 0.5 * harm, medianMs: 60 * (1 + 12 * harm) });
    case 'runaway-cost':
      return both(orders, { medianMs: 60 * (1 + 30 * harm) });
    case 'erratic-algorithm':
      return [
        ...both(algoOrders, {}),
        ...both(algoDecide, { version: relief === undefined ? versionBefore : versionNow }),
        { key: rejects, sender: sentBy.desk, medianMs: 1, requestCount, errorRatio: 0.01 + 0.5 * harm },
      ];
  }
}

/** What AWS counts of the minute of a fault, told as it comes; undefined: nobody reads it. */
export function countedOf(name: PlaybookName): FunctionKey | undefined {
  return name === 'throttle-surge' ? validate : undefined;
}

export const callsCountedPerMinute = (callsPerSecond * msPerMinute) / msPerSecond;

/** Without it a limit of dollars an hour would have to be stated: whoever sees it begins the playbook by hand. */
export function isBegunByHand(name: PlaybookName): boolean {
  return name === 'runaway-cost' || name === 'erratic-algorithm';
}

export function playbookTargets(urls: { readonly pager: string; readonly lead: string; readonly events: string }) {
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
  const routingKey = (text: string): SecretTarget['secrets'] => [{ reveal: () => text.padEnd(32, '-') }];
  return [
    { name: 'pager', kind: 'pagerduty', url: urls.pager, isPrivate: false, secrets: routingKey('pager') },
    { name: 'lead', kind: 'pagerduty', url: urls.lead, isPrivate: false, secrets: routingKey('lead') },
    { name: 'events', kind: 'cloudevent', url: urls.events, isPrivate: false, secrets: [{ reveal: () => secret }] },
  ] as const satisfies readonly SecretTarget[];
}

/** What is on record is the same wherever targets listen. */
const recordedUrl = 'http://localhost';

export function playbookOptions(name: PlaybookName, uuid: string): SystemOptions {
  const enforced = Object.fromEntries(remedyKinds.map((kind) => [kind, 'enforce' as const]));
  const urls = { pager: recordedUrl, lead: recordedUrl, events: recordedUrl };
  return {
    ...{ title: 'playbooks', simulated: true, release: 'playbooks', configSha256: 'playbooks', seed: name },
    functions: playbookFunctions.map(functionOf),
    calendar: { name: 'none', events: [], version: calendarVersion([]), warnings: [] },
    limits: { concurrencyMax: 400, usdPerHourMax: 25, usdPerEventMax: 25 },
    prices: pricesUsEast1,
    policy: { quantile: 0.95, importanceMin: 2, keepWhilePaying: false },
    lead: documentedLead,
    horizonMs: 4 * msPerHour,
    watch: { signals: { 'reject-ratio': 'ratio' } },
    oncall: {
      tenant: 'playbooks',
      targets: playbookTargets(urls).map(({ secrets: _secrets, ...target }) => target),
      owners: [{ name: 'desk', page: ['pager'], notice: ['pager'], escalate: ['lead'], keys: [] }],
      ...{ defaultOwner: 'desk', routes: [], timeZone: 'America/New_York' },
      night: { fromMinute: 20 * 60, untilMinute: 7 * 60 },
      ...{ nightHarmedRatioMin: 0.2, digestAtMinute: 8 * 60, escalateAfterMs: 2 * msPerHour },
      attributes: ['owner', 'evidence', 'actions'],
    },
    remedies: {
      breakers: name === 'slow-dependency' ? [breakerBeforeLedger] : [],
      guards: { openRatioMax: 0.5, panicRatioMin: 0.5 },
      limits: { actionsPerHourMax: 12, usdPerHourMax: 25, fleetShareMax: 0.5, cooldownMs: 0 },
      brake: { withoutEffectMax: 3 },
      modes: Object.fromEntries(playbookFunctions.map((key) => [key, enforced])),
      ...{ approvals: {}, approvalMs: 15 * msPerMinute },
      playbooks: [playbookOf(name, uuid)],
      neverBreak: [],
    },
  };
}

/** Of so many calls none ever comes: it moves by the playbook's word alone. */
const breakerBeforeLedger: BreakerSpec = {
  ...{ name: breakerName, callee: ledger, callers: [] },
  enactment: {
    kind: 'shared-state',
    places: [
      {
        ...{ format: 'powertools', ...playbookPlace, table: breakerTable, id: breakerItemId },
        recoveryTimeoutMs: 10 * msPerSecond,
      },
    ],
  },
  ...{ requestCountMin: 1_000_000, harmedRatioMin: 0.99, windowMs: 30 * msPerSecond },
  ...{ holdOffMs: 30 * msPerSecond, holdOffMsMax: 2 * msPerMinute, probeShares: [0.05, 0.2, 0.5] },
  ...{ probeMs: 10 * msPerSecond, probeCountMin: 20, quietMs: msPerMinute, probeHarmedRatioMax: 0.15 },
  ...{ settleMs: 5 * msPerSecond, leaseMs: msPerMinute },
};

function functionOf(key: FunctionKey): SystemFunction {
  const stepMs = msPerMinute;
  const values = new Float64Array(msPerDay / stepMs).fill(callsCountedPerMinute);
  const spec: FunctionSpec = {
    ...{ key, memoryMb: 1_024, architecture: 'x86_64', initDurationMs: 800, runDurationMs: { p50: 60, p99: 250 } },
    ...{ spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 }, concurrencyFloor: 0, concurrencyCeiling: 200 },
    ...{ mode: 'enforce', ownership: 'own', group: key.split(/[/:]/)[2]! },
  };
  return {
    spec,
    symbols: [],
    venue: createVenue('Etc/UTC'),
    history: {
      name: 'usual',
      history: {
        series: { fromMs: faultFromMs - learnMs - msPerDay, stepMs, values },
        ...{ sha256: 'usual', rowCount: values.length, badRowCount: 0 },
      },
    },
    volumeFrom: key,
    requestsPerUnit: 1,
  };
}

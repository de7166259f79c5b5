/**
 * Rules that span keys. A contradiction is refused, not repaired: nobody can know which of the two numbers was meant.
 *
 * A rule speaks only of values that are right by themselves, so that one mistake gives one fault. It is therefore handed a draft in which what was
 * faulty is undefined, though its key still stands.
 */
import type { Prices } from '../core/function-spec.ts';
import { isLoopback } from '../core/loopback.ts';
import { parseFunctionKey } from '../core/series-key.ts';
import { parseInstant } from '../core/time.ts';
import { breakerRules } from './breaker-rules.ts';
import type { Path } from './document.ts';
import { oncallRules } from './oncall-rules.ts';
import { remedyRules } from './remedy-rules.ts';
import { repeatsOf } from './repeats.ts';
import { anchorKinds, calendarPlaces, feedKeys, pricesUsEast1, volumeSources, type ConfigDocument } from './schema.ts';

/** What is right by itself; the rest is undefined. */
export type Draft<T> = T extends readonly (infer Item)[]
  ? readonly (Draft<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Draft<T[Key]> | undefined }
    : T;

export type ConfigDraft = Draft<ConfigDocument>;

type FunctionDraft = Draft<ConfigDocument['functions'][number]>;

export interface Breach {
  readonly path: Path;
  /** Absent: the value itself tells. */
  readonly got?: string;
  readonly expected: string;
}

type FunctionRule = (entry: FunctionDraft, at: Path) => readonly Breach[];
export type Rule = (draft: ConfigDraft) => readonly Breach[];

export function findBreaches(draft: ConfigDraft): readonly Breach[] {
  const entries = draft.functions ?? [];
  return [
    ...entries.flatMap((entry, index) =>
      entry ? functionRules.flatMap((rule) => rule(entry, ['functions', index])) : [],
    ),
    ...fileRules.flatMap((rule) => rule(draft)),
  ];
}

/** What a spilled request is worth is said once: as its price, or as the share that may spill. */
const exactlyOneSpillTarget: FunctionRule = (entry, at) => {
  const keys = ['usdPerColdStart', 'usdPerSpill', 'spilloverRatioMax'];
  const stated = keys.filter((key) => key in entry);
  if (stated.length === 1) return [];
  const expected = `exactly one of ${keys.join(', ')}`;
  return stated.length === 0
    ? [{ path: at, got: 'none of them', expected }]
    : [{ path: [...at, stated.at(-1)!], got: `${stated[0]!} as well`, expected }];
};

/** Demand has one source: two would have to be reconciled. */
const exactlyOneVolumeSource: FunctionRule = ({ volume }, at) => {
  if (volume === undefined) return [];
  const stated = volumeSources.filter((key) => key in volume);
  const expected = `exactly one of ${volumeSources.join(' and ')}`;
  if (stated.length === 0) return [{ path: [...at, 'volume'], got: 'neither csv nor cloudwatch', expected }];
  return stated.slice(1).map((key) => ({ path: [...at, 'volume', key], got: `${stated[0]!} as well`, expected }));
};

const floorUnderCeiling: FunctionRule = ({ concurrencyFloor: floor, concurrencyCeiling: ceiling }, at) =>
  floor !== undefined && ceiling !== undefined && floor > ceiling
    ? [{ path: [...at, 'concurrencyFloor'], expected: `at most concurrencyCeiling (${ceiling})` }]
    : [];

/** Provisioned concurrency counts inside reserved concurrency: Lambda refuses more. */
const ceilingUnderReserved: FunctionRule = ({ concurrencyCeiling: ceiling, reservedConcurrency: reserved }, at) =>
  ceiling !== undefined && reserved !== undefined && ceiling > reserved
    ? [{ path: [...at, 'concurrencyCeiling'], expected: `at most reservedConcurrency (${reserved})` }]
    : [];

const medianUnderTail: FunctionRule = ({ runDurationMs }, at) => {
  const { p50, p99 } = runDurationMs ?? {};
  return p50 !== undefined && p99 !== undefined && p99 < p50
    ? [{ path: [...at, 'runDurationMs', 'p99'], expected: `at least p50 (${p50})` }]
    : [];
};

/** Two controllers on one knob are an outage: who acts says first whose the knob is. */
const enforcingIsDeclared: FunctionRule = (entry, at) => {
  const { mode, ownership } = entry;
  if (mode !== 'enforce' || ownership === 'own' || ownership === 'steer') return [];
  const expected =
    'own (Foreshock sets provisioned concurrency, and nobody else does) or steer (Application Auto Scaling does, and Foreshock moves its minimum) for mode enforce; config check --terraform prints what Terraform needs';
  if (ownership === 'observe') return [{ path: [...at, 'ownership'], expected }];
  if ('ownership' in entry) return [];
  return [{ path: [...at, 'mode'], got: 'enforce without ownership', expected: `ownership: ${expected}` }];
};

/** One place, one calendar. */
const calendarsAreOnePlace: Rule = ({ calendars = [] }) =>
  calendars.flatMap((entry, index) => {
    if (entry === undefined) return [];
    const stated = calendarPlaces.filter((format) => format in entry);
    const expected = `exactly one of ${calendarPlaces.join(', ')}`;
    if (stated.length === 0) return [{ path: ['calendars', index], got: 'no place', expected }];
    return stated.slice(1).map((place) => ({
      path: ['calendars', index, place],
      got: `${stated[0]!} as well`,
      expected,
    }));
  });

/** A file is read when it changes, by whoever may read it. */
const feedKeysWantUrl: Rule = ({ calendars = [] }) =>
  calendars.flatMap((entry, index) =>
    entry === undefined || 'url' in entry
      ? []
      : feedKeys
          .filter((key) => key in entry)
          .map((key) => ({
            path: ['calendars', index, key],
            got: 'it beside a file',
            expected: 'it beside a url only',
          })),
  );

const functionRules: readonly FunctionRule[] = [
  exactlyOneSpillTarget,
  exactlyOneVolumeSource,
  floorUnderCeiling,
  ceilingUnderReserved,
  medianUnderTail,
  enforcingIsDeclared,
];

/** Two entries for one alias would fight over one number. */
const functionsOnce: Rule = (draft) =>
  repeatsOf(draft.functions, (entry) => entry.function).map(({ index, firstIndex }) => ({
    path: ['functions', index, 'function'],
    expected: `each function once (it is functions[${firstIndex}] already)`,
  }));

/** Reserved concurrency belongs to the function, not to the alias. */
const reservedAgrees: Rule = ({ functions = [] }) => {
  const statedFirst = new Map<string, { reserved: number; index: number }>();
  return functions.flatMap((entry, index) => {
    const reserved = entry?.reservedConcurrency;
    if (entry?.function === undefined || reserved === undefined) return [];
    const owner = entry.function.slice(0, entry.function.lastIndexOf(':'));
    const first = statedFirst.get(owner);
    if (!first) statedFirst.set(owner, { reserved, index });
    if (!first || first.reserved === reserved) return [];
    const expected = `${first.reserved}, as functions[${first.index}] states for another alias of the same function`;
    return [{ path: ['functions', index, 'reservedConcurrency'], expected }];
  });
};

/** A name that nobody has explained is a slip of the keyboard, and would limit nothing. */
const sharedResourcesAreKnown: Rule = ({ functions = [], sharedResources = [] }) => {
  const known = new Set(sharedResources.map((resource) => resource?.name));
  return functions.flatMap((entry, index) =>
    (entry?.sharedResources ?? []).flatMap((name, place) =>
      name === undefined || known.has(name)
        ? []
        : [{ path: ['functions', index, 'sharedResources', place], expected: 'a name among sharedResources' }],
    ),
  );
};

/** Floors are held all day: what they need must fit under what all functions may take. */
const floorsFitTogether: Rule = ({ functions = [], limits }) => {
  if (limits?.concurrencyMax === undefined) return [];
  const floorByRegion = new Map<string, number>();
  for (const entry of functions) {
    const region = regionOf(entry);
    if (!region || entry?.concurrencyFloor === undefined) continue;
    floorByRegion.set(region.accountRegion, (floorByRegion.get(region.accountRegion) ?? 0) + entry.concurrencyFloor);
  }
  return [...floorByRegion]
    .filter(([, floor]) => floor > limits.concurrencyMax!)
    .map(([accountRegion, floor]) => ({
      path: ['limits', 'concurrencyMax'],
      expected: `at least ${floor}, the sum of the floors in ${accountRegion}`,
    }));
};

/** Their price must fit as well, or the budget would cut the floors at the first hour. */
const floorsAreAffordable: Rule = ({ functions = [], limits, ...rest }) => {
  const limit = limits?.usdPerHourMax;
  const prices = statedPrices(rest);
  if (limit === undefined || !prices) return [];
  let usdPerHour = 0;
  for (const entry of functions) {
    const usdPerGbSecond = prices.find((price) => price.region === regionOf(entry)?.region)?.usdPerGbSecond;
    if (!entry?.concurrencyFloor || entry.memoryMb === undefined || !usdPerGbSecond) continue;
    if ('architecture' in entry && entry.architecture === undefined) continue;
    const { provisioned } = usdPerGbSecond[entry.architecture ?? 'x86_64'];
    usdPerHour += entry.concurrencyFloor * (entry.memoryMb / 1024) * 3600 * provisioned;
  }
  if (usdPerHour <= limit) return [];
  const expected = `at least ${(Math.ceil(usdPerHour * 100) / 100).toFixed(2)}, the price of all floors for an hour`;
  return [{ path: ['limits', 'usdPerHourMax'], expected }];
};

/** A plan in dollars needs the dollars of its region. */
const regionsArePriced: Rule = ({ functions = [], ...rest }) => {
  const prices = statedPrices(rest);
  if (!prices) return [];
  const priced = prices.map((price) => price.region);
  return functions.flatMap((entry, index) => {
    const region = regionOf(entry)?.region;
    if (region === undefined || priced.includes(region)) return [];
    return [{ path: ['functions', index, 'function'], expected: `a region with prices (${priced.join(', ')})` }];
  });
};

const regionsPricedOnce: Rule = ({ prices }) =>
  repeatsOf(prices, (price) => price.region).map(({ index, firstIndex }) => ({
    path: ['prices', index, 'region'],
    expected: `each region once (it is prices[${firstIndex}] already)`,
  }));

/** The port must not be a weapon: who reaches it from elsewhere must show a token. */
const tokensBeyondLoopback: Rule = ({ http, people = [] }) => {
  if (http?.host === undefined || isLoopback(http.host)) return [];
  const { tokens } = http;
  if (('tokens' in http && tokens?.length !== 0) || people.length > 0) return [];
  const expected = 'people or http.tokens to be set, or a loopback address such as 127.0.0.1';
  return [{ path: ['http', 'host'], expected }];
};

/** The same for traces: they can name any function. */
const sendersBeyondLoopback: Rule = ({ telemetry }) => {
  const { otlp } = telemetry ?? {};
  if (otlp?.host === undefined || isLoopback(otlp.host)) return [];
  if ('senders' in otlp && otlp.senders?.length !== 0) return [];
  const expected = 'telemetry.otlp.senders with a token each, or a loopback address such as 127.0.0.1';
  return [{ path: ['telemetry', 'otlp', 'host'], expected }];
};

/** What is in the record under a name is one thing. */
const namesOnce: Rule = ({ telemetry, signals, maintenance }) => [
  ...repeatsOf(telemetry?.otlp?.senders, (sender) => sender.name).map(({ index, firstIndex }) => ({
    path: ['telemetry', 'otlp', 'senders', index, 'name'],
    expected: `each name once (it is telemetry.otlp.senders[${firstIndex}] already)`,
  })),
  ...repeatsOf(signals, (signal) => signal.name).map(({ index, firstIndex }) => ({
    path: ['signals', index, 'name'],
    expected: `each name once (it is signals[${firstIndex}] already)`,
  })),
  ...repeatsOf(maintenance, (window) => window.id).map(({ index, firstIndex }) => ({
    path: ['maintenance', index, 'id'],
    expected: `each id once (it is maintenance[${firstIndex}] already)`,
  })),
];

const maintenanceEnds: Rule = ({ maintenance = [] }) =>
  maintenance.flatMap((window, index) => {
    const [fromMs, untilMs] = [window?.from, window?.until].map((text) => text && parseInstant(text));
    if (typeof fromMs !== 'number' || typeof untilMs !== 'number' || fromMs < untilMs) return [];
    return [{ path: ['maintenance', index, 'until'], expected: `an instant after from (${window!.from!})` }];
  });

/** A role of another account cannot be handed to EventBridge Scheduler. */
const schedulerRoleIsTheirs: Rule = ({ aws, functions = [] }) => {
  const roleArn = aws?.scheduler?.roleArn;
  if (roleArn === undefined) return [];
  const accountId = roleArn.split(':')[4];
  const stray = functions.findIndex((entry) => {
    const name = entry?.function === undefined ? undefined : parseFunctionKey(entry.function);
    return name !== undefined && name.accountId !== accountId;
  });
  if (stray === -1) return [];
  const expected = `a role of the account of functions[${stray}]`;
  return [{ path: ['aws', 'scheduler', 'roleArn'], expected }];
};

const signingWantsAnchor: Rule = ({ audit }) =>
  audit?.signingKey !== undefined && !('anchorFile' in audit) && !('anchors' in audit && audit.anchors?.length !== 0)
    ? [{ path: ['audit', 'signingKey'], expected: 'audit.anchors beside it, where the signed checkpoints go' }]
    : [];

/** Two places are two entries: each is tried, and fails, on its own. */
const anchorsAreOnePlace: Rule = ({ audit }) =>
  (audit?.anchors ?? []).flatMap((entry, index) => {
    if (entry === undefined) return [];
    const stated = anchorKinds.filter((kind) => kind in entry);
    const expected = `exactly one of ${anchorKinds.join(', ')}`;
    if (stated.length === 0) return [{ path: ['audit', 'anchors', index], got: 'no place', expected }];
    return stated.slice(1).map((kind) => ({
      path: ['audit', 'anchors', index, kind],
      got: `${stated[0]!} as well`,
      expected,
    }));
  });

const fileRules: readonly Rule[] = [
  functionsOnce,
  reservedAgrees,
  sharedResourcesAreKnown,
  floorsFitTogether,
  floorsAreAffordable,
  regionsArePriced,
  regionsPricedOnce,
  signingWantsAnchor,
  anchorsAreOnePlace,
  schedulerRoleIsTheirs,
  tokensBeyondLoopback,
  sendersBeyondLoopback,
  namesOnce,
  maintenanceEnds,
  calendarsAreOnePlace,
  feedKeysWantUrl,
  ...breakerRules,
  ...oncallRules,
  ...remedyRules,
];

function regionOf(entry: FunctionDraft | undefined): { region: string; accountRegion: string } | undefined {
  const name = entry?.function === undefined ? undefined : parseFunctionKey(entry.function);
  return name && { region: name.region, accountRegion: `${name.accountId}/${name.region}` };
}

/** The prices in force; undefined when some of what is stated is faulty, for then nobody knows them. */
function statedPrices(draft: ConfigDraft): readonly Prices[] | undefined {
  if (!('prices' in draft)) return [pricesUsEast1];
  return isWhole(draft.prices) ? (draft.prices as readonly Prices[]) : undefined;
}

function isWhole(value: unknown): boolean {
  if (value === undefined) return false;
  return typeof value !== 'object' || value === null || Object.values(value).every(isWhole);
}

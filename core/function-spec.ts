/**
 * What the operator says of one function, and what Lambda charges. Plain values: parsed by config, handed to whoever needs them.
 */
import type { FunctionKey } from './series-key.ts';

export type Architecture = 'x86_64' | 'arm64';

/** `shadow`: decide and record. `advise`: also tell people. `enforce`: act. */
export type Mode = 'shadow' | 'advise' | 'enforce';

/**
 * Who turns the knob. `observe`: somebody else, and we only look. `own`: we set provisioned concurrency, and nobody else does. `steer`: Application Auto
 * Scaling does, and we move its minimum for our windows.
 */
export type Ownership = 'observe' | 'own' | 'steer';

/** Somebody else changed what an event window holds: put it back, once in a window; or let them have it. */
export type OnDrift = 'restore' | 'yield';

/**
 * What a spilled request is worth: dollars for each cold start, dollars for each request that finds no provisioned environment free, or the share of requests
 * that may spill. Exactly one is stated.
 */
export type SpillTarget =
  | { readonly kind: 'usdPerSpill'; readonly usd: number }
  | { readonly kind: 'usdPerColdStart'; readonly usd: number }
  | { readonly kind: 'spilloverRatioMax'; readonly ratio: number };

export interface FunctionSpec {
  readonly key: FunctionKey;
  readonly memoryMb: number;
  readonly architecture: Architecture;
  /** Initialisation of a new environment, 99th percentile. */
  readonly initDurationMs: number;
  /** Duration of a request on a warm environment; log-normal through these two. */
  readonly runDurationMs: { readonly p50: number; readonly p99: number };
  readonly spillTarget: SpillTarget;
  /** Held outside event windows; 0 means none. */
  readonly concurrencyFloor: number;
  readonly concurrencyCeiling: number;
  /** Reserved concurrency of the function, where it has one: provisioned concurrency counts inside it. */
  readonly reservedConcurrency?: number;
  readonly group?: string;
  readonly mode: Mode;
  /** Absent: nobody said, and nothing is enforced. */
  readonly ownership?: Ownership;
  /** `restore` where absent. */
  readonly onDrift?: OnDrift;
}

/** Prices of one region, in dollars, with the day they were read. */
export interface Prices {
  /** `2026-11-20` */
  readonly asOf: string;
  readonly region: string;
  readonly usdPerGbSecond: Readonly<Record<Architecture, UsdPerGbSecond>>;
  readonly usdPerRequest: number;
}

export interface UsdPerGbSecond {
  readonly onDemand: number;
  /** Configured provisioned concurrency, idle or not. */
  readonly provisioned: number;
  /** Duration of a request that runs on provisioned concurrency. */
  readonly provisionedDuration: number;
}

/** What all functions of an account may take together. */
export interface Limits {
  /** Provisioned concurrency that Foreshock may hold over all functions of one account and region. */
  readonly concurrencyMax: number;
  readonly usdPerHourMax: number;
  readonly usdPerEventMax: number;
  /** Environments initialised a second, over all functions, counted over a minute; unlimited where absent. */
  readonly initsPerSecondMax?: number;
}

/** What stands behind functions, and of which each environment takes a share, warm or on demand: a database's connections. */
export interface SharedResource {
  readonly name: string;
  /** What one environment takes. */
  readonly perEnvironment: number;
  readonly limit: number;
  /** The functions in front of it. */
  readonly functions: readonly FunctionKey[];
}

/**
 * The life of one provisioned-concurrency configuration, from the Put to READY or FAILED, as values.
 *
 * ```
 *   Put ──► IN_PROGRESS ──(settlesAtMs)──► READY
 *              ▲   │                         │
 *              │   └──(initialisation fails)─┼──► FAILED
 *              └─ Put, or a move of the alias ◄──────┘
 * ```
 * Asking is not having: what is allocated rises in one jump at READY, never in part. A Put while IN_PROGRESS starts the preparation anew;
 * AWS does not say, and this is the pessimistic reading.
 */
import type { ProvisionedStatus } from '../../core/capacity.ts';
import type { EpochMs } from '../../core/time.ts';
import type { TwinParams } from './limits.ts';

export interface ProvisionedConfig {
  readonly requested: number;
  /** Environments that stand and serve. */
  readonly allocated: number;
  readonly status: ProvisionedStatus;
  readonly statusReason?: string;
  readonly lastModifiedMs: EpochMs;
  /** When IN_PROGRESS ends; only there while it lasts. */
  readonly settlesAtMs?: EpochMs;
  /** All environments are being replaced by those of another version; what is allocated is of the old one. */
  readonly isReplacing?: true;
}

export interface PutOptions {
  readonly concurrency: number;
  readonly nowMs: EpochMs;
  /** Initialisation of one environment; all initialise side by side. */
  readonly initDurationMs: number;
  /** Where in the range of preparation this Put falls, in [0, 1). */
  readonly preparationRatio: number;
  /** How many times as long an allocation takes; 1 but for a fault. */
  readonly slowness?: number;
  readonly params: TwinParams;
}

/** The configuration right after a Put. */
export function putConfig(before: ProvisionedConfig | undefined, options: PutOptions): ProvisionedConfig {
  const { concurrency, nowMs, params } = options;
  const existing = before?.allocated ?? 0;
  const isIncrease = concurrency > existing;
  const allocated = isIncrease && !params.increaseKeepsExisting ? 0 : Math.min(existing, concurrency);
  const takesMs = isIncrease ? increaseMs(concurrency - allocated, options) : params.decreaseMs;
  return {
    requested: concurrency,
    allocated,
    status: 'IN_PROGRESS',
    lastModifiedMs: nowMs,
    settlesAtMs: nowMs + takesMs,
  };
}

/**
 * The configuration of an alias right after its move to another version: every environment is prepared anew, and those that stand serve on
 * where the parameter says so. `concurrency` is what was requested before.
 */
export function moveConfig(before: ProvisionedConfig, options: PutOptions): ProvisionedConfig {
  return {
    requested: options.concurrency,
    allocated: options.params.aliasMoveKeepsServing ? before.allocated : 0,
    status: 'IN_PROGRESS',
    lastModifiedMs: options.nowMs,
    settlesAtMs: options.nowMs + increaseMs(options.concurrency, options),
    isReplacing: true,
  };
}

/** The configuration once IN_PROGRESS ends. */
export function settleConfig(config: ProvisionedConfig, initFails: boolean): ProvisionedConfig {
  const { requested, allocated, lastModifiedMs } = config;
  if (initFails && (allocated < requested || config.isReplacing)) {
    return { requested, allocated, status: 'FAILED', statusReason: 'FUNCTION_ERROR_INIT_FAILURE', lastModifiedMs };
  }
  return { requested, allocated: requested, status: 'READY', lastModifiedMs };
}

/**
 * What a configuration takes out of the account: while environments are being allocated they are claimed already; after a failure only
 * those that stand are.
 */
export function claimedBy(config: ProvisionedConfig): number {
  return config.status === 'FAILED' ? config.allocated : Math.max(config.requested, config.allocated);
}

/** Preparation, then allocation at its rate, then one initialisation. */
function increaseMs(environmentCount: number, options: PutOptions): number {
  const { preparationMs, allocationPerMinute } = options.params;
  const preparation = preparationMs.min + options.preparationRatio * (preparationMs.max - preparationMs.min);
  const takesMs = preparation + (environmentCount / allocationPerMinute) * 60_000 + options.initDurationMs;
  return Math.ceil(takesMs * (options.slowness ?? 1));
}

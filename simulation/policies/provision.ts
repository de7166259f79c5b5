/** The life of one alias's provisioned concurrency, from Put to READY, with its bill: the twin's rules without its API. */
import { assert } from '../../core/assert.ts';
import type { EpochMs } from '../../core/time.ts';
import type { TwinParams } from '../twin/limits.ts';
import { createProvisionedBill, type ProvisionedBill } from '../twin/provisioned-bill.ts';
import { putConfig, settleConfig, type ProvisionedConfig } from '../twin/provisioned-config.ts';

export interface Provision {
  readonly requested: number;
  readonly allocated: number;
  /** What it takes out of the account: what stands and what is being allocated. */
  readonly claimed: number;
  /** Since when all that was asked for is READY; undefined while it is not. */
  readonly readySinceMs: EpochMs | undefined;
  /** When what is under way will be READY. */
  readonly settlesAtMs: EpochMs | undefined;
  readonly bill: ProvisionedBill;
  /** Sets the level; the account may allow less. 0 deletes the configuration. `preparationRatio`: where in its range the preparation falls. */
  request(level: number, nowMs: EpochMs, preparationRatio: number): void;
  /** What is under way is READY now. */
  settle(): void;
}

export interface ProvisionOptions {
  readonly params: TwinParams;
  readonly initDurationMs: number;
  readonly fromMs: EpochMs;
  /** READY from the start. */
  readonly initialLevel: number;
}

export function createProvision({ params, initDurationMs, fromMs, initialLevel }: ProvisionOptions): Provision {
  const bill = createProvisionedBill(params.provisionedBillingMs);
  const levelMax = params.accountConcurrency - params.unreservedConcurrencyMin;
  let config: ProvisionedConfig | undefined;
  let readySinceMs: EpochMs | undefined = fromMs;
  const first = Math.min(levelMax, initialLevel);
  if (first > 0) {
    bill.set(first, fromMs);
    config = { requested: first, allocated: first, status: 'READY', lastModifiedMs: fromMs };
  }
  return {
    bill,
    get requested() {
      return config?.requested ?? 0;
    },
    get allocated() {
      return config?.allocated ?? 0;
    },
    get claimed() {
      return config ? Math.max(config.requested, config.allocated) : 0;
    },
    get readySinceMs() {
      return readySinceMs;
    },
    get settlesAtMs() {
      return config?.settlesAtMs;
    },
    request(level, nowMs, preparationRatio) {
      assert(Number.isInteger(level) && level >= 0, 'provisioned concurrency is counted');
      const concurrency = Math.min(levelMax, level);
      if (concurrency === (config?.requested ?? 0)) return;
      bill.set(concurrency, nowMs);
      const put = { concurrency, nowMs, initDurationMs, preparationRatio, params };
      config = concurrency === 0 ? undefined : putConfig(config, put);
      readySinceMs = config ? undefined : nowMs;
    },
    settle() {
      const settlesAtMs = config?.settlesAtMs;
      assert(config !== undefined && settlesAtMs !== undefined, 'only what is under way settles');
      config = settleConfig(config, false);
      readySinceMs = settlesAtMs;
    },
  };
}

/**
 * Every number of AWS that the twin plays by, in one place: what AWS documents, what it was measured to do, and what nobody outside
 * knows, each with its source. Written a second time on purpose: the twin judges the product and shares nothing with it but `core` words.
 *
 * What the twin leaves out: recycling of provisioned environments in the background, the account-wide request rate (10 a second for each
 * unit of the account's concurrency), SnapStart, retries of asynchronous callers, and the first-tier bound of the duration price.
 */
import type { Prices } from '../../core/function-spec.ts';

/** Answers of the twin carry it as `x-foreshock-twin`; raised when the same calls would be answered or served differently. */
export const twinVersion = '4';

export interface TwinParams {
  /** Concurrent executions of the account in one region. Documented default; "tens of thousands" on request. */
  readonly accountConcurrency: number;
  /** What Lambda always keeps unreserved. Documented (Lambda quotas), and in the recorded refusal. */
  readonly unreservedConcurrencyMin: number;
  /**
   * Preparation before allocation starts, drawn uniformly. Documented as "a minute or two"; no measurement is public.
   */
  readonly preparationMs: { readonly min: number; readonly max: number };
  /** Documented: "up to 6,000 execution environments every minute", usable only when all are there. */
  readonly allocationPerMinute: number;
  /** How long a decrease stays IN_PROGRESS. Undocumented. The surplus is gone at the call, the pessimistic reading. */
  readonly decreaseMs: number;
  /**
   * Whether environments that stand keep serving while an increase is IN_PROGRESS. Not stated by AWS. A recorded alias move shows
   * `Available: 1` while IN_PROGRESS, so true; false makes every increase start from nothing.
   */
  readonly increaseKeepsExisting: boolean;
  /**
   * Whether the environments of the old version keep serving an alias that moved, with its traffic, until those of the new version are
   * READY. Recorded: `Available: 1` and IN_PROGRESS right after the move; meanwhile the service was seen to put the weight 1 of the old
   * version on the alias. False: the old ones are gone at the move.
   */
  readonly aliasMoveKeepsServing: boolean;
  /**
   * How long a new function stays Pending and a changed one InProgress. Undocumented; nothing here depends on it, so both are over by the
   * next call. While it lasts, publishing and changing are refused.
   */
  readonly functionUpdateMs: number;
  /**
   * Whether a weight is refused while an alias's provisioned concurrency moves to another version. AWS documents nothing; meanwhile it keeps a weight of its own on the alias. True, the pessimistic
   * reading.
   */
  readonly weightsWhileMovingAreRefused: boolean;
  /** How long an event source mapping is Creating, Enabling, Disabling, Updating or Deleting. Undocumented; people report some seconds to a minute. */
  readonly eventSourceChangeMs: number;
  /** What one process keeps. */
  readonly eventSourceCountMax: number;
  /** Documented: requests a second of GetFunction, a bucket of its own. */
  readonly getFunctionPerSecond: number;
  /** Bounds of the twin itself, not of Lambda: what one process keeps. */
  readonly functionCountMax: number;
  /** Versions, and aliases, of one function. */
  readonly versionCountMax: number;
  /** Documented: 15 requests a second over all control-plane calls but GetFunction and GetPolicy; cannot be raised. */
  readonly controlPlanePerSecond: number;
  /** How many calls may come at once after a quiet time. Undocumented: one second's worth. */
  readonly controlPlaneBurst: number;
  /** The SDK declares `Retry-After` on a throttled call; the value is not documented. */
  readonly retryAfterSeconds: number;
  /**
   * Whether GetAccountSettings takes provisioned concurrency off `UnreservedConcurrentExecutions`. The SDK documents the limit less
   * reservations only; emulators also subtract provisioned concurrency. Undecided, so the documented reading.
   */
  readonly unreservedSubtractsProvisioned: boolean;
  /** Documented: requests a second for each unit of provisioned concurrency; what comes above spills over. */
  readonly requestsPerSecondPerConcurrency: number;
  /** How much of that rate may be saved up. AWS states a rate and no window: one second's worth. */
  readonly requestBurstMs: number;
  /** Documented: new environments of one function in ten seconds, refilled continuously, not accumulated beyond that. */
  readonly onDemandScalePer10s: number;
  /** How long an idle on-demand environment stays. Undocumented; public measurements say 5 to 10 minutes. */
  readonly keepAliveMs: number;
  /**
   * 99th percentile of the initialisation over its median. Published daily measurements say 1.2 to 1.5 for Node and Python, 2.2 to 2.8 for
   * Java and .NET.
   */
  readonly initSpread: number;
  /** Documented: the charge for provisioned concurrency is rounded up to the nearest five minutes. */
  readonly provisionedBillingMs: number;
  /**
   * EventBridge Scheduler: how long after its time a schedule fires at most, drawn uniformly. Documented: "60 second precision", between 1:00:00
   * and 1:00:59.
   */
  readonly schedulePrecisionMs: number;
  /**
   * Whether a schedule for a time that is over is refused. AWS documents nothing; several public code bases report a ValidationException. False:
   * it fires at once.
   */
  readonly pastScheduleIsRefused: boolean;
  /**
   * Pause before the second attempt of a schedule, doubled each time up to the longest, times 0.5 to 1.5. Documented: exponential, at most 185
   * attempts in 24 hours, which the longest pause is made for. The first is undocumented.
   */
  readonly scheduleRetryMs: { readonly first: number; readonly max: number };
  /** Calls of Scheduler's own API in a second, all together. Documented for each operation: 5,000 in the large regions, 250 elsewhere. */
  readonly schedulerPerSecond: number;
  /** What one process keeps; the documented quota is ten million. */
  readonly scheduleCountMax: number;
  /** Documented. */
  readonly scheduleGroupCountMax: number;
  /** Calls of Application Auto Scaling in a second. Undocumented. */
  readonly scalingPerSecond: number;
  /** What one process keeps. */
  readonly scalableTargetCountMax: number;
  /** How long after its end a minute is to be seen in CloudWatch. Undocumented; one to three minutes by what people report. */
  readonly metricDelayMs: number;
  /** Calls of CloudWatch in a second, all together. Documented: 50 of GetMetricData, 25 of ListMetrics. */
  readonly metricCallsPerSecond: number;
  /** Calls of DynamoDB in a second, all together. A table on demand takes thousands. */
  readonly tableCallsPerSecond: number;
  /** What one process keeps, tables and items. */
  readonly tableCountMax: number;
  readonly itemCountMax: number;
  /** Documented. */
  readonly itemBytesMax: number;
  /** Calls of SQS in a second, all together. Of standard queues nearly unlimited. */
  readonly queueCallsPerSecond: number;
  /** What one process keeps, queues and messages. */
  readonly queueCountMax: number;
  readonly messageCountMax: number;
  /** Documented: what a move of messages takes in a second where nobody says (and at most). "System optimised": as fast as may be. */
  readonly movedPerSecondMax: number;
  readonly prices: Prices;
}

/** us-east-1, first tier of the on-demand duration price. */
const prices: Prices = {
  asOf: '2026-11-20',
  region: 'us-east-1',
  usdPerGbSecond: {
    x86_64: { onDemand: 0.0000166667, provisioned: 0.0000041667, provisionedDuration: 0.0000097222 },
    arm64: { onDemand: 0.0000133334, provisioned: 0.0000033334, provisionedDuration: 0.0000077778 },
  },
  usdPerRequest: 0.2 / 1e6,
};

export const defaultParams: TwinParams = {
  accountConcurrency: 1_000,
  unreservedConcurrencyMin: 100,
  preparationMs: { min: 60_000, max: 120_000 },
  allocationPerMinute: 6_000,
  decreaseMs: 10_000,
  increaseKeepsExisting: true,
  aliasMoveKeepsServing: true,
  weightsWhileMovingAreRefused: true,
  eventSourceChangeMs: 10_000,
  eventSourceCountMax: 1_000,
  functionUpdateMs: 0,
  getFunctionPerSecond: 100,
  functionCountMax: 10_000,
  versionCountMax: 10_000,
  controlPlanePerSecond: 15,
  controlPlaneBurst: 15,
  retryAfterSeconds: 1,
  unreservedSubtractsProvisioned: false,
  requestsPerSecondPerConcurrency: 10,
  requestBurstMs: 1_000,
  onDemandScalePer10s: 1_000,
  keepAliveMs: 7 * 60_000,
  initSpread: 1.5,
  provisionedBillingMs: 5 * 60_000,
  schedulePrecisionMs: 60_000,
  pastScheduleIsRefused: true,
  scheduleRetryMs: { first: 1_000, max: 8 * 60_000 },
  schedulerPerSecond: 250,
  scheduleCountMax: 100_000,
  scheduleGroupCountMax: 500,
  scalingPerSecond: 50,
  scalableTargetCountMax: 10_000,
  metricDelayMs: 2 * 60_000,
  metricCallsPerSecond: 50,
  tableCallsPerSecond: 1_000,
  tableCountMax: 100,
  itemCountMax: 100_000,
  itemBytesMax: 409_600,
  queueCallsPerSecond: 1_000,
  queueCountMax: 1_000,
  messageCountMax: 10_000,
  movedPerSecondMax: 500,
  prices,
};

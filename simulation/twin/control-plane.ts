/**
 * Lambda's control plane as a pure machine: requests and time go in, answers and changes of capacity come out.
 *
 * Between calls, configurations settle by themselves: whoever owns the clock calls `advance`, and is told of every change of capacity with
 * the instant at which it takes effect.
 */
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import { Refusal, tooManyRequests, type TwinRequest, type TwinResponse } from './answer.ts';
import { createFunctionRegistry, uuidFrom, type AliasRecord, type FunctionRecord } from './function-registry.ts';
import { twinVersion, type TwinParams } from './limits.ts';
import { claimedOf, createOperations } from './operations.ts';
import { settleConfig, type ProvisionedConfig } from './provisioned-config.ts';
import { createRateBucket } from './rate-bucket.ts';
import { routeOf } from './routes.ts';
import type { TwinFunction } from './twin-function.ts';

/** Provisioned concurrency of one function changed at `atMs`. */
export interface CapacityChange {
  readonly atMs: EpochMs;
  readonly functionName: string;
  /** Environments that serve the traffic of the function's alias. */
  readonly allocated: number;
  /** What all its configurations pay for, and take out of the account, from the Put on. */
  readonly claimed: number;
}

export interface ControlPlane {
  /** Answers one call, after settling what was due. */
  handle(request: TwinRequest, nowMs: EpochMs): TwinResponse;
  /** Settles what is due until then, in time order. */
  advance(nowMs: EpochMs): void;
  /** The next instant at which something settles by itself; undefined when nothing is under way. */
  nextChangeMs(): EpochMs | undefined;
  /** Points an alias somewhere, as a deployment does; creates it if need be. */
  placeAlias(functionName: string, alias: Omit<AliasRecord, 'revisionId'>, nowMs: EpochMs): void;
  /** The fault switch: from now on, new environments of the function fail in their initialisation, or no longer. */
  setInitFails(functionName: string, initFails: boolean): void;
}

export interface ControlPlaneOptions {
  readonly functions: readonly TwinFunction[];
  readonly params: TwinParams;
  readonly random: Random;
  readonly onChange: (change: CapacityChange) => void;
}

export function createControlPlane({ functions, params, random, onChange }: ControlPlaneOptions): ControlPlane {
  const registry = createFunctionRegistry(functions, random);
  const records = [...registry.records.values()];
  const requestIds = random.fork('request-id');
  const calls = createRateBucket({ perSecond: params.controlPlanePerSecond, burst: params.controlPlaneBurst });
  const tell = (record: FunctionRecord, atMs: EpochMs): void => onChange(changeOf(record, atMs));
  const operations = createOperations({ registry, params, tell });

  const advance = (nowMs: EpochMs): void => {
    for (let due = nextDue(records); due && due.atMs <= nowMs; due = nextDue(records)) {
      due.record.configs.set(due.qualifier, settleConfig(due.config, due.record.initFails));
      tell(due.record, due.atMs);
    }
  };

  const answerTo = (request: TwinRequest, nowMs: EpochMs): TwinResponse => {
    try {
      const call = routeOf(request);
      if (!calls.take(nowMs)) throw tooManyRequests(params.retryAfterSeconds);
      return operations[call.operation](call, nowMs);
    } catch (error) {
      if (error instanceof Refusal) return error.response;
      throw error;
    }
  };

  return {
    advance,
    nextChangeMs: () => nextDue(records)?.atMs,
    handle(request, nowMs) {
      advance(nowMs);
      const response = answerTo(request, nowMs);
      const own = { 'x-amzn-requestid': uuidFrom(requestIds), 'x-foreshock-twin': twinVersion };
      return { ...response, headers: { ...response.headers, ...own } };
    },
    placeAlias(functionName, alias, nowMs) {
      advance(nowMs);
      const record = registry.find(functionName);
      record.aliases.set(alias.name, { ...alias, revisionId: uuidFrom(record.random) });
      tell(record, nowMs);
    },
    setInitFails(functionName, initFails) {
      registry.find(functionName).initFails = initFails;
    },
  };
}

function changeOf(record: FunctionRecord, atMs: EpochMs): CapacityChange {
  const alias = record.aliases.get(record.trafficAlias);
  const config = record.configs.get(record.trafficAlias) ?? record.configs.get(alias?.functionVersion ?? '');
  return { atMs, functionName: record.name, allocated: config?.allocated ?? 0, claimed: claimedOf(record) };
}

interface Due {
  readonly atMs: EpochMs;
  readonly record: FunctionRecord;
  readonly qualifier: string;
  readonly config: ProvisionedConfig;
}

/** The configuration that settles first; at the same instant, the one of the earlier function. */
function nextDue(records: readonly FunctionRecord[]): Due | undefined {
  let first: Due | undefined;
  for (const record of records) {
    for (const [qualifier, config] of record.configs) {
      const atMs = config.settlesAtMs;
      if (atMs !== undefined && (!first || atMs < first.atMs)) first = { atMs, record, qualifier, config };
    }
  }
  return first;
}

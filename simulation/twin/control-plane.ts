/**
 * The control planes of an account as one pure machine: requests and time go in, answers and changes of capacity come out.
 *
 * Between calls, configurations settle and schedules fire by themselves: whoever owns the clock calls `advance`, and is told of every change of
 * capacity with the instant at which it takes effect.
 */
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import { claimedOf } from './account-room.ts';
import { placeAlias, sharesOf } from './alias-operations.ts';
import { Refusal, type TwinRequest, type TwinResponse } from './answer.ts';
import type { AwsService } from './aws-service.ts';
import { createDoor, type Send } from './door.ts';
import { isEnabled } from './event-source-operations.ts';
import { handleFaultRequest, isFaultRequest } from './fault-requests.ts';
import { createFaults, type Fault, type FaultInForce, type Faults } from './faults.ts';
import {
  createFunctionRegistry,
  nextRevision,
  uuidFrom,
  type AliasTarget,
  type FunctionRecord,
} from './function-registry.ts';
import { createLambdaService } from './lambda-service.ts';
import { twinVersion, type TwinParams } from './limits.ts';
import type { MetricBook } from './metric-book.ts';
import { createMetricService, isMetricRequest } from './metric-service.ts';
import { createQueueService, isQueueRequest } from './queue-service.ts';
import type { OperationContext } from './operations.ts';
import { claimedBy, settleConfig, type ProvisionedConfig } from './provisioned-config.ts';
import { endMove } from './provisioned-operations.ts';
import { createScaling, isScalingRequest } from './scaling-service.ts';
import { isSchedulerRequest } from './scheduler-routes.ts';
import { createScheduler, type FiredSchedule } from './scheduler-service.ts';
import { createTableService, isTableRequest } from './table-service.ts';
import type { TwinFunction } from './twin-function.ts';

/** The capacity of one function, or where its aliases point, changed at `atMs`. */
export interface CapacityChange {
  readonly atMs: EpochMs;
  readonly functionName: string;
  /** What all its configurations take out of the account, from the Put on. */
  readonly claimed: number;
  readonly reservedConcurrency: number | undefined;
  /** Those that traffic comes to, in the order in which the twin was told of them. */
  readonly aliases: readonly AliasCapacity[];
}

export interface AliasCapacity {
  readonly name: string;
  /** Environments that serve its traffic. */
  readonly allocated: number;
  /** What is paid for it; all that no other alias has is the first one's. */
  readonly claimed: number;
  /** The version that its traffic runs on; undefined when the alias is gone. */
  readonly servingVersion: string | undefined;
}

export interface ControlPlane {
  /** Answers one call, after settling what was due. */
  handle(request: TwinRequest, nowMs: EpochMs): TwinResponse;
  /** Settles what is due until then, in time order. */
  advance(nowMs: EpochMs): void;
  /** The next instant at which something happens by itself; undefined when nothing is under way or booked. */
  nextChangeMs(): EpochMs | undefined;
  /** The last calls that schedules made, the oldest first; bounded. */
  firedSchedules(): readonly FiredSchedule[];
  /** Points an alias somewhere, as a deployment does; creates it if need be. */
  placeAlias(functionName: string, alias: AliasTarget, nowMs: EpochMs): void;
  /** The share of an alias's calls that each version gets; none of an alias that does not exist. */
  sharesOf(functionName: string, alias: string, nowMs: EpochMs): Readonly<Record<string, number>>;
  isEventSourceEnabled(uuid: string, nowMs: EpochMs): boolean;
  /** From now on, new environments of the function fail in their initialisation, or no longer. */
  setInitFails(functionName: string, initFails: boolean): void;
  addFault(fault: Fault, nowMs: EpochMs): FaultInForce;
  clearFaults(nowMs: EpochMs, id?: number): void;
}

export interface ControlPlaneOptions {
  readonly functions: readonly TwinFunction[];
  readonly params: TwinParams;
  readonly random: Random;
  /** When the account's resources came to be. */
  readonly fromMs: EpochMs;
  /** What CloudWatch answers from. */
  readonly metrics: MetricBook;
  readonly onChange: (change: CapacityChange) => void;
}

export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { functions, params, random, fromMs, metrics, onChange } = options;
  const registry = createFunctionRegistry(functions, random);
  const requestIds = random.fork('request-id');
  const faults = createFaults(random.fork('faults'));
  const updating = new Set<FunctionRecord>();
  const tell = (record: FunctionRecord, atMs: EpochMs): void => onChange(changeOf(record, atMs));
  const context: OperationContext = {
    registry,
    params,
    faults,
    eventSources: { byUuid: new Map(), random: random.fork('event-sources') },
    tell,
    beginUpdate: (record) => void updating.add(record),
  };
  const lambda = createLambdaService(context);
  const cloudWatch = createMetricService(metrics, params);
  const tables = createTableService(registry.place, params);
  const queues = createQueueService({ place: registry.place, params, random: random.fork('queues') });
  const serviceOf = (request: TwinRequest): AwsService => {
    if (isMetricRequest(request)) return cloudWatch;
    if (isScalingRequest(request)) return scaling.service;
    if (isTableRequest(request)) return tables;
    if (isQueueRequest(request)) return queues;
    return isSchedulerRequest(request) ? scheduler.service : lambda;
  };
  const send: Send = createDoor(serviceOf, faults);
  const scaling = createScaling({ registry, params, random: random.fork('scaling'), send });
  const scheduler = createScheduler({
    params,
    place: registry.place,
    random: random.fork('scheduler'),
    fromMs,
    send,
  });

  const settle = ({ record, qualifier, config, atMs }: Due): void => {
    const settled = settleConfig(config, record.initFails || faults.failsAt(record.name, atMs));
    record.configs.set(qualifier, settled);
    if (settled.status === 'READY') endMove(record, qualifier);
    tell(record, atMs);
  };
  /** What happens next by itself; at the same instant what settles comes before what is called. */
  const nextStep = (): Step | undefined => {
    const due = firstDue(registry.records.values(), faults);
    return firstOf([
      { atMs: due?.atMs, happen: () => due && settle(due) },
      { atMs: scaling.nextDueMs(), happen: () => scaling.happenNext() },
      { atMs: scheduler.nextDueMs(), happen: () => scheduler.fireNext() },
    ]);
  };
  const endUpdates = (nowMs: EpochMs): void => {
    for (const record of updating) if (endUpdate(record, nowMs)) updating.delete(record);
  };
  const advance = (nowMs: EpochMs): void => {
    for (let step = nextStep(); step && step.atMs <= nowMs; step = nextStep()) {
      endUpdates(step.atMs);
      step.happen();
    }
    endUpdates(nowMs);
  };

  return {
    advance,
    nextChangeMs: () => nextStep()?.atMs,
    firedSchedules: () => [...scheduler.fired()],
    handle(request, nowMs) {
      advance(nowMs);
      const response = isFaultRequest(request) ? answerFaultRequest(faults, request, nowMs) : send(request, nowMs);
      advance(nowMs);
      const own = { 'x-amzn-requestid': uuidFrom(requestIds), 'x-foreshock-twin': twinVersion };
      return { ...response, headers: { ...response.headers, ...own } };
    },
    placeAlias(functionName, target, nowMs) {
      advance(nowMs);
      placeAlias(context, registry.find(functionName), { target, nowMs });
    },
    sharesOf(functionName, alias, nowMs) {
      advance(nowMs);
      const record = registry.find(functionName).aliases.get(alias);
      return record ? sharesOf(record) : {};
    },
    isEventSourceEnabled(uuid, nowMs) {
      advance(nowMs);
      return isEnabled(context.eventSources, uuid, nowMs);
    },
    setInitFails(functionName, initFails) {
      registry.find(functionName).initFails = initFails;
    },
    addFault(fault, nowMs) {
      advance(nowMs);
      return faults.add(fault, nowMs);
    },
    clearFaults(nowMs, id) {
      advance(nowMs);
      faults.clear(nowMs, id);
      advance(nowMs);
    },
  };
}

function answerFaultRequest(faults: Faults, request: TwinRequest, nowMs: EpochMs): TwinResponse {
  try {
    return handleFaultRequest(faults, request, nowMs);
  } catch (error) {
    if (error instanceof Refusal) return error.response;
    throw error;
  }
}

/** Ends the creation or the change of a function that is over by then; the state has a revision of its own after a creation. */
function endUpdate(record: FunctionRecord, nowMs: EpochMs): boolean {
  const { underWay, ...settled } = record.latest;
  if (underWay && underWay.untilMs > nowMs) return false;
  if (underWay) record.latest = { ...settled, revisionId: nextRevision(record) };
  return true;
}

function changeOf(record: FunctionRecord, atMs: EpochMs): CapacityChange {
  const claimed = claimedOf(record);
  const taken = new Set<string>();
  const aliases = record.trafficAliases.map((name): AliasCapacity => {
    const alias = record.aliases.get(name);
    const servingVersion = alias?.movingFrom ?? alias?.functionVersion;
    // The environments of a version serve one of the aliases that point at it: the first.
    const qualifier = record.configs.has(name) ? name : taken.has(servingVersion ?? '') ? '' : (servingVersion ?? '');
    taken.add(qualifier);
    const config = record.configs.get(qualifier);
    return { name, allocated: config?.allocated ?? 0, claimed: config ? claimedBy(config) : 0, servingVersion };
  });
  const unnamed = claimed - aliases.reduce((sum, alias) => sum + alias.claimed, 0);
  const [first, ...rest] = aliases;
  return {
    atMs,
    functionName: record.name,
    claimed,
    reservedConcurrency: record.reservedConcurrency,
    aliases: first ? [{ ...first, claimed: first.claimed + unnamed }, ...rest] : [],
  };
}

interface Step {
  readonly atMs: EpochMs;
  readonly happen: () => void;
}

/** The one that happens first, if any does; of two at once, the one named first. */
function firstOf(steps: readonly (Omit<Step, 'atMs'> & { readonly atMs: EpochMs | undefined })[]): Step | undefined {
  let first: Step | undefined;
  for (const { atMs, happen } of steps) {
    if (atMs !== undefined && atMs < (first?.atMs ?? Infinity)) first = { atMs, happen };
  }
  return first;
}

interface Due {
  readonly atMs: EpochMs;
  readonly record: FunctionRecord;
  readonly qualifier: string;
  readonly config: ProvisionedConfig;
}

/** The configuration that settles first; at the same instant, the one of the earlier function. */
function firstDue(records: Iterable<FunctionRecord>, faults: Faults): Due | undefined {
  let first: Due | undefined;
  for (const record of records) {
    for (const [qualifier, config] of record.configs) {
      if (config.settlesAtMs === undefined) continue;
      const atMs = faults.heldUntilMs(record.name, config.settlesAtMs);
      if (atMs < (first?.atMs ?? Infinity)) first = { atMs, record, qualifier, config };
    }
  }
  return first;
}

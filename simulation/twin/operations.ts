/**
 * Every operation of the control plane that the twin plays, by its name in the real service.
 */
import type { EpochMs } from '../../core/time.ts';
import { createAlias, deleteAlias, getAlias, listAliases, updateAlias } from './alias-operations.ts';
import type { TwinResponse } from './answer.ts';
import { deleteReserved, getAccountSettings, getReserved, putReserved } from './concurrency-operations.ts';
import {
  createEventSource,
  deleteEventSource,
  getEventSource,
  listEventSources,
  updateEventSource,
  type EventSources,
} from './event-source-operations.ts';
import type { Faults } from './faults.ts';
import {
  createFunction,
  deleteFunction,
  getConfiguration,
  getFunction,
  listFunctions,
  listVersions,
  publishVersion,
  updateCode,
  updateConfiguration,
} from './function-operations.ts';
import type { FunctionRecord, FunctionRegistry } from './function-registry.ts';
import { invoke } from './invoke.ts';
import type { TwinParams } from './limits.ts';
import { deleteProvisioned, getProvisioned, listProvisioned, putProvisioned } from './provisioned-operations.ts';
import type { Call, LambdaOperationName } from './routes.ts';

export interface OperationContext {
  readonly registry: FunctionRegistry;
  readonly params: TwinParams;
  readonly faults: Faults;
  readonly eventSources: EventSources;
  /** Says that the capacity of a function, or where its aliases point, has changed. */
  readonly tell: (record: FunctionRecord, atMs: EpochMs) => void;
  /** Says that a function is Pending or being changed, and has to settle. */
  readonly beginUpdate: (record: FunctionRecord) => void;
}

type Operation = (context: OperationContext, call: Call, nowMs: EpochMs) => TwinResponse;

export const operations: Readonly<Record<LambdaOperationName, Operation>> = {
  CreateAlias: createAlias,
  CreateEventSourceMapping: createEventSource,
  CreateFunction: createFunction,
  DeleteAlias: deleteAlias,
  DeleteEventSourceMapping: deleteEventSource,
  DeleteFunction: deleteFunction,
  DeleteFunctionConcurrency: deleteReserved,
  DeleteProvisionedConcurrencyConfig: deleteProvisioned,
  GetAccountSettings: getAccountSettings,
  GetAlias: getAlias,
  GetEventSourceMapping: getEventSource,
  GetFunction: getFunction,
  GetFunctionConcurrency: getReserved,
  GetFunctionConfiguration: getConfiguration,
  GetProvisionedConcurrencyConfig: getProvisioned,
  Invoke: invoke,
  ListAliases: listAliases,
  ListEventSourceMappings: listEventSources,
  ListFunctions: listFunctions,
  ListProvisionedConcurrencyConfigs: listProvisioned,
  ListVersionsByFunction: listVersions,
  PublishVersion: publishVersion,
  PutFunctionConcurrency: putReserved,
  PutProvisionedConcurrencyConfig: putProvisioned,
  UpdateAlias: updateAlias,
  UpdateEventSourceMapping: updateEventSource,
  UpdateFunctionCode: updateCode,
  UpdateFunctionConfiguration: updateConfiguration,
};

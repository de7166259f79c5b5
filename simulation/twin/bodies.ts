/**
 * The JSON bodies of answers, member by member as recorded.
 */
import type { EpochMs } from '../../core/time.ts';
import type { AliasRecord, FunctionRecord, VersionRecord } from './function-registry.ts';
import type { ProvisionedConfig } from './provisioned-config.ts';
import type { TwinPlace } from './twin-function.ts';

export function configBody(config: ProvisionedConfig): object {
  return {
    RequestedProvisionedConcurrentExecutions: config.requested,
    AvailableProvisionedConcurrentExecutions: config.allocated,
    AllocatedProvisionedConcurrentExecutions: config.allocated,
    Status: config.status,
    ...(config.statusReason !== undefined && { StatusReason: config.statusReason }),
    LastModified: `${new Date(config.lastModifiedMs).toISOString().slice(0, 19)}+0000`,
  };
}

/** While its provisioned concurrency moves to another version, an alias shows the old one with all the weight. */
export function aliasBody(alias: AliasRecord, arn: string): object {
  const weights = alias.additionalVersionWeights ?? (alias.movingFrom !== undefined && { [alias.movingFrom]: 1 });
  return {
    AliasArn: arn,
    Name: alias.name,
    FunctionVersion: alias.functionVersion,
    Description: alias.description,
    ...(weights && { RoutingConfig: { AdditionalVersionWeights: weights } }),
    RevisionId: alias.revisionId,
  };
}

interface Named {
  readonly arn: string;
  readonly version: VersionRecord;
  readonly place: TwinPlace;
}

/** A function as the calls show it that ask for one. */
export function configurationBody(record: FunctionRecord, named: Named): object {
  return { ...listedBody(record, named), ...stateMembers(named.version) };
}

/** A function as lists show it: without its state, as the real service documents. */
export function listedBody({ name }: FunctionRecord, { arn, version, place }: Named): object {
  const { settings } = version;
  return {
    FunctionName: name,
    FunctionArn: arn,
    Runtime: settings.runtime,
    Role: settings.role,
    Handler: settings.handler,
    CodeSize: settings.codeBytes,
    Description: version.description,
    Timeout: settings.timeoutSeconds,
    MemorySize: settings.memoryMb,
    LastModified: millisecondText(version.lastModifiedMs),
    CodeSha256: settings.codeSha256,
    Version: version.version,
    ...(settings.environment && { Environment: { Variables: settings.environment } }),
    TracingConfig: { Mode: 'PassThrough' },
    RevisionId: version.revisionId,
    PackageType: 'Zip',
    Architectures: [settings.architecture],
    EphemeralStorage: { Size: 512 },
    SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
    RuntimeVersionConfig: { RuntimeVersionArn: `arn:aws:lambda:${place.region}::runtime:twin` },
    LoggingConfig: { LogFormat: 'Text', LogGroup: `/aws/lambda/${name}` },
  };
}

function stateMembers({ underWay }: VersionRecord): object {
  const reason = 'The function is being created.';
  switch (underWay?.what) {
    case 'create':
      return { State: 'Pending', StateReason: reason, StateReasonCode: 'Creating' };
    case 'update':
      return {
        State: 'Active',
        LastUpdateStatus: 'InProgress',
        LastUpdateStatusReason: reason,
        LastUpdateStatusReasonCode: 'Creating',
      };
    case undefined:
      return { State: 'Active', LastUpdateStatus: 'Successful' };
  }
}

/** Functions carry milliseconds and a bare offset: `2026-01-05T00:00:00.000+0000`; configurations only seconds. */
function millisecondText(atMs: EpochMs): string {
  return `${new Date(atMs).toISOString().slice(0, 23)}+0000`;
}

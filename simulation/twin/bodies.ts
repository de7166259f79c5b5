/**
 * The JSON bodies of answers, member by member as recorded.
 */
import type { EpochMs } from '../../core/time.ts';
import type { AliasRecord, FunctionRecord } from './function-registry.ts';
import type { ProvisionedConfig } from './provisioned-config.ts';
import type { TwinPlace } from './twin-function.ts';

/** Size of each function's package: nothing depends on it. */
export const codeSizeBytes = 262_144;

export function configBody(config: ProvisionedConfig): object {
  return {
    RequestedProvisionedConcurrentExecutions: config.requested,
    AvailableProvisionedConcurrentExecutions: config.allocated,
    AllocatedProvisionedConcurrentExecutions: config.allocated,
    Status: config.status,
    ...(config.statusReason !== undefined && { StatusReason: config.statusReason }),
    LastModified: lastModifiedText(config.lastModifiedMs),
  };
}

export function aliasBody(alias: AliasRecord, arn: string): object {
  const weights = alias.additionalVersionWeights;
  return {
    AliasArn: arn,
    Name: alias.name,
    FunctionVersion: alias.functionVersion,
    Description: alias.description,
    ...(weights && { RoutingConfig: { AdditionalVersionWeights: weights } }),
    RevisionId: alias.revisionId,
  };
}

export function configurationBody(
  record: FunctionRecord,
  named: { readonly arn: string; readonly version: string; readonly place: TwinPlace },
): object {
  const { accountId, region } = named.place;
  return {
    FunctionName: record.name,
    FunctionArn: named.arn,
    Runtime: 'nodejs24.x',
    Role: `arn:aws:iam::${accountId}:role/${record.name}`,
    Handler: 'index.handler',
    CodeSize: codeSizeBytes,
    Description: '',
    Timeout: 30,
    MemorySize: record.spec.memoryMb,
    LastModified: '2026-01-05T00:00:00.000+0000',
    CodeSha256: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
    Version: named.version,
    TracingConfig: { Mode: 'PassThrough' },
    RevisionId: record.revisionId,
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: [record.spec.architecture],
    EphemeralStorage: { Size: 512 },
    SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
    RuntimeVersionConfig: { RuntimeVersionArn: `arn:aws:lambda:${region}::runtime:twin` },
    LoggingConfig: { LogFormat: 'Text', LogGroup: `/aws/lambda/${record.name}` },
  };
}

/** Lambda writes instants of configurations to the second, with a bare offset: `2025-11-25T02:42:49+0000`. */
function lastModifiedText(atMs: EpochMs): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}+0000`;
}

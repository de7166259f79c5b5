/**
 * How an alias splits its calls: a share of them to one other version, under the lock of the alias's revision.
 *
 * AWS moves aliases by itself: after a deployment the provisioned concurrency follows, and meanwhile the old version stands on the alias with a weight that is AWS's and not ours. A weight that
 * is sent into that would send callers to a version that is being emptied; so none is sent while a move is unfinished, and none over somebody else's split.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
 */
import {
  GetAliasCommand,
  GetProvisionedConcurrencyConfigCommand,
  ProvisionedConcurrencyConfigNotFoundException,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import type { Standing, WeighAlias } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import type { RestoreWeights } from '../../core/undo.ts';
import { functionArnOf, nameOf } from '../arn.ts';
import { unreadable } from '../service-door.ts';
import { movedUnderUs, refusal, type RemedyPorts } from './ask.ts';
import { areWeights, isWeighed, weightsOf } from './undo.ts';

export type AliasStanding = Extract<Standing, { readonly kind: 'alias' }>;

type Weights = Readonly<Record<string, number>>;

/** Two calls. @throws what the door throws. */
export async function lookAtAlias(ports: RemedyPorts, key: FunctionKey, signal: AbortSignal): Promise<AliasStanding> {
  const name = nameOf(key);
  const { lambda } = ports.doorsOf(name);
  const FunctionName = functionArnOf(name);
  const request = { urgency: 'urgent', signal } as const;
  const alias = await lambda.send(request, (client, abortSignal) =>
    client.send(new GetAliasCommand({ FunctionName, Name: name.alias }), { abortSignal }),
  );
  if (!alias.FunctionVersion || !alias.RevisionId) throw unreadable('the alias names no version or no revision');
  const status = await lambda.send(request, async (client, abortSignal) => {
    const command = new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier: name.alias });
    const config = await client.send(command, { abortSignal }).catch((error: unknown) => {
      if (error instanceof ProvisionedConcurrencyConfigNotFoundException) return undefined;
      throw error;
    });
    return config?.Status;
  });
  const unfinishedMove = status === 'IN_PROGRESS' || status === 'FAILED' ? status : undefined;
  return {
    kind: 'alias',
    key,
    version: alias.FunctionVersion,
    weights: readWeights(alias.RoutingConfig?.AdditionalVersionWeights ?? {}),
    revisionId: alias.RevisionId,
    ...(unfinishedMove && { unfinishedMove }),
  };
}

/**
 * `before`: what the remedy's undo was made from. Standing already is done.
 *
 * @throws WorldError, not retryable, where it must not be sent; what the door throws else.
 */
export async function weighAlias(
  ports: RemedyPorts,
  remedy: WeighAlias,
  { before, signal }: { readonly before: AliasStanding | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const now = await lookAtAlias(ports, remedy.key, signal);
  if (isWeighed(remedy, now.weights)) return;
  if (before && before.revisionId !== now.revisionId) {
    throw movedUnderUs(`the alias was at revision ${before.revisionId} and is at ${now.revisionId} now`);
  }
  refuseUnfit(remedy, now);
  await send(ports, { now, weights: weightsOf(remedy), signal });
}

/**
 * Gives back what stood before, where `remedy` still stands. That a move is under way is no reason to keep what should be over: AWS has the last word.
 *
 * @throws WorldError `MovedUnderUs` where something else stands; what the door throws else.
 */
export async function restoreWeights(
  ports: RemedyPorts,
  undo: RestoreWeights,
  { remedy, signal }: { readonly remedy: WeighAlias; readonly signal: AbortSignal },
): Promise<void> {
  const now = await lookAtAlias(ports, undo.key, signal);
  // A deployment may have made the version that had a share the alias's own.
  const weights = now.version in undo.weights ? {} : undo.weights;
  if (areWeights(now.weights, weights)) return;
  if (!isWeighed(remedy, now.weights)) throw movedUnderUs('somebody else has split the alias since');
  await send(ports, { now, weights, signal });
}

function refuseUnfit({ version, isRollback }: WeighAlias, now: AliasStanding): void {
  if (now.unfinishedMove !== undefined) {
    const state =
      now.unfinishedMove === 'IN_PROGRESS' ? 'is still being moved by AWS' : 'failed, and AWS may have left weights';
    throw refusal('MoveUnfinished', `provisioned concurrency of the alias ${state}: no weight is sent into that`);
  }
  if (version === now.version) {
    throw refusal('SameVersion', `the alias is at version ${version} itself: its calls go there already`);
  }
  const other = Object.keys(now.weights).find((one) => one !== version);
  if (other !== undefined && !isRollback) {
    throw refusal('DeploymentInFlight', `version ${other} has a share of the alias already, and only one can`);
  }
}

async function send(
  ports: RemedyPorts,
  { now, weights, signal }: { readonly now: AliasStanding; readonly weights: Weights; readonly signal: AbortSignal },
): Promise<void> {
  const name = nameOf(now.key);
  const command = new UpdateAliasCommand({
    FunctionName: functionArnOf(name),
    Name: name.alias,
    RoutingConfig: { AdditionalVersionWeights: { ...weights } },
    RevisionId: now.revisionId,
  });
  await ports.doorsOf(name).lambda.send({ urgency: 'urgent', signal }, (client, abortSignal) =>
    client.send(command, { abortSignal }).catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== 'PreconditionFailedException') throw error;
      throw movedUnderUs('the alias was changed between the look and the change');
    }),
  );
}

function readWeights(weights: Readonly<Record<string, number>>): Weights {
  const entries = Object.entries(weights);
  const isReadable = entries.length <= 1 && entries.every(([version, weight]) => isShare(version, weight));
  if (!isReadable) throw unreadable('the alias has weights that are none');
  return Object.fromEntries(entries.filter(([, weight]) => weight > 0));
}

function isShare(version: string, weight: unknown): boolean {
  return /^\d{1,9}$/.test(version) && typeof weight === 'number' && weight >= 0 && weight <= 1;
}

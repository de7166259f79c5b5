/**
 * The concurrency that is kept for a function, and that it is kept to: of all its aliases together. 0 stops it; none at all lets it take what the account has left.
 *
 * That the account keeps its 100 unreserved, and that a reservation holds what is provisioned, is AWS's to say: its numbers are newer than any of ours.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
 */
import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionConcurrencyCommand,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
import type { ReserveConcurrency, Standing } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import type { RestoreReserved } from '../../core/undo.ts';
import { functionArnOf, nameOf } from '../arn.ts';
import { isCount, unreadable } from '../service-door.ts';
import { movedUnderUs, type RemedyPorts } from './ask.ts';

export type ReservedStanding = Extract<Standing, { readonly kind: 'reserved' }>;

/** @throws what the door throws. */
export async function lookAtReserved(
  ports: RemedyPorts,
  key: FunctionKey,
  signal: AbortSignal,
): Promise<ReservedStanding> {
  const name = nameOf(key);
  const command = new GetFunctionConcurrencyCommand({ FunctionName: functionArnOf(name) });
  const { ReservedConcurrentExecutions: concurrency } = await ports
    .doorsOf(name)
    .lambda.send({ urgency: 'urgent', signal }, (client, abortSignal) => client.send(command, { abortSignal }));
  if (concurrency !== undefined && !isCount(concurrency)) throw unreadable('the reservation is no count');
  // An answer without it: none is set. 0 would stop the function.
  return { kind: 'reserved', key, concurrency: concurrency ?? null };
}

/** `before`: what the remedy's undo was made from. @throws WorldError `MovedUnderUs`; what the door throws. */
export async function reserveConcurrency(
  ports: RemedyPorts,
  { key, concurrency }: ReserveConcurrency,
  { before, signal }: { readonly before: ReservedStanding | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const now = await lookAtReserved(ports, key, signal);
  if (now.concurrency === concurrency) return;
  if (before && before.concurrency !== now.concurrency) throw movedUnderUs(changed(before.concurrency, now));
  await send(ports, { key, concurrency, signal });
}

/** Where `remedy` still stands. @throws WorldError `MovedUnderUs` where it does not; what the door throws. */
export async function restoreReserved(
  ports: RemedyPorts,
  { key, concurrency }: RestoreReserved,
  { remedy, signal }: { readonly remedy: ReserveConcurrency; readonly signal: AbortSignal },
): Promise<void> {
  const now = await lookAtReserved(ports, key, signal);
  if (now.concurrency === concurrency) return;
  if (now.concurrency !== remedy.concurrency) throw movedUnderUs(changed(remedy.concurrency, now));
  await send(ports, { key, concurrency, signal });
}

async function send(
  ports: RemedyPorts,
  { key, concurrency, signal }: Pick<ReserveConcurrency, 'key' | 'concurrency'> & { readonly signal: AbortSignal },
): Promise<void> {
  const name = nameOf(key);
  const FunctionName = functionArnOf(name);
  await ports.doorsOf(name).lambda.send({ urgency: 'urgent', signal }, async (client, abortSignal): Promise<unknown> =>
    concurrency === null
      ? client.send(new DeleteFunctionConcurrencyCommand({ FunctionName }), { abortSignal })
      : client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: concurrency }), {
          abortSignal,
        }),
  );
}

function changed(from: number | null, { concurrency: to }: ReservedStanding): string {
  return `the reservation was ${from ?? 'none'} and is ${to ?? 'none'} now: somebody else changed it`;
}

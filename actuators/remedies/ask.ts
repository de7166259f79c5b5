/** What the remedies' calls have in common: one attempt each, an answer for every failure, and refusals of our own before anything is sent. */
import type { Outcome } from '../../core/action.ts';
import { WorldError } from '../../core/errors.ts';
import type { FunctionName } from '../../core/series-key.ts';
import type { Clock } from '../../core/time.ts';
import { placeOf } from '../arn.ts';
import type { AwsDoors } from '../aws-doors.ts';
import { readFailure, worldErrorOf } from '../aws-failure.ts';

/** An account and region: where a function, a queue or a table is. */
export type Place = Pick<FunctionName, 'accountId' | 'region'>;

export interface RemedyPorts {
  readonly doorsOf: (place: Place) => AwsDoors;
  readonly clock: Clock;
}

/**
 * The doors of a place that is named beside the functions: a queue, a table.
 *
 * @throws WorldError `OtherPlace`: a table of the same name in another region is another table.
 */
export function doorsAt({ doorsOf }: RemedyPorts, place: Place): AwsDoors {
  const doors = doorsOf(place);
  const { accountId, region } = doors.lambda;
  if (accountId === place.accountId && region === place.region) return doors;
  throw refusal('OtherPlace', `it is in ${placeOf(place)}, and ${placeOf(doors.lambda)} is what is acted on`);
}

/** What stands is not what the decision, or its undo, was made from: somebody else was here. */
export function movedUnderUs(what: string): WorldError {
  return refusal('MovedUnderUs', what);
}

/** Not sent, because AWS would refuse it, or because it would undo what somebody else is doing. */
export function refusal(code: string, message: string): WorldError {
  return new WorldError(code, message, { retryable: false });
}

/** One attempt, and how it ended. */
export async function outcomeOf(act: () => Promise<unknown>, clock: Clock, signal: AbortSignal): Promise<Outcome> {
  try {
    await act();
    return { kind: 'accepted', atMs: clock.nowMs() };
  } catch (error) {
    return { ...readFailure(error, signal), atMs: clock.nowMs() };
  }
}

/** @throws WorldError when there is no answer, or a refusal. */
export async function seen<T>(look: () => Promise<T>, what: string, signal: AbortSignal): Promise<T> {
  try {
    return await look();
  } catch (error) {
    throw worldErrorOf(readFailure(error, signal), `looking at ${what}`);
  }
}

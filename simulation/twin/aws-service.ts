/**
 * One of the services that answer on the twin's port. Each reads its own calls, counts them against its own rates, and says what it says in its own
 * form; what they have in common (faults, refusals, lost answers) is done once, at the door.
 */
import type { EpochMs } from '../../core/time.ts';
import type { TwinRequest, TwinResponse } from './answer.ts';
import type { OperationName } from './operation-names.ts';

/** A call that was read and not yet carried out. */
export interface PlayedCall {
  readonly operation: OperationName;
  /** The function that it is about, as far as its address says; empty where it names none. */
  readonly functionName: string;
  /** @throws Refusal */
  carryOut(nowMs: EpochMs): TwinResponse;
}

export interface AwsService {
  /** @throws Refusal when there is no such operation, or the request is not readable. */
  callOf(request: TwinRequest): PlayedCall;
  /** Whether the account may make the call now; takes it out of the rate. */
  allow(operation: OperationName, nowMs: EpochMs): boolean;
  throttled(): TwinResponse;
  failed(status: number): TwinResponse;
  /** A refusal, whoever worded it, in the form of this service. */
  inItsForm(refusal: TwinResponse): TwinResponse;
}

/** The code and the words of a refusal, whatever its form, and the item that stood in its way, where it shows one. */
export function saidBy({ headers, body }: TwinResponse): {
  readonly code: string;
  readonly message: string;
  readonly item: unknown;
} {
  const members = JSON.parse(body) as { readonly message?: string; readonly Message?: string; readonly Item?: unknown };
  return {
    code: headers['x-amzn-errortype'] ?? '',
    message: members.message ?? members.Message ?? '',
    item: members.Item,
  };
}

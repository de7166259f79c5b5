/**
 * The door to one of AWS's services for one account and region: the SDK's client, the queue in front of it, and what is known of the other end.
 *
 * Each service has a queue of its own, because each has a call budget of its own: a listing of bookings must not wait behind Lambda's polls, nor
 * eat what Lambda gives to everybody in the account.
 */
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { WorldError } from '../core/errors.ts';
import { isLoopback } from '../core/loopback.ts';
import type { Clock, Timers } from '../core/time.ts';
import { readFailure } from './aws-failure.ts';
import { createCallQueue, type CallQueue, type CallRequest } from './call-queue.ts';
import { classifyEndpoint, twinHeader, type EndpointKind } from './endpoint.ts';

export interface ServiceDoor<Client> {
  readonly accountId: string;
  readonly region: string;
  /** The address for people. */
  readonly endpointName: string;
  readonly queue: CallQueue;
  /** Judged anew at every answer; `unknown` before the first one. */
  endpointKind(): EndpointKind;
  /**
   * Sends one call when its turn comes, and waits for its answer no longer than `requestTimeoutMs`. `call` runs at the instant of sending.
   *
   * @throws WorldError `CallQueueFull`, `DeadlinePassed` or `Aborted` when nothing was sent; else what the SDK throws.
   */
  send<T>(request: CallRequest, call: (client: Client, signal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface DoorOptions {
  readonly accountId: string;
  readonly region: string;
  /** Absent: Amazon's own (see `resolveEndpointUrl`). */
  readonly endpointUrl?: string | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly callsPerSecond?: number | undefined;
  /** Of the socket, so in real time even where the clock is virtual. */
  readonly requestTimeoutMs?: number | undefined;
}

/** What every client of the SDK takes. */
export interface ClientSettings {
  readonly region: string;
  readonly maxAttempts: number;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** AWS answers these calls in well under a second; one that takes ten will not be the one that saves the event. */
const requestTimeoutMsDefault = 10_000;

/** A throttle without a word on when to return: the account's bucket refills within a second. */
const throttlePauseMs = 1_000;

/** Nothing but AWS is ever shown a real access key: the twin checks no signature. */
const twinCredentials = { accessKeyId: 'foreshock-twin', secretAccessKey: 'foreshock-twin' };

/** `serviceName` is for people: "Lambda". */
export function createServiceDoor<Client extends object>(
  serviceName: string,
  createClient: (settings: ClientSettings) => Client,
  options: DoorOptions,
): ServiceDoor<Client> {
  const { accountId, region, endpointUrl, clock, timers, requestTimeoutMs = requestTimeoutMsDefault } = options;
  const isLocal = endpointUrl !== undefined && isLoopback(new URL(endpointUrl).hostname);
  const client = createClient({
    region,
    // One attempt: when to try again is a decision, with its own record.
    maxAttempts: 1,
    ...(endpointUrl !== undefined && { endpoint: endpointUrl }),
    ...(isLocal && { credentials: twinCredentials }),
  });
  const endpointKind = watchEndpoint(client);
  const { callsPerSecond } = options;
  const queue = createCallQueue({ clock, timers, ...(callsPerSecond !== undefined && { callsPerSecond }) });
  return {
    accountId,
    region,
    endpointName: endpointUrl ?? `${serviceName} in ${region}`,
    queue,
    endpointKind,
    async send(request, call) {
      const answer = await queue.run(async () => {
        // An abort signal, because the SDK's own timeout ends at the headers: a body that never ends would hold the call for ever.
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(requestTimeoutMs)]);
        try {
          return await call(client, signal);
        } catch (error) {
          const failure = readFailure(error, request.signal);
          if (failure.kind === 'throttled') queue.pauseFor(failure.retryAfterMs ?? throttlePauseMs);
          throw error;
        }
      }, request);
      switch (answer.kind) {
        case 'done':
          return answer.value;
        case 'shed':
          throw notSent('CallQueueFull', `${queue.waitingCount} calls to ${serviceName} are waiting already`);
        case 'late':
          throw notSent('DeadlinePassed', 'its turn in the call queue came after its deadline');
        case 'aborted':
          throw notSent('Aborted', 'given up while it waited in the call queue');
      }
    },
  };
}

function notSent(code: string, message: string): WorldError {
  return new WorldError(code, message, { retryable: true });
}

/** Looks at each answer as it comes in, before anything is made of it, errors included. */
function watchEndpoint(client: object): () => EndpointKind {
  let kind: EndpointKind = 'unknown';
  // The clients share one middleware stack, typed by each with its own commands.
  const { middlewareStack } = client as Pick<LambdaClient, 'middlewareStack'>;
  middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { hostname } = args.request as { readonly hostname: string };
      const { headers } = result.response as { readonly headers: Readonly<Record<string, string>> };
      const twinVersion = headers[twinHeader];
      kind = classifyEndpoint({ host: hostname, ...(twinVersion !== undefined && { twinVersion }) });
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'watchEndpoint' },
  );
  return () => kind;
}

/** Numbers of the other end are taken for what they should be only after a look. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** What came is no answer to what was asked. */
export function unreadable(what: string): WorldError {
  return new WorldError('UnreadableAnswer', what, { retryable: true });
}

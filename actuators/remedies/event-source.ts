/**
 * An event source mapping, paused and resumed. Both are asked for and come later: AWS says Disabling or Enabling for a while, and takes no other change meanwhile.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
 */
import { GetEventSourceMappingCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import type { Standing, SwitchEventSource } from '../../core/remedy.ts';
import type { RestoreEventSource } from '../../core/undo.ts';
import { functionArnOf, nameOf } from '../arn.ts';
import { unreadable } from '../service-door.ts';
import { movedUnderUs, refusal, type RemedyPorts } from './ask.ts';

export type EventSourceStanding = Extract<Standing, { readonly kind: 'event-source' }>;

type Mapping = Pick<SwitchEventSource, 'key' | 'uuid'>;

/** @throws WorldError `OtherFunction` where the mapping feeds another function than the key's; what the door throws. */
export async function lookAtEventSource(
  ports: RemedyPorts,
  { key, uuid }: Mapping,
  signal: AbortSignal,
): Promise<EventSourceStanding> {
  const name = nameOf(key);
  const command = new GetEventSourceMappingCommand({ UUID: uuid });
  const { FunctionArn, State } = await ports
    .doorsOf(name)
    .lambda.send({ urgency: 'urgent', signal }, (client, abortSignal) => client.send(command, { abortSignal }));
  const arn = functionArnOf(name);
  // A mapping is named by a number that says nothing: one that was mistyped would stop somebody else's queue.
  if (FunctionArn !== arn && FunctionArn !== `${arn}:${name.alias}`) {
    throw refusal('OtherFunction', `mapping ${uuid} feeds ${FunctionArn ?? 'nothing'}, not ${key}`);
  }
  return { kind: 'event-source', key, uuid, ...readState(State) };
}

function readState(state: string | undefined): Pick<EventSourceStanding, 'state' | 'becomes'> {
  switch (state) {
    case 'Enabled':
      return { state: 'enabled' };
    case 'Disabled':
      return { state: 'disabled' };
    case 'Enabling':
      return { state: 'changing', becomes: 'enabled' };
    case 'Disabling':
      return { state: 'changing', becomes: 'disabled' };
    // Creating, Updating, Deleting: what comes of it is not said.
    case 'Creating':
    case 'Deleting':
    case 'Updating':
      return { state: 'changing' };
    case undefined:
    default:
      throw unreadable('the state of the mapping is unknown');
  }
}

/** `before`: what the remedy's undo was made from. @throws WorldError where it must not be sent; what the door throws. */
export async function switchEventSource(
  ports: RemedyPorts,
  remedy: SwitchEventSource,
  { before, signal }: { readonly before: EventSourceStanding | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const now = await lookAtEventSource(ports, remedy, signal);
  if (isAs(now, remedy.isEnabled)) return;
  if (before && (before.becomes ?? before.state) !== (now.becomes ?? now.state)) throw movedUnderUs(changed(now));
  await send(ports, remedy, { isEnabled: remedy.isEnabled, signal });
}

/** Where `remedy` still stands. @throws WorldError where it does not; what the door throws. */
export async function restoreEventSource(
  ports: RemedyPorts,
  undo: RestoreEventSource,
  { remedy, signal }: { readonly remedy: SwitchEventSource; readonly signal: AbortSignal },
): Promise<void> {
  const now = await lookAtEventSource(ports, undo, signal);
  if (isAs(now, undo.isEnabled)) return;
  if (!isAs(now, remedy.isEnabled)) throw movedUnderUs(changed(now));
  await send(ports, undo, { isEnabled: undo.isEnabled, signal });
}

async function send(
  ports: RemedyPorts,
  { key, uuid }: Mapping,
  { isEnabled, signal }: { readonly isEnabled: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const command = new UpdateEventSourceMappingCommand({ UUID: uuid, Enabled: isEnabled });
  await ports
    .doorsOf(nameOf(key))
    .lambda.send({ urgency: 'urgent', signal }, (client, abortSignal) => client.send(command, { abortSignal }));
}

function isAs({ state, becomes }: EventSourceStanding, isEnabled: boolean): boolean {
  return (becomes ?? state) === (isEnabled ? 'enabled' : 'disabled');
}

function changed({ state, becomes }: EventSourceStanding): string {
  return `the mapping is ${becomes ?? state} now: somebody else changed it`;
}

/**
 * Event source mappings: what polls a queue or a stream for a function. Every change is answered at once with a state that says it is under way, and while it is, another is refused.
 *
 * A mapping feeds no traffic here: arrivals belong to the world, which may ask what is enabled. Whether its source exists is not looked at, because most kinds of source are not played.
 */
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import { answer, badRequest, errorAnswer, notFound, Refusal, unreadable, type TwinResponse } from './answer.ts';
import { uuidFrom, type FunctionRegistry } from './function-registry.ts';
import type { OperationContext } from './operations.ts';
import { inRange, integerIn, matching, membersIn, required, textIn, type Members } from './request-body.ts';
import { listPage, pageOf, type Call } from './routes.ts';

type Transition = 'Creating' | 'Deleting' | 'Disabling' | 'Enabling' | 'Updating';

interface EventSource {
  readonly uuid: string;
  readonly sourceArn: string;
  readonly functionName: string;
  readonly qualifier: string | undefined;
  readonly batchSize: number;
  readonly isEnabled: boolean;
  readonly modifiedAtMs: EpochMs;
  /** Under way until then. */
  readonly transition: { readonly state: Transition; readonly untilMs: EpochMs };
}

export interface EventSources {
  readonly byUuid: Map<string, EventSource>;
  readonly random: Random;
}

export function createEventSource(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, params, eventSources } = context;
  const members = membersIn(call.body);
  const named = functionIn(registry, required(textIn(members, 'FunctionName'), 'FunctionName'));
  const sourceArn = matching(
    sourcePattern,
    required(textIn(members, 'EventSourceArn'), 'EventSourceArn'),
    'EventSourceArn',
  );
  const batchSize = batchSizeIn(members) ?? 10;
  const isEnabled = enabledIn(members) ?? true;
  forget(eventSources, nowMs);
  const same = [...eventSources.byUuid.values()].find(
    (one) => one.sourceArn === sourceArn && one.functionName === named.functionName,
  );
  if (same) {
    const message = `An event source mapping with SQS arn (" ${sourceArn} ") and function (" ${named.functionName} ") already exists. Please update or delete the existing mapping with UUID ${same.uuid}`;
    throw new Refusal(errorAnswer(409, 'ResourceConflictException', { Type: 'User', Message: message }));
  }
  if (eventSources.byUuid.size >= params.eventSourceCountMax) {
    throw badRequest(`The twin keeps ${params.eventSourceCountMax} event source mappings.`);
  }
  const source: EventSource = {
    uuid: uuidFrom(eventSources.random),
    sourceArn,
    ...named,
    batchSize,
    isEnabled,
    modifiedAtMs: nowMs,
    transition: { state: 'Creating', untilMs: nowMs + params.eventSourceChangeMs },
  };
  eventSources.byUuid.set(source.uuid, source);
  return answer(202, bodyOf(registry, source, nowMs));
}

export function getEventSource({ registry, eventSources }: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  return answer(200, bodyOf(registry, find(eventSources, call.uuid, nowMs), nowMs));
}

export function listEventSources(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, eventSources } = context;
  forget(eventSources, nowMs);
  const sourceArn = call.query.get('EventSourceArn');
  const name = call.query.get('FunctionName');
  const named = name === null ? undefined : functionIn(registry, name);
  const items = [...eventSources.byUuid.values()]
    .filter((one) => sourceArn === null || one.sourceArn === sourceArn)
    .filter((one) => !named || (one.functionName === named.functionName && one.qualifier === named.qualifier))
    .map((one) => bodyOf(registry, one, nowMs));
  const { page, next } = pageOf(items, call.query, listPage);
  return answer(200, { EventSourceMappings: page, ...next });
}

export function updateEventSource(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, params, eventSources } = context;
  const members = membersIn(call.body);
  const isEnabledWanted = enabledIn(members);
  const batchSize = batchSizeIn(members);
  const name = textIn(members, 'FunctionName');
  const before = settled(find(eventSources, call.uuid, nowMs), nowMs);
  const isEnabled = isEnabledWanted ?? before.isEnabled;
  const state = isEnabled === before.isEnabled ? 'Updating' : isEnabled ? 'Enabling' : 'Disabling';
  const source: EventSource = {
    ...before,
    ...(name !== undefined && functionIn(registry, name)),
    batchSize: batchSize ?? before.batchSize,
    isEnabled,
    modifiedAtMs: nowMs,
    transition: { state, untilMs: nowMs + params.eventSourceChangeMs },
  };
  eventSources.byUuid.set(source.uuid, source);
  return answer(202, bodyOf(registry, source, nowMs));
}

export function deleteEventSource(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, params, eventSources } = context;
  const before = settled(find(eventSources, call.uuid, nowMs), nowMs);
  const transition = { state: 'Deleting', untilMs: nowMs + params.eventSourceChangeMs } as const;
  const source: EventSource = { ...before, modifiedAtMs: nowMs, transition };
  eventSources.byUuid.set(source.uuid, source);
  return answer(202, bodyOf(registry, source, nowMs));
}

/** Polls now: enabled, or about to be disabled. */
export function isEnabled({ byUuid }: EventSources, uuid: string, nowMs: EpochMs): boolean {
  const source = byUuid.get(uuid);
  return source !== undefined && ['Disabling', 'Enabled', 'Updating'].includes(stateOf(source, nowMs));
}

const sourcePattern = /^arn:aws(?:-[a-z]+)*:[a-z]{1,32}:[a-z0-9-]{1,32}:\d{12}:[^\s]{1,512}$/;

function find(sources: EventSources, uuid: string, nowMs: EpochMs): EventSource {
  forget(sources, nowMs);
  const found = sources.byUuid.get(uuid);
  if (!found) throw notFound('The resource you requested does not exist.');
  return found;
}

/** @throws Refusal while a change is under way, as documented. */
function settled(source: EventSource, nowMs: EpochMs): EventSource {
  if (nowMs >= source.transition.untilMs) return source;
  const message = 'Cannot update the event source mapping because it is in use.';
  throw new Refusal(errorAnswer(400, 'ResourceInUseException', { Type: 'User', Message: message }));
}

/** What was deleted is gone when that is over. */
function forget({ byUuid }: EventSources, nowMs: EpochMs): void {
  for (const { uuid, transition } of byUuid.values()) {
    if (transition.state === 'Deleting' && nowMs >= transition.untilMs) byUuid.delete(uuid);
  }
}

function functionIn(registry: FunctionRegistry, text: string): Pick<EventSource, 'functionName' | 'qualifier'> {
  const { functionName, qualifier } = registry.nameIn(text, undefined);
  if (qualifier === undefined) registry.find(functionName);
  else registry.findVersion(functionName, qualifier);
  return { functionName, qualifier };
}

function batchSizeIn(members: Members): number | undefined {
  const size = integerIn(members, 'BatchSize');
  return size === undefined ? undefined : inRange(size, 'BatchSize', { min: 1, max: 10_000 });
}

function enabledIn(members: Members): boolean | undefined {
  const isEnabled = members['Enabled'] ?? undefined;
  if (isEnabled === undefined || typeof isEnabled === 'boolean') return isEnabled;
  throw unreadable('enabled is not a boolean');
}

function bodyOf(registry: FunctionRegistry, source: EventSource, nowMs: EpochMs): object {
  const { place } = registry;
  return {
    UUID: source.uuid,
    BatchSize: source.batchSize,
    MaximumBatchingWindowInSeconds: 0,
    EventSourceArn: source.sourceArn,
    FunctionArn: registry.arnOf(source.functionName, source.qualifier),
    LastModified: source.modifiedAtMs / 1_000,
    State: stateOf(source, nowMs),
    StateTransitionReason: 'USER_INITIATED',
    FunctionResponseTypes: [],
    EventSourceMappingArn: `arn:aws:lambda:${place.region}:${place.accountId}:event-source-mapping:${source.uuid}`,
  };
}

function stateOf({ transition, isEnabled: isOn }: EventSource, nowMs: EpochMs): Transition | 'Disabled' | 'Enabled' {
  if (nowMs < transition.untilMs) return transition.state;
  return isOn ? 'Enabled' : 'Disabled';
}

/**
 * Remedies against the twin, over a real socket: what stands, what gives it back when we are dead, and what a lost answer or somebody else's hand leaves of it. Neither side knows the other, so that a
 * misread word of AWS would have to be misread twice.
 */
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
} from '@aws-sdk/client-lambda';
import { ListSchedulesCommand } from '@aws-sdk/client-scheduler';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAwsDoors, type AwsDoors } from '../../actuators/aws-doors.ts';
import { readAccountLimits } from '../../actuators/control-plane.ts';
import { settleOn, startLambdaStub } from '../../actuators/lambda-stub.ts';
import type { BreakerItem, BreakerItemPut } from '../../actuators/remedies/breaker-table.ts';
import { createRemedies, type Remedies, type RemedyAtAws } from '../../actuators/remedies/index.ts';
import { isStanding, undoOf } from '../../actuators/remedies/undo.ts';
import type { BreakerStanding, Standing } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import type { Undo } from '../../core/undo.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import { listenTwin, type ListenOptions, type TwinServer } from '../twin/control-plane-http.ts';
import { createTwin, type Twin } from '../twin/twin.ts';

const place = { accountId: '123456789012', region: 'us-east-1' };
const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const startMs = Date.UTC(2026, 10, 20, 13, 20);
const untilMs = startMs + 10 * msPerMinute + 30 * msPerSecond;
const { signal } = new AbortController();
const queueArn = (name: string): string => `arn:aws:sqs:us-east-1:123456789012:${name}`;

let clock: VirtualClock;
let twin: Twin;
let server: TwinServer;
let doors: AwsDoors;
let remedies: Remedies;
/** What goes wrong on the way. */
let beforeAnswer: NonNullable<ListenOptions['beforeAnswer']>;
/** Calls that change something, as the twin got them. */
let changes: string[];

beforeEach(async () => {
  clock = createVirtualClock(startMs);
  const orders = {
    key,
    version: '3',
    memoryMb: 1_024,
    architecture: 'x86_64',
    initDurationMs: 800,
    runDurationMs: { p50: 100, p99: 400 },
  } as const;
  twin = createTwin({ functions: [orders], seed: 3, clock });
  beforeAnswer = () => undefined;
  changes = [];
  server = await listenTwin({
    handle: (request) => twin.handle(request),
    host: '127.0.0.1',
    port: 0,
    beforeAnswer: (request) => {
      if (request.method !== 'GET') changes.push(request.amzTarget ?? `${request.method} ${request.target}`);
      return beforeAnswer(request);
    },
  });
  doors = createAwsDoors({ ...place, clock, timers: clock, endpointUrlOf: () => server.url });
  remedies = createRemedies({ doorsOf: () => doors, clock, breakerItems });
  await settle(readAccountLimits(doors.lambda, signal));
});
afterEach(() => server.close());

const settle = <T>(promise: Promise<T>): Promise<T> => settleOn(clock, promise);

/** One item for each breaker; the formats that clients read are tested with them. */
const putOf = ({ name, revision, state }: BreakerStanding): BreakerItemPut => ({
  place,
  table: 'breakers',
  key: { id: { S: name } },
  item: { id: { S: name }, revision: { N: String(revision) }, circuit: { S: state } },
  condition: { expression: 'attribute_not_exists(id) OR revision < :new', values: { ':new': { N: String(revision) } } },
});
const standing = (revision: number): BreakerStanding => ({
  name: 'orders-table',
  state: 'open',
  admitRatio: 0,
  sinceMs: startMs,
  untilMs,
  revision,
});
const breakerItems = {
  placesOf: () => [putOf(standing(0))],
  putsOf: (one: BreakerStanding) => [putOf(one)],
  readStanding: (_: string, [item]: readonly (BreakerItem | undefined)[]) =>
    item ? standing(Number(item['revision']?.N)) : undefined,
};

const base = { because: 'it errs', untilMs };
const weigh = (weight: number, more: object = {}) =>
  ({ ...base, kind: 'weigh-alias', key, version: '1', weight, ...more }) as const;
const reserve = (concurrency: number | null) => ({ ...base, kind: 'reserve-concurrency', key, concurrency }) as const;
const pause = (uuid: string) => ({ ...base, kind: 'switch-event-source', key, uuid, isEnabled: false }) as const;
const redrive = (name: string) =>
  ({ ...base, kind: 'redrive-dead-letters', queueArn: queueArn(name), messagesPerSecondMax: 2 }) as const;
const move = (revision: number) => ({ ...base, kind: 'move-breaker', standing: standing(revision) }) as const;

const look = (remedy: RemedyAtAws) => settle(remedies.look(remedy, signal));
const apply = (remedy: RemedyAtAws, before?: Standing) => settle(remedies.apply(remedy, before, signal));
const giveBack = (undo: Undo, remedy: RemedyAtAws) => settle(remedies.giveBack(undo, remedy, signal));
const book = (undo: Undo, kind: 'book-undo' | 'cancel-undo' = 'book-undo') =>
  settle(remedies.book({ kind, undo, because: 'it errs' }, signal));
const accepted = { kind: 'accepted' };

async function undoFor(remedy: RemedyAtAws): Promise<Undo> {
  const undoing = undoOf(remedy, await look(remedy));
  if (undoing.kind !== 'booked') throw new Error(undoing.kind);
  return undoing.undo;
}

async function mapping(): Promise<string> {
  const command = new CreateEventSourceMappingCommand({
    FunctionName: 'orders:live',
    EventSourceArn: queueArn('orders'),
  });
  const { UUID } = await settle(doors.lambda.send({ urgency: 'urgent', signal }, (client) => client.send(command)));
  passTo(clock.nowMs() + msPerMinute);
  return UUID!;
}

async function bookedNames(): Promise<readonly string[]> {
  const command = new ListSchedulesCommand({});
  const { Schedules } = await settle(
    doors.scheduler.send({ urgency: 'urgent', signal }, (client) => client.send(command)),
  );
  return (Schedules ?? []).map(({ Name }) => Name!);
}

/** No call is ours meanwhile. */
function passTo(atMs: EpochMs): void {
  while (clock.nowMs() < atMs) {
    clock.advanceTo(Math.min(atMs, clock.nowMs() + msPerSecond));
    twin.advance();
  }
}

describe('each remedy that stands', () => {
  it.each<[string, () => Promise<RemedyAtAws>]>([
    ['a share of an alias', async () => weigh(0.25)],
    ['a limit', async () => reserve(0)],
    ['a source that is paused', async () => pause(await mapping())],
  ])('is given back by AWS within two minutes of its end, should we die: %s', async (_, make) => {
    const remedy = await make();
    const before = await look(remedy);
    const undo = await undoFor(remedy);
    expect(await book(undo)).toMatchObject(accepted);
    expect(await apply(remedy, before)).toMatchObject(accepted);
    passTo(untilMs);
    expect(isStanding(remedy, await look(remedy), startMs)).toBe(true);
    passTo(untilMs + 2 * msPerMinute);
    expect(isStanding(remedy, await look(remedy), startMs)).toBe(false);
    expect(undoOf(remedy, await look(remedy))).toMatchObject({ kind: 'booked', undo });
    expect(await bookedNames()).toEqual([]);
    expect(twin.firedSchedules()).toMatchObject([{ attempt: 0, isRetried: false, code: undefined }]);
  });

  it.each<[string, () => Promise<RemedyAtAws>]>([
    ['a share of an alias', async () => weigh(1)],
    ['a limit', async () => reserve(12)],
    ['a source that is paused', async () => pause(await mapping())],
  ])('is given back by us, once, and what was booked is taken back: %s', async (_, make) => {
    const remedy = await make();
    const before = await look(remedy);
    const undo = await undoFor(remedy);
    await book(undo);
    await book(undo);
    expect(await bookedNames()).toHaveLength(1);
    await apply(remedy, before);
    passTo(startMs + 5 * msPerMinute);
    expect(await giveBack(undo, remedy)).toMatchObject(accepted);
    const count = changes.length;
    expect(await giveBack(undo, remedy)).toMatchObject(accepted);
    expect(changes).toHaveLength(count);
    expect(await book(undo, 'cancel-undo')).toMatchObject(accepted);
    expect(await book(undo, 'cancel-undo')).toMatchObject(accepted);
    passTo(untilMs + 2 * msPerMinute);
    expect(twin.firedSchedules()).toEqual([]);
    // But for its revision, and what is under way.
    const { revisionId: _before, ...was } = { revisionId: '', ...before };
    expect(await look(remedy)).toMatchObject(was);
  });

  it.each<[string, () => Promise<RemedyAtAws>, RegExp]>([
    ['a share of an alias', async () => weigh(0.25), /^PUT .*aliases/],
    ['a limit', async () => reserve(0), /^PUT .*concurrency/],
    ['a source that is paused', async () => pause(await mapping()), /^PUT .*event-source/],
    ['a breaker', async () => (await table(), move(7)), /PutItem/],
  ])('is not set a second time where the answer was lost: %s', async (_, make, call) => {
    const remedy = await make();
    const before = await look(remedy);
    let left = 1;
    beforeAnswer = ({ method, target, amzTarget }) =>
      call.test(amzTarget ?? `${method} ${target}`) && left-- > 0 ? { kind: 'lose' } : undefined;
    expect(await apply(remedy, before)).toMatchObject({ kind: 'unknown' });
    expect(isStanding(remedy, await look(remedy), startMs)).toBe(true);
    expect(await apply(remedy, before)).toMatchObject(accepted);
    const isPut = remedy.kind === 'move-breaker';
    expect(changes.filter((one) => call.test(one))).toHaveLength(isPut ? 2 : 1);
  });
});

describe('a share of an alias', () => {
  const deploy = (functionVersion: string): void =>
    twin.placeAlias('orders', { name: 'live', functionVersion, description: '' });
  const provision = () =>
    settle(
      doors.lambda.send({ urgency: 'urgent', signal }, (client) =>
        client.send(
          new PutProvisionedConcurrencyConfigCommand({
            FunctionName: 'orders',
            Qualifier: 'live',
            ProvisionedConcurrentExecutions: 10,
          }),
        ),
      ),
    );

  it('goes to the version, and back to the one that the alias names by then', async () => {
    await apply(weigh(0.25));
    expect(twin.sharesOf(key)).toEqual({ 1: 0.25, 3: 0.75 });
    const undo: Undo = { kind: 'restore-weights', key, atMs: startMs, weights: {} };
    expect(await giveBack(undo, weigh(0.25))).toMatchObject(accepted);
    expect(twin.sharesOf(key)).toEqual({ 3: 1 });
  });

  it('is not set where the alias moved since it was looked at', async () => {
    const before = await look(weigh(1));
    deploy('2');
    expect(await apply(weigh(1), before)).toMatchObject({ kind: 'refused', code: 'MovedUnderUs' });
    expect(twin.sharesOf(key)).toEqual({ 2: 1 });
  });

  it('nor where it moves between the look and the change', async () => {
    beforeAnswer = ({ method }) => (method === 'PUT' ? (deploy('2'), undefined) : undefined);
    expect(await apply(weigh(1))).toMatchObject({ kind: 'refused', code: 'MovedUnderUs' });
    expect(twin.sharesOf(key)).toEqual({ 2: 1 });
  });

  it('is not sent while AWS moves provisioned concurrency, and is once it has', async () => {
    await provision();
    passTo(startMs + 5 * msPerMinute);
    deploy('2');
    expect(twin.sharesOf(key)).toEqual({ 3: 1 });
    const count = changes.length;
    expect(await apply(weigh(0.5))).toMatchObject({ kind: 'refused', code: 'MoveUnfinished' });
    expect(changes).toHaveLength(count);
    passTo(startMs + 10 * msPerMinute);
    expect(await apply(weigh(0.5))).toMatchObject(accepted);
    expect(twin.sharesOf(key)).toEqual({ 1: 0.5, 2: 0.5 });
    await expect(provision()).rejects.toThrow('Alias with weights can not be used with Provisioned Concurrency');
  });

  it('leaves another version’s share alone, but for a version that is taken back', async () => {
    await apply(weigh(0.1));
    const other = weigh(0.5, { version: '2' });
    expect(await apply(other)).toMatchObject({ kind: 'refused', code: 'DeploymentInFlight' });
    expect(await apply(weigh(1, { version: '2', isRollback: true }))).toMatchObject(accepted);
    expect(twin.sharesOf(key)).toEqual({ 2: 1 });
  });

  it('is refused for the alias’s own version, and for one that there is not', async () => {
    expect(await apply(weigh(1, { version: '3' }))).toMatchObject({ kind: 'refused', code: 'SameVersion' });
    expect(await apply(weigh(1, { version: '9' }))).toMatchObject({
      kind: 'refused',
      code: 'ResourceNotFoundException',
    });
  });

  it('goes back to none where the alias itself has moved to what had a share before', async () => {
    await apply(weigh(0.1));
    const undo = await undoFor(weigh(0.5));
    expect(undo).toMatchObject({ weights: { 1: 0.1 } });
    await apply(weigh(0.5));
    twin.placeAlias('orders', {
      ...{ name: 'live', functionVersion: '1', description: '' },
      additionalVersionWeights: { 2: 0.5 },
    });
    const remedy = weigh(0.5, { version: '2' });
    expect(await giveBack(undo, remedy)).toMatchObject(accepted);
    expect(twin.sharesOf(key)).toEqual({ 1: 1 });
  });

  it('is not taken from somebody who has split the alias since', async () => {
    const undo = await undoFor(weigh(0.5));
    await apply(weigh(0.5));
    await apply(weigh(0.2));
    expect(await giveBack(undo, weigh(0.5))).toMatchObject({ kind: 'refused', code: 'MovedUnderUs' });
  });
});

describe('a limit', () => {
  const putByHand = (ReservedConcurrentExecutions: number) =>
    settle(
      doors.lambda.send({ urgency: 'urgent', signal }, (client) =>
        client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'orders', ReservedConcurrentExecutions })),
      ),
    );

  it('is lifted, and comes back', async () => {
    await putByHand(50);
    const undo = await undoFor(reserve(null));
    expect(await apply(reserve(null))).toMatchObject(accepted);
    expect(await look(reserve(null))).toMatchObject({ concurrency: null });
    expect(await giveBack(undo, reserve(null))).toMatchObject(accepted);
    expect(await look(reserve(null))).toMatchObject({ concurrency: 50 });
  });

  it('leaves the account its hundred', async () => {
    expect(await apply(reserve(900))).toMatchObject(accepted);
    expect(await apply(reserve(901))).toMatchObject({
      kind: 'refused',
      code: 'InvalidParameterValueException',
      message: expect.stringContaining('below its minimum value of [100]') as string,
    });
  });

  it('is not set, nor taken back, over what somebody else set since', async () => {
    const before = await look(reserve(5));
    const undo = await undoFor(reserve(5));
    await putByHand(50);
    expect(await apply(reserve(5), before)).toMatchObject({ kind: 'refused', code: 'MovedUnderUs' });
    expect(await giveBack(undo, reserve(5))).toMatchObject({ kind: 'refused', code: 'MovedUnderUs' });
    expect(await look(reserve(5))).toMatchObject({ concurrency: 50 });
  });
});

describe('an event source', () => {
  it('is paused for a while before it is, and takes no other change meanwhile', async () => {
    const uuid = await mapping();
    expect(await apply(pause(uuid))).toMatchObject(accepted);
    expect(await look(pause(uuid))).toMatchObject({ state: 'changing', becomes: 'disabled' });
    expect(twin.isEventSourceEnabled(uuid)).toBe(true);
    const resume = { ...pause(uuid), isEnabled: true };
    expect(await apply(resume)).toMatchObject({ kind: 'refused', code: 'ResourceInUseException' });
    passTo(clock.nowMs() + msPerMinute);
    expect(twin.isEventSourceEnabled(uuid)).toBe(false);
    expect(await apply(resume)).toMatchObject(accepted);
  });

  it('that somebody resumed since is not paused without its undo', async () => {
    const uuid = await mapping();
    await apply(pause(uuid));
    passTo(clock.nowMs() + msPerMinute);
    const before = await look(pause(uuid));
    expect(undoOf(pause(uuid), before)).toMatchObject({ kind: 'stands' });
    await apply({ ...pause(uuid), isEnabled: true });
    passTo(clock.nowMs() + msPerMinute);
    expect(await apply(pause(uuid), before)).toMatchObject({ kind: 'refused', code: 'MovedUnderUs' });
    expect(twin.isEventSourceEnabled(uuid)).toBe(true);
  });

  it('of another function is not touched, nor one that there is not', async () => {
    const uuid = await mapping();
    const other = { ...pause(uuid), key: key.replace(':live', ':blue') as FunctionKey };
    expect(await apply(other)).toMatchObject({ kind: 'refused', code: 'OtherFunction' });
    expect(await apply(pause('none'))).toMatchObject({ kind: 'refused', code: 'ResourceNotFoundException' });
  });
});

describe('dead letters', () => {
  const ask = <T>(call: (client: SQSClient) => Promise<T>) =>
    settle(doors.queues.send({ urgency: 'urgent', signal }, call));
  const urlOf = (name: string): string => `${server.url}/123456789012/${name}`;
  const countOf = async (name: string): Promise<number> => {
    const command = new GetQueueAttributesCommand({ QueueUrl: urlOf(name), AttributeNames: ['All'] });
    return Number((await ask((client) => client.send(command))).Attributes?.ApproximateNumberOfMessages);
  };

  /** Three messages that nobody could handle. */
  async function fill(): Promise<void> {
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn('dead'), maxReceiveCount: 1 });
    await ask((client) => client.send(new CreateQueueCommand({ QueueName: 'dead' })));
    await ask((client) => client.send(new CreateQueueCommand({ QueueName: 'orders', Attributes: { RedrivePolicy } })));
    for (const MessageBody of ['a', 'b', 'c']) {
      await ask((client) => client.send(new SendMessageCommand({ QueueUrl: urlOf('orders'), MessageBody })));
    }
    const receive = { QueueUrl: urlOf('orders'), MaxNumberOfMessages: 10, VisibilityTimeout: 0 };
    await ask((client) => client.send(new ReceiveMessageCommand(receive)));
    await ask((client) => client.send(new ReceiveMessageCommand(receive)));
  }

  it('go back to where they came from at their pace, by one task', async () => {
    await fill();
    expect([await countOf('orders'), await countOf('dead')]).toEqual([0, 3]);
    const intendedAtMs = clock.nowMs();
    expect(await look(redrive('dead'))).toMatchObject({ isRunning: false, movedCount: 0 });
    expect(isStanding(redrive('dead'), await look(redrive('dead')), intendedAtMs)).toBe(false);
    expect(await apply(redrive('dead'))).toMatchObject(accepted);
    expect(isStanding(redrive('dead'), await look(redrive('dead')), intendedAtMs)).toBe(true);
    expect(await apply(redrive('dead'))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('Only one active task') as string,
    });
    passTo(clock.nowMs() + 10 * msPerSecond);
    expect(await look(redrive('dead'))).toMatchObject({ isRunning: false, movedCount: 3 });
    expect([await countOf('orders'), await countOf('dead')]).toEqual([3, 0]);
    expect(isStanding(redrive('dead'), await look(redrive('dead')), clock.nowMs())).toBe(false);
  });

  it('that nobody knows the origin of end the move, which then has not been done', async () => {
    await fill();
    await ask((client) => client.send(new SendMessageCommand({ QueueUrl: urlOf('dead'), MessageBody: 'by hand' })));
    const intendedAtMs = clock.nowMs();
    await apply(redrive('dead'));
    passTo(clock.nowMs() + 10 * msPerSecond);
    expect(isStanding(redrive('dead'), await look(redrive('dead')), intendedAtMs)).toBe(false);
    expect([await countOf('orders'), await countOf('dead')]).toEqual([3, 1]);
  });

  it('are none in a queue that takes nobody’s', async () => {
    await fill();
    expect(await apply(redrive('orders'))).toMatchObject({ kind: 'refused', code: 'InvalidParameterValue' });
    expect(await apply(redrive('nowhere'))).toMatchObject({ kind: 'refused', code: 'ResourceNotFoundException' });
    expect(await apply(redrive('no name'))).toMatchObject({ kind: 'refused', code: 'QueueArn' });
    const elsewhere = { ...redrive('dead'), queueArn: queueArn('dead').replace('us-east-1', 'eu-west-1') };
    expect(await apply(elsewhere)).toMatchObject({ kind: 'refused', code: 'OtherPlace' });
  });
});

async function table(): Promise<void> {
  const command = new CreateTableCommand({
    TableName: 'breakers',
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
  await settle(doors.tables.send({ urgency: 'urgent', signal }, (client) => client.send(command)));
}

describe('a breaker’s item', () => {
  it('is never replaced by an older one', async () => {
    await table();
    expect(await look(move(7))).toEqual({ kind: 'breaker', standing: undefined });
    expect(await apply(move(7))).toMatchObject(accepted);
    expect(await apply(move(6))).toMatchObject({ kind: 'refused', code: 'MovedUnderUs' });
    expect(await look(move(7))).toMatchObject({ standing: { revision: 7 } });
    expect(await apply(move(8))).toMatchObject(accepted);
  });

  it('is refused where there is no table, and never written at another end than Lambda’s', async () => {
    expect(await apply(move(7))).toMatchObject({ kind: 'refused', code: 'ResourceNotFoundException' });
    const stranger = await startLambdaStub();
    stranger.becomeStranger();
    stranger.answer({ status: 200, body: '{}' });
    doors = createAwsDoors({
      ...place,
      clock,
      timers: clock,
      endpointUrlOf: (service) => (service === 'dynamodb' ? stranger.url : server.url),
    });
    await settle(readAccountLimits(doors.lambda, signal));
    expect(await apply(move(7))).toMatchObject({ kind: 'refused', code: 'AnotherEnd' });
    expect(stranger.calls.map(({ target }) => target)).toEqual(['DynamoDB_20120810.GetItem']);
    await stranger.close();
  });
});

/**
 * Writes what breaker clients read: one item a place, under a condition that lets no older standing replace a newer one. What the items hold is the formats' business (breaker-items.ts).
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
 */
import { isDeepStrictEqual } from 'node:util';
import {
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { requireSameEnd } from '../aws-doors.ts';
import { doorsAt, movedUnderUs, type Place, type RemedyPorts } from './ask.ts';

export type BreakerItem = Readonly<Record<string, AttributeValue>>;

/** Where an item is. */
export interface BreakerItemKey {
  readonly place: Place;
  readonly table: string;
  readonly key: BreakerItem;
}

/** What stands there from now on. */
export interface BreakerItemPut extends BreakerItemKey {
  /** With its key. */
  readonly item: BreakerItem;
  /** In DynamoDB's words; absent: over whatever stands. */
  readonly condition?: {
    readonly expression: string;
    readonly names?: Readonly<Record<string, string>>;
    readonly values?: BreakerItem;
  };
}

/** As last written: DynamoDB is asked for a consistent read. Undefined: there is none. @throws what the door throws. */
export async function readBreakerItem(
  ports: RemedyPorts,
  { place, table, key }: BreakerItemKey,
  signal: AbortSignal,
): Promise<BreakerItem | undefined> {
  const command = new GetItemCommand({ TableName: table, Key: { ...key }, ConsistentRead: true });
  const { tables } = doorsAt(ports, place);
  const { Item } = await tables.send({ urgency: 'urgent', signal }, (client, abortSignal) =>
    client.send(command, { abortSignal }),
  );
  return Item;
}

/**
 * Written already is done: after a lost answer the condition fails on our own item.
 *
 * @throws WorldError `MovedUnderUs` where a newer standing is there; what the door throws.
 */
export async function writeBreakerItem(ports: RemedyPorts, put: BreakerItemPut, signal: AbortSignal): Promise<void> {
  const doors = doorsAt(ports, put.place);
  await requireSameEnd(doors, 'tables', () => readBreakerItem(ports, put, signal));
  const { table, item, condition } = put;
  const command = new PutItemCommand({
    TableName: table,
    Item: { ...item },
    ...(condition && {
      ConditionExpression: condition.expression,
      ...(condition.names && { ExpressionAttributeNames: { ...condition.names } }),
      ...(condition.values && { ExpressionAttributeValues: { ...condition.values } }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    }),
  });
  await doors.tables.send({ urgency: 'urgent', signal }, async (client, abortSignal) => {
    try {
      await client.send(command, { abortSignal });
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      if (isDeepStrictEqual(error.Item, item)) return;
      throw movedUnderUs('a newer standing of the breaker is there');
    }
  });
}

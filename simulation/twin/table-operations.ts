/**
 * Tables and their items: Put, Get, Update and Delete of one item, each as a whole or not at all. No indexes, no queries, no time to live: an item that has expired is still there, as it may be for
 * two days in the real service.
 */
import type { EpochMs } from '../../core/time.ts';
import { errorAnswer, Refusal } from './answer.ts';
import type { TwinParams } from './limits.ts';
import { membersOf, oneOf, required, textIn, type Members } from './request-body.ts';
import { bindingsIn, holds, updated, type Bindings } from './table-expressions.ts';
import { invalid, itemIn, typeOf, valueIn, type Item, type Value } from './table-values.ts';
import type { TwinPlace } from './twin-function.ts';

export const tableOperationNames = [
  'CreateTable',
  'DeleteItem',
  'DeleteTable',
  'DescribeTable',
  'GetItem',
  'PutItem',
  'UpdateItem',
] as const;

export type TableOperationName = (typeof tableOperationNames)[number];

export interface Table {
  readonly name: string;
  readonly arn: string;
  readonly createdAtMs: EpochMs;
  /** One or two attributes, with their types. */
  readonly key: readonly { readonly name: string; readonly kind: 'HASH' | 'RANGE'; readonly type: 'B' | 'N' | 'S' }[];
  readonly items: Map<string, Item>;
}

export interface TableContext {
  readonly place: TwinPlace;
  readonly params: TwinParams;
  readonly tables: Map<string, Table>;
}

type Operation = (context: TableContext, members: Members, nowMs: EpochMs) => object;

export const tableOperations: Readonly<Record<TableOperationName, Operation>> = {
  CreateTable({ place, params, tables }, members, nowMs) {
    const name = nameIn(members);
    if (tables.has(name)) throw refused('ResourceInUseException', `Table already exists: ${name}`);
    if (tables.size >= params.tableCountMax)
      throw refused('LimitExceededException', `The twin keeps ${params.tableCountMax} tables.`);
    const arn = `arn:aws:dynamodb:${place.region}:${place.accountId}:table/${name}`;
    const table = { name, arn, createdAtMs: nowMs, key: keyIn(members), items: new Map<string, Item>() };
    tables.set(name, table);
    return { TableDescription: describe(table) };
  },
  DescribeTable: (context, members) => ({ Table: describe(tableIn(context, members)) }),
  DeleteTable(context, members) {
    const table = tableIn(context, members);
    context.tables.delete(table.name);
    return { TableDescription: { ...describe(table), TableStatus: 'DELETING' } };
  },
  GetItem(context, members) {
    const table = tableIn(context, members);
    const item = table.items.get(addressOf(table, keyItemIn(table, members)));
    return item ? { Item: item } : {};
  },
  PutItem(context, members) {
    const table = tableIn(context, members);
    const item = itemIn(required(membersOf(members, 'Item'), 'Item'));
    const address = addressOf(table, item);
    return write(context, { table, members, address, make: () => item, given: ['NONE', 'ALL_OLD'] });
  },
  UpdateItem(context, members) {
    const table = tableIn(context, members);
    const key = keyItemIn(table, members);
    const expression = textIn(members, 'UpdateExpression');
    const make = (before: Item | undefined, bindings: Bindings): Item => {
      const item = expression === undefined ? (before ?? key) : updated(expression, before ?? key, bindings);
      if (addressOf(table, item) !== addressOf(table, key)) {
        throw invalid(
          'One or more parameter values were invalid: Cannot update attribute. This attribute is part of the key',
        );
      }
      return item;
    };
    return write(context, {
      table,
      members,
      address: addressOf(table, key),
      make,
      given: ['NONE', 'ALL_OLD', 'ALL_NEW'],
    });
  },
  DeleteItem(context, members) {
    const table = tableIn(context, members);
    const address = addressOf(table, keyItemIn(table, members));
    return write(context, { table, members, address, make: () => undefined, given: ['NONE', 'ALL_OLD'] });
  },
};

interface Write {
  readonly table: Table;
  readonly members: Members;
  readonly address: string;
  readonly make: (before: Item | undefined, bindings: Bindings) => Item | undefined;
  /** What may be asked for of the item, as it was and as it is. */
  readonly given: readonly ('ALL_NEW' | 'ALL_OLD' | 'NONE')[];
}

/** Judges the condition on what stands, and writes. */
function write({ params }: TableContext, { table, members, address, make, given }: Write): object {
  const asked = oneOf(given, textIn(members, 'ReturnValues'), 'ReturnValues') ?? 'NONE';
  const onFailure = oneOf(
    ['NONE', 'ALL_OLD'],
    textIn(members, 'ReturnValuesOnConditionCheckFailure'),
    'ReturnValuesOnConditionCheckFailure',
  );
  const bindings = bindingsIn(members);
  const condition = textIn(members, 'ConditionExpression');
  const before = table.items.get(address);
  if (condition !== undefined && !holds(condition, before ?? {}, bindings)) {
    const message = 'The conditional request failed';
    const item = onFailure === 'ALL_OLD' && before ? { Item: before } : {};
    throw new Refusal(errorAnswer(400, 'ConditionalCheckFailedException', { message, ...item }));
  }
  const after = make(before, bindings);
  bindings.refuseUnused();
  if (after && Buffer.byteLength(JSON.stringify(after)) > params.itemBytesMax) {
    throw invalid('Item size has exceeded the maximum allowed size');
  }
  if (after && !before && table.items.size >= params.itemCountMax) {
    throw refused('LimitExceededException', `The twin keeps ${params.itemCountMax} items of a table.`);
  }
  if (after) table.items.set(address, after);
  else table.items.delete(address);
  const shown = asked === 'ALL_OLD' ? before : asked === 'ALL_NEW' ? after : undefined;
  return shown ? { Attributes: shown } : {};
}

function nameIn(members: Members): string {
  // By its name or, as documented, by its ARN.
  const name = required(textIn(members, 'TableName'), 'TableName').replace(/^arn:aws:dynamodb:[^/]*:table\//, '');
  if (!/^[a-zA-Z0-9_.-]{3,255}$/.test(name)) {
    throw invalid('TableName must be at least 3 characters long and at most 255 characters long');
  }
  return name;
}

function tableIn({ tables }: TableContext, members: Members): Table {
  const table = tables.get(nameIn(members));
  if (!table) throw refused('ResourceNotFoundException', 'Requested resource not found');
  return table;
}

function keyIn(members: Members): Table['key'] {
  const schema = listIn(members, 'KeySchema');
  const definitions = listIn(members, 'AttributeDefinitions');
  const key = schema.map((element) => {
    const name = required(textIn(element, 'AttributeName'), 'AttributeName');
    const kind = required(oneOf(['HASH', 'RANGE'] as const, textIn(element, 'KeyType'), 'KeyType'), 'KeyType');
    const definition = definitions.find((one) => one['AttributeName'] === name);
    if (!definition)
      throw invalid('One or more parameter values were invalid: Some index key attributes are not defined');
    const type = oneOf(['B', 'N', 'S'], textIn(definition, 'AttributeType'), 'AttributeType');
    return { name, kind, type: required(type, 'AttributeType') };
  });
  const kinds = key.map(({ kind }) => kind).join();
  if (kinds !== 'HASH' && kinds !== 'HASH,RANGE') throw invalid('Invalid KeySchema: a HASH, and a RANGE at most');
  return key;
}

function listIn(members: Members, member: string): readonly Members[] {
  const list = members[member];
  const isList =
    Array.isArray(list) && list.length <= 10 && list.every((one) => typeof one === 'object' && one !== null);
  if (!isList) throw invalid(`${member} is no list`);
  return list as readonly Members[];
}

/** The key alone, and nothing beside it. */
function keyItemIn(table: Table, members: Members): Item {
  const key = itemIn(required(membersOf(members, 'Key'), 'Key'));
  if (Object.keys(key).length !== table.key.length) throw invalid('The provided key element does not match the schema');
  addressOf(table, key);
  return key;
}

function addressOf({ key }: Table, item: Item): string {
  const values = key.map(({ name, type }): Value => {
    const value = item[name];
    if (value === undefined || typeOf(value) !== type)
      throw invalid('The provided key element does not match the schema');
    return valueIn(value);
  });
  return JSON.stringify(values);
}

function describe(table: Table): object {
  return {
    TableName: table.name,
    TableArn: table.arn,
    TableStatus: 'ACTIVE',
    CreationDateTime: table.createdAtMs / 1_000,
    KeySchema: table.key.map(({ name, kind }) => ({ AttributeName: name, KeyType: kind })),
    AttributeDefinitions: table.key.map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
    ItemCount: table.items.size,
    BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
  };
}

function refused(code: string, message: string): Refusal {
  return new Refusal(errorAnswer(400, code, { message }));
}

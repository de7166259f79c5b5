/**
 * Which attributes are looked at, under their old and their new names. All others are skipped by their length and never copied: what a span says of
 * customers does not enter this process's memory beyond the request's own bytes.
 *
 * Each name leads to a slot, a place in the row of integers that a span or resource is decoded to. What is business (a signal's attribute) has a place
 * of its own behind them, with a number and a text.
 *
 * @see https://github.com/open-telemetry/semantic-conventions (v1.44.0: all of FaaS is still in development, so both sides of each renaming are emitted)
 */

/** Places in a row. */
export const slots = {
  resourceArn: 0,
  invokedArn: 1,
  invocation: 2,
  faasName: 3,
  faasVersion: 4,
  instance: 5,
  account: 6,
  region: 7,
  serviceName: 8,
  coldStart: 9,
  initType: 10,
  httpStatus: 11,
  errorType: 12,
  invokedName: 13,
  invokedRegion: 14,
  dbSystem: 15,
  dbTable: 16,
  dbNamespace: 17,
  messagingSystem: 18,
  destination: 19,
  peerService: 20,
  rpcService: 21,
  rpcSystem: 22,
  serverAddress: 23,
  bucket: 24,
} as const;

export const slotCount = 25;

/**
 * What of a value is kept: the number of its text, its bits mixed to 32 (enough to tell environments apart, and nothing of them to remember), a whole
 * number, 1 for false and 2 for true, or merely 1 for having come.
 */
export type ValueForm = 'text' | 'hash' | 'integer' | 'boolean' | 'presence';

const allowed: readonly (readonly [keyof typeof slots, ValueForm, ...(readonly string[])])[] = [
  ['resourceArn', 'text', 'cloud.resource_id', 'faas.id'],
  ['invokedArn', 'text', 'aws.lambda.invoked_arn'],
  ['invocation', 'presence', 'faas.invocation_id', 'faas.execution'],
  ['faasName', 'text', 'faas.name'],
  ['faasVersion', 'text', 'faas.version'],
  ['instance', 'hash', 'faas.instance'],
  ['account', 'text', 'cloud.account.id'],
  ['region', 'text', 'cloud.region'],
  ['serviceName', 'text', 'service.name'],
  ['coldStart', 'boolean', 'faas.coldstart'],
  ['initType', 'text', 'faas.initialization_type', 'aws.lambda.initialization_type', 'initializationType'],
  ['httpStatus', 'integer', 'http.response.status_code', 'http.status_code'],
  ['errorType', 'text', 'error.type', 'exception.type'],
  ['invokedName', 'text', 'faas.invoked_name'],
  ['invokedRegion', 'text', 'faas.invoked_region'],
  ['dbSystem', 'text', 'db.system.name', 'db.system'],
  ['dbTable', 'text', 'db.collection.name', 'aws.dynamodb.table_names', 'db.sql.table', 'db.mongodb.collection'],
  ['dbNamespace', 'text', 'db.namespace', 'db.name'],
  ['messagingSystem', 'text', 'messaging.system'],
  [
    'destination',
    'text',
    'messaging.destination.name',
    'messaging.destination',
    'aws.sqs.queue.url',
    'aws.sns.topic.arn',
  ],
  ['peerService', 'text', 'peer.service', 'service.peer.name'],
  ['rpcService', 'text', 'rpc.service'],
  ['rpcSystem', 'text', 'rpc.system', 'rpc.system.name'],
  ['serverAddress', 'text', 'server.address', 'net.peer.name', 'http.host'],
  ['bucket', 'text', 'aws.s3.bucket'],
];

/** Places that hold numbers of texts. */
export const textSlots: readonly number[] = allowed.flatMap(([slot, form]) => (form === 'text' ? [slots[slot]] : []));

/** One name on the list. `signal` is the place of a business attribute, -1 for others; `slot` -1 for what is business alone. */
export interface AllowedAttribute {
  readonly name: string;
  readonly slot: number;
  readonly form: ValueForm;
  readonly signal: number;
}

export interface AllowList {
  /** The entry for the name in `bytes[from, until)`, undefined for all that is to be skipped. */
  find(bytes: Uint8Array, from: number, until: number): AllowedAttribute | undefined;
  findByName(name: string): AllowedAttribute | undefined;
  /** Business attributes, by their place. */
  readonly signalAttributes: readonly string[];
}

export function createAllowList(signalAttributes: readonly string[] = []): AllowList {
  const entries = new Map<string, AllowedAttribute>();
  for (const [slot, form, ...names] of allowed) {
    for (const name of names) entries.set(name, { name, slot: slots[slot], form, signal: -1 });
  }
  signalAttributes.forEach((name, signal) => {
    const known = entries.get(name);
    entries.set(name, { name, slot: known?.slot ?? -1, form: known?.form ?? 'presence', signal });
  });
  const table = tableOf([...entries.values()]);
  return {
    signalAttributes,
    findByName: (name) => entries.get(name),
    find(bytes, from, until) {
      const candidates = table[placeOf(bytes, from, until)];
      if (candidates === undefined) return undefined;
      for (const candidate of candidates) if (isEqual(candidate.bytes, bytes, from, until)) return candidate.attribute;
      return undefined;
    },
  };
}

interface Candidate {
  readonly bytes: Uint8Array;
  readonly attribute: AllowedAttribute;
}

const tableSize = 1_024;

/** Length and three bytes tell nearly all names in use apart, so that what is not on the list costs four reads. */
function placeOf(bytes: Uint8Array, from: number, until: number): number {
  const length = until - from;
  if (length === 0) return 0;
  return (
    (length * 31 + bytes[until - 1]! * 7 + bytes[from + (length >>> 1)]! * 131 + bytes[from]! * 17) & (tableSize - 1)
  );
}

function tableOf(attributes: readonly AllowedAttribute[]): readonly (readonly Candidate[] | undefined)[] {
  const encoder = new TextEncoder();
  const table = Array.from<Candidate[] | undefined>({ length: tableSize }).fill(undefined);
  for (const attribute of attributes) {
    const bytes = encoder.encode(attribute.name);
    (table[placeOf(bytes, 0, bytes.length)] ??= []).push({ bytes, attribute });
  }
  return table;
}

function isEqual(name: Uint8Array, bytes: Uint8Array, from: number, until: number): boolean {
  if (name.length !== until - from) return false;
  for (let index = 0; index < name.length; index++) if (name[index] !== bytes[from + index]) return false;
  return true;
}

/**
 * Who is called: named by the caller's own CLIENT or PRODUCER span, and by the callee's key once both ends of a call have been seen.
 *
 * A name that leads to several callees (a gateway in front of many) stays a name: an edge that is right and coarse is better than one that changes with
 * whoever answered last.
 */
import { parseFunctionKey } from '../core/series-key.ts';
import type { EdgeKey, NodeKey } from '../core/window.ts';
import { printableName, type FunctionIdentity } from './function-identity.ts';
import type { Interner } from './interner.ts';
import { slots } from './otlp-attributes.ts';
import { createPairTable } from './pair-table.ts';

/** What a span names, in the order of trust: the most telling attribute first. */
const ways = { invoked: 0, invokedArn: 1, database: 2, messaging: 3, bucket: 4, peer: 5, rpc: 6, address: 7 } as const;
type Way = (typeof ways)[keyof typeof ways];

export interface Callee {
  readonly way: Way;
  readonly first: string;
  readonly second: string;
}

export interface CalleeNames {
  /** Number of the callee that the row at `at` names; -1 when it names none, or there is no room. */
  find(rows: Int32Array, at: number): number;
  calleeOf(callee: number): Callee;
  /** True where messages end that were given up. */
  isDeadLetter(callee: number): boolean;
  clear(): void;
}

const calleeCountMax = 1 << 16;

export function createCalleeNames(interner: Interner): CalleeNames {
  const table = createPairTable(calleeCountMax);
  let callees: { readonly callee: Callee; readonly isDeadLetter: boolean }[] = [];

  const numberOf = (way: Way, first: number, second: number): number => {
    const known = table.get(first * 8 + way, second);
    if (known >= 0) return known;
    const callee = { way, first: interner.textOf(first), second: interner.textOf(second) };
    if (!table.set(first * 8 + way, second, callees.length)) return -1;
    callees.push({ callee, isDeadLetter: way === ways.messaging && isDeadLetterName(callee.second) });
    return callees.length - 1;
  };

  return {
    find(rows, at) {
      const read = (slot: number): number => rows[at + slot]!;
      if (read(slots.invokedName) !== 0)
        return numberOf(ways.invoked, read(slots.invokedName), read(slots.invokedRegion));
      if (read(slots.invokedArn) !== 0) return numberOf(ways.invokedArn, read(slots.invokedArn), 0);
      if (read(slots.dbSystem) !== 0) {
        return numberOf(ways.database, read(slots.dbSystem), read(slots.dbTable) || read(slots.dbNamespace));
      }
      if (read(slots.destination) !== 0) {
        return numberOf(ways.messaging, read(slots.messagingSystem), read(slots.destination));
      }
      if (read(slots.bucket) !== 0) return numberOf(ways.bucket, read(slots.bucket), 0);
      if (read(slots.peerService) !== 0) return numberOf(ways.peer, read(slots.peerService), 0);
      if (read(slots.rpcService) !== 0) return numberOf(ways.rpc, read(slots.rpcService), read(slots.dbTable));
      if (read(slots.serverAddress) !== 0) return numberOf(ways.address, read(slots.serverAddress), 0);
      return -1;
    },
    calleeOf: (callee) => callees[callee]!.callee,
    isDeadLetter: (callee) => callees[callee]!.isDeadLetter,
    clear() {
      table.clear();
      callees = [];
    },
  };
}

/** Queues and topics for messages that were given up are named so by custom, and by AWS's own consoles and templates. */
function isDeadLetterName(name: string): boolean {
  return /dlq|dead[-_.]?letter/i.test(name);
}

export interface CallEdges {
  /** Number of the edge; -1 when there is no room. */
  find(caller: number, callerKey: NodeKey, callee: number): number;
  keyOf(edge: number): EdgeKey;
  /** The callee, where it is a node: named so, or found by a join. */
  calleeKeyOf(edge: number): NodeKey | undefined;
  /** Both ends of a call of this edge were seen: its callee is `node`. True when that renamed the edge. */
  refine(edge: number, node: NodeKey): boolean;
  /** Forgets numbers, and keeps what joins taught. */
  clear(): void;
}

interface Edge {
  /** Under the name that the span gives; what joins taught is kept by it. */
  readonly name: EdgeKey;
  readonly callerKey: NodeKey;
  key: EdgeKey;
  calleeKey: NodeKey | undefined;
}

const several = 'several';
const learnedCountMax = 50_000;

export function createCallEdges(names: CalleeNames, identity: FunctionIdentity): CallEdges {
  const table = createPairTable(1 << 17);
  let edges: Edge[] = [];
  /** The callee's key by the edge's first name, or that there are several. */
  const learned = new Map<EdgeKey, NodeKey | typeof several>();

  const create = (callerKey: NodeKey, callee: number): Edge => {
    const named = nameOf(names.calleeOf(callee), callerKey, identity);
    const name: EdgeKey = `edge:${callerKey}>${named.text}`;
    const taught = learned.get(name);
    const calleeKey = named.key ?? (taught === several ? undefined : taught);
    return { name, callerKey, calleeKey, key: calleeKey === undefined ? name : `edge:${callerKey}>${calleeKey}` };
  };

  return {
    find(caller, callerKey, callee) {
      const known = table.get(caller, callee);
      if (known >= 0) return known;
      if (!table.set(caller, callee, edges.length)) return -1;
      edges.push(create(callerKey, callee));
      return edges.length - 1;
    },
    keyOf: (edge) => edges[edge]!.key,
    calleeKeyOf: (edge) => edges[edge]!.calleeKey,
    refine(number, node) {
      const edge = edges[number]!;
      if (edge.calleeKey === node || node === edge.callerKey) return false;
      const before = learned.get(edge.name);
      if (before === several) return false;
      // A function that the span named itself is not doubted for what stands behind it.
      if (before === undefined && edge.calleeKey !== undefined && parseFunctionKey(edge.calleeKey)) return false;
      if (before === undefined && learned.size >= learnedCountMax) learned.delete(learned.keys().next().value!);
      learned.set(edge.name, before === undefined ? node : several);
      edge.calleeKey = before === undefined ? node : undefined;
      edge.key = before === undefined ? `edge:${edge.callerKey}>${node}` : edge.name;
      return true;
    },
    clear() {
      table.clear();
      edges = [];
    },
  };
}

/** `orders-db` for a table, `fills` for an address or ARN of a queue: the last part. */
function lastPart(text: string): string {
  return text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf(':')) + 1) || text;
}

/** `aws_sqs`, `aws.sqs`, `AmazonSQS`, `AWS.SimpleQueueService` are one thing. */
function systemOf(text: string): string {
  const plain = text.toLowerCase().replace(/^(?:aws|amazon)[ ._-]?/, '');
  return plain === 'simplequeueservice' ? 'sqs' : plain;
}

function nameOf(
  { way, first, second }: Callee,
  callerKey: NodeKey,
  identity: FunctionIdentity,
): { readonly text: string; readonly key?: NodeKey } {
  const join = (system: string, place: string): string =>
    printableName(place === '' ? system : system === '' ? place : `${system}/${place}`);
  switch (way) {
    case ways.invoked:
    case ways.invokedArn: {
      const caller = parseFunctionKey(callerKey);
      const place = { accountId: caller?.accountId ?? '', region: second || (caller?.region ?? '') };
      const key = identity.functionOf(first, place);
      const text = join('lambda', first.replace(/^.*function:/, ''));
      return key === undefined ? { text } : { text: key, key };
    }
    case ways.database:
      return { text: join(systemOf(first), lastPart(second)) };
    case ways.messaging:
      return { text: join(systemOf(first), lastPart(second)) };
    case ways.bucket:
      return { text: join('s3', first) };
    case ways.peer: {
      const key: NodeKey = `service:${printableName(first)}`;
      return { text: key, key };
    }
    case ways.rpc:
      return { text: join(systemOf(first), lastPart(second)) };
    case ways.address:
      return { text: printableName(first) };
  }
}

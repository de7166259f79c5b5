/**
 * Checkpoints of the audit chain, kept where whoever can write the store cannot: how many events there were, and the hash of the last. A chain alone
 * shows that something inside it was changed; only a copy of its head, kept elsewhere, shows that its tail was cut or that all of it was computed anew.
 *
 * A checkpoint is one line of canonical JSON, signed with a key that is not in the store (Ed25519), appended to a file, printed, or sent away. Each one covers
 * everything before it, so the latest is worth all the others.
 */
import {
  createPrivateKey,
  createPublicKey,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from 'node:crypto';
import { InputError } from '../core/errors.ts';
import type { EpochMs } from '../core/time.ts';
import type { AuditHead } from './audit-log.ts';
import { canonicalJson } from './canonical-json.ts';

export interface Checkpoint {
  readonly schemaVersion: 1;
  readonly atMs: EpochMs;
  /** The last event that it covers. */
  readonly seq: number;
  readonly hash: string;
  /** Ed25519 over the canonical JSON of the other fields, base64; absent where no key was given. */
  readonly signature?: string;
}

/** Signs checkpoints with a private key. Made once: parsing a key takes longer than using it. */
export type Sign = (text: string) => string;

/**
 * @throws InputError when the PEM text is no Ed25519 private key. What it holds is never repeated.
 */
export function createSigner(privateKeyPem: string): Sign {
  const key = readKey(() => createPrivateKey(privateKeyPem), 'the signing key is no private key in PEM form');
  return (text) => signBytes(null, Buffer.from(text), key).toString('base64');
}

/** The line to keep elsewhere, with its line break. */
export function formatCheckpoint(head: AuditHead, atMs: EpochMs, sign?: Sign): string {
  const unsigned = { schemaVersion: 1, atMs, seq: head.seq, hash: head.hash };
  const checkpoint = sign ? { ...unsigned, signature: sign(canonicalJson(unsigned)) } : unsigned;
  return `${canonicalJson(checkpoint)}\n`;
}

/** A file of a year of minutes is 100 MB; an anchor is a checkpoint an hour. */
const lineCountMax = 1_000_000;

/**
 * Reads an anchor: one checkpoint a line. With a public key each signature is checked; a line that is none, or whose signature does not hold, is refused by its number.
 *
 * @throws InputError
 */
export function readAnchor(
  text: string,
  options: { readonly name: string; readonly publicKeyPem?: string },
): readonly Checkpoint[] {
  const { name, publicKeyPem } = options;
  const key =
    publicKeyPem === undefined
      ? undefined
      : readKey(() => createPublicKey(publicKeyPem), 'the key to check signatures with is no public key in PEM form');
  const lines = text.split('\n');
  // What follows the last line break is the line that a crash cut short, or nothing.
  lines.pop();
  if (lines.length > lineCountMax) throw new InputError('anchor', `${name}: more than ${lineCountMax} lines`);
  if (lines.length === 0) throw new InputError('anchor', `${name}: no checkpoint in it`);
  return lines.map((line, index) => {
    const checkpoint = parseCheckpoint(line);
    const where = `${name}:${index + 1}`;
    if (!checkpoint) throw new InputError('anchor', `${where}: not a checkpoint`);
    if (key && !isSignedBy(checkpoint, key)) throw new InputError('anchor', `${where}: the signature does not hold`);
    return checkpoint;
  });
}

function parseCheckpoint(line: string): Checkpoint | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { schemaVersion, atMs, seq, hash, signature } = (value ?? {}) as Partial<Record<keyof Checkpoint, unknown>>;
  const isHead = Number.isSafeInteger(atMs) && Number.isSafeInteger(seq) && (seq as number) >= 0;
  if (schemaVersion !== 1 || !isHead || typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return undefined;
  if (signature !== undefined && typeof signature !== 'string') return undefined;
  const checkpoint = { schemaVersion, atMs: atMs as number, seq: seq as number, hash } as const;
  return signature === undefined ? checkpoint : { ...checkpoint, signature };
}

function isSignedBy({ signature, ...unsigned }: Checkpoint, key: KeyObject): boolean {
  return (
    signature !== undefined &&
    verifyBytes(null, Buffer.from(canonicalJson(unsigned)), key, Buffer.from(signature, 'base64'))
  );
}

function readKey(read: () => KeyObject, otherwise: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    // The cause may quote what it could not read.
    throw new InputError('anchor-key', otherwise);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new InputError('anchor-key', `${otherwise}: expected Ed25519`);
  return key;
}

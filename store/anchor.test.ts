import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AuditDraft } from '../core/audit.ts';
import type { LogRecord } from '../core/ports.ts';
import { createSigner, formatCheckpoint, readAnchor, type Checkpoint } from './anchor.ts';
import { createAuditChain, type AuditChain } from './audit-log.ts';
import { verifyAudit } from './audit-verify.ts';
import { createMemoryStore } from './memory.ts';

const keys = generateKeyPairSync('ed25519');
const privateKeyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const publicKeyPem = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const sign = createSigner(privateKeyPem);

function draft(because: string): AuditDraft {
  return { atMs: 1_000, kind: 'plan.decided', actor: 'engine', body: { because } };
}

/** A log of `count` events, and the chain as it stood after each. */
function logOf(count: number, words = 'event'): { records: readonly LogRecord[]; chains: readonly AuditChain[] } {
  const chains: AuditChain[] = [createAuditChain()];
  const records: LogRecord[] = [];
  for (let seq = 0; seq < count; seq++) {
    const extended = chains.at(-1)!.extend([draft(`${words} ${seq}`)]);
    records.push(...extended.records);
    chains.push(extended.next);
  }
  return { records, chains };
}

async function verified(records: readonly LogRecord[], checkpoints: readonly Checkpoint[]) {
  const store = createMemoryStore();
  if (records.length > 0) await store.append(records, 0);
  return verifyAudit(store, { checkpoints });
}

const whole = logOf(10);
const anchorText = [3, 7, 10].map((count) => formatCheckpoint(whole.chains[count]!.head!, 2_000, sign)).join('');
const checkpoints = readAnchor(anchorText, { name: 'anchor', publicKeyPem });

describe('an anchor', () => {
  it('agrees with the log that it was taken from, and says how far it reaches', async () => {
    expect(await verified(whole.records, checkpoints)).toMatchObject({
      verified: true,
      anchor: { checkpointCount: 3, coveredSeq: 9 },
    });
  });

  it('agrees with a log that went on', async () => {
    const { records } = logOf(14);
    expect(await verified(records, checkpoints)).toMatchObject({
      verified: true,
      eventCount: 14,
      anchor: { coveredSeq: 9 },
    });
  });

  it.each([9, 8, 1, 0])(
    'shows a tail that was cut after %i events, where the chain alone looks whole',
    async (kept) => {
      const cut = whole.records.slice(0, kept);
      expect(await verified(cut, [])).toMatchObject({ verified: true, anchor: null });
      expect(await verified(cut, checkpoints)).toMatchObject({
        verified: false,
        firstFault: { kind: 'anchor', message: expect.stringContaining('its tail was cut') as string },
      });
    },
  );

  it('shows a chain that was computed anew, at the first event that it covers', async () => {
    const { records } = logOf(10, 'another story');
    expect(await verified(records, [])).toMatchObject({ verified: true });
    expect(await verified(records, checkpoints)).toMatchObject({
      verified: false,
      firstFault: { kind: 'anchor', seq: 2 },
    });
  });

  it('is read up to the line that a crash cut short', () => {
    expect(readAnchor(anchorText.slice(0, -5), { name: 'anchor', publicKeyPem })).toHaveLength(2);
  });

  it('needs no key to be compared', async () => {
    const unsigned = readAnchor(formatCheckpoint(whole.chains[10]!.head!, 2_000), { name: 'anchor' });
    expect(await verified(whole.records.slice(0, 5), unsigned)).toMatchObject({ verified: false });
  });

  const other = createSigner(
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  );
  const head = whole.chains[3]!.head!;
  it.each([
    ['empty', '', /no checkpoint/],
    ['no JSON', 'hello\n', /anchor:1: not a checkpoint/],
    ['null', 'null\n', /anchor:1: not a checkpoint/],
    ['of a later schema', '{"schemaVersion":2}\n', /anchor:1: not a checkpoint/],
    ['without its hash', '{"atMs":1,"hash":"","schemaVersion":1,"seq":1}\n', /anchor:1: not a checkpoint/],
    ['unsigned where a key is given', formatCheckpoint(head, 1), /anchor:1: the signature does not hold/],
    ['signed by another', formatCheckpoint(head, 1, other), /anchor:1: the signature does not hold/],
    ['changed after it was signed', anchorText.replace('"seq":6', '"seq":5'), /anchor:2: the signature does not hold/],
  ])('is refused by line when it is %s', (_name, text, message) => {
    expect(() => readAnchor(text, { name: 'anchor', publicKeyPem })).toThrow(message);
  });

  it.each([
    '',
    'secret-words',
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ])('takes no other key, and repeats nothing of it (%#)', (pem) => {
    expect(() => createSigner(pem)).toThrow(/^the signing key is no private key in PEM form/);
    expect(() => createSigner(pem)).not.toThrow(/secret-words/);
  });
});

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AuditHead } from '../store/audit-log.ts';
import { readAnchor } from '../store/anchor.ts';
import { openAnchoring } from './anchoring.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'foreshock-anchor-'));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

const headOf = (seq: number): AuditHead => ({ seq, hash: String(seq % 10).repeat(64) });
const clock = { nowMs: () => 5_000 };

it('writes a line for each head that is new, after those that are there', async () => {
  const file = path.join(folder, 'anchor.jsonl');
  let head: AuditHead | undefined;
  const anchoring = await openAnchoring({ file, head: () => head, clock });
  await anchoring.write();
  for (const seq of [3, 3, 8]) {
    head = headOf(seq);
    await anchoring.write();
  }
  const again = await openAnchoring({ file, head: () => headOf(12), clock });
  await again.write();
  expect(readAnchor(readFileSync(file, 'utf8'), { name: file })).toEqual(
    [3, 8, 12].map((seq) => ({ schemaVersion: 1, atMs: 5_000, ...headOf(seq) })),
  );
});

it('is refused at once when the file cannot be written', async () => {
  const blocked = path.join(folder, 'file');
  writeFileSync(blocked, '');
  const file = path.join(blocked, 'anchor.jsonl');
  await expect(openAnchoring({ file, head: () => undefined, clock })).rejects.toThrow(
    `audit.anchorFile ${file} cannot be written`,
  );
});

/**
 * A disk that really is full: a file system of a megabyte, mounted in a namespace of the test's own, which needs no rights. Where the kernel does not give
 * one, what a full disk answers is played by SQLite's limit of pages (embedded.test.ts), and this is skipped.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const mount = 'mount -t tmpfs -o size=1m tmpfs "$0"';
const inNamespace = (folder: string, then: string, ...args: readonly string[]) =>
  spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'bash', '-c', `${mount} && ${then}`, folder, ...args], {
    encoding: 'utf8',
  });

const canMount = inNamespace(tmpdir(), 'true').status === 0;

/** Fills the disk, tries again on the full one (with and without SQLite's shared memory beside it), and goes on where room was made. */
const script = `
  import { rmSync, writeFileSync } from 'node:fs';
  import { openAuditChain } from '${new URL('./audit-log.ts', import.meta.url).href}';
  import { verifyAudit } from '${new URL('./audit-verify.ts', import.meta.url).href}';
  import { openEmbeddedStore } from '${new URL('./embedded.ts', import.meta.url).href}';
  const [, folder] = process.argv;
  const path = folder + '/store.db';
  const write = async (countMax) => {
    let acknowledged = 0;
    let said = 'done';
    try {
      const store = await openEmbeddedStore(path);
      try {
        let chain = await openAuditChain(store);
        acknowledged = await store.head();
        for (let count = 0; count < countMax; count++) {
          const { records, next } = chain.extend([{ atMs: count, kind: 'plan.decided', actor: 'engine', body: { words: 'x'.repeat(3000) } }]);
          acknowledged = await store.append(records, acknowledged);
          chain = next;
        }
      } finally {
        await store.close();
      }
    } catch (error) {
      said = error.code + ' ' + error.message;
    }
    const reader = await openEmbeddedStore(path, { readOnly: true });
    const { verified, eventCount } = await verifyAudit(reader);
    await reader.close();
    return { said, acknowledged, verified, eventCount };
  };
  const answers = [];
  writeFileSync(folder + '/ballast', Buffer.alloc(400_000));
  answers.push(await write(10_000), await write(1));
  try { writeFileSync(folder + '/more', Buffer.alloc(100_000)); } catch {}
  answers.push(await write(1));
  rmSync(path + '-shm', { force: true });
  answers.push(await write(1));
  rmSync(folder + '/ballast');
  answers.push(await write(20));
  console.log(JSON.stringify(answers));
`;

interface Answer {
  readonly said: string;
  readonly acknowledged: number;
  readonly verified: boolean;
  readonly eventCount: number;
}

it.skipIf(!canMount)('loses nothing that it acknowledged, says so in one line, and goes on once there is room', () => {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-full-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const node = [process.execPath, '--input-type=module', '--eval', script, folder];
  const { stdout, stderr } = inNamespace(folder, 'exec "$@"', ...node);
  expect(stderr).toBe('');
  const [filled, ...others] = JSON.parse(stdout) as readonly Answer[];
  const refusal = `store-full store ${folder}/store.db: the disk is full; what was acknowledged is kept, make room and start again (database or disk is full)`;
  expect(filled!.acknowledged).toBeGreaterThan(20);
  const kept = { acknowledged: filled!.acknowledged, eventCount: filled!.acknowledged, verified: true };
  expect([filled, ...others.slice(0, -1)]).toEqual(Array(4).fill({ ...kept, said: refusal }));
  const count = kept.acknowledged + 20;
  expect(others.at(-1)).toEqual({ said: 'done', acknowledged: count, eventCount: count, verified: true });
});

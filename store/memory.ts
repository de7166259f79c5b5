/** The store of tests and simulations: as durable as the process. */
import { assert } from '../core/assert.ts';
import type { AuditCut, FactStream, Position, Store, Stored } from '../core/ports.ts';
import { assertCut, assertRecords, checkHead } from './records.ts';

export function createMemoryStore(): Store {
  let log: Stored[] = [];
  let head = 0;
  let isOpen = true;
  /** By name, in the order of putting. */
  const drawer = new Map<string, { version: string; bytes: Uint8Array; putAt: Position }[]>();
  let cut: AuditCut | undefined;
  const assertOpen = (): void => assert(isOpen, 'the store is closed');

  return {
    async head() {
      assertOpen();
      return head;
    },
    async append(records, after) {
      assertOpen();
      assertRecords(records);
      checkHead(head, after);
      for (const { stream, atMs, bytes } of records) log.push({ stream, atMs, bytes: bytes.slice(), position: head++ });
      return head;
    },
    async *read(from, stream) {
      assertOpen();
      for (const stored of log) {
        if (stored.position < from || (stream !== undefined && stored.stream !== stream)) continue;
        yield { ...stored, bytes: stored.bytes.slice() };
      }
    },
    async put(name, version, bytes) {
      assertOpen();
      const others = (drawer.get(name) ?? []).filter((kept) => kept.version !== version);
      drawer.set(name, [...others, { version, bytes: bytes.slice(), putAt: head }]);
    },
    async get(name, version) {
      assertOpen();
      const found = drawer.get(name)?.findLast((kept) => version === undefined || kept.version === version);
      return found && { version: found.version, bytes: found.bytes.slice() };
    },
    async blobs() {
      assertOpen();
      return [...drawer]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .flatMap(([name, kept]) => kept.map(({ version, putAt }) => ({ name, version, putAt })));
    },
    async auditCut() {
      assertOpen();
      return cut;
    },
    async prune({ factsBeforeMs = {}, audit, blobs = [] }) {
      assertOpen();
      const before = log.length;
      for (const [name, beforeMs] of Object.entries(factsBeforeMs) as [FactStream, number][]) {
        const firstKept = log.findIndex(
          ({ stream, atMs, position }) => stream === name && (atMs >= beforeMs || position === head - 1),
        );
        log = log.filter(({ stream }, index) => stream !== name || (firstKept !== -1 && index >= firstKept));
      }
      if (audit) {
        assertCut(audit, cut, log.findLast(({ stream }) => stream === 'audit')?.position);
        log = log.filter(({ stream, position }) => stream !== 'audit' || position > audit.position);
        cut = audit;
      }
      let removedCount = before - log.length;
      for (const { name, version } of blobs) {
        const kept = drawer.get(name) ?? [];
        drawer.set(
          name,
          kept.filter((one) => one.version !== version),
        );
        removedCount += kept.length - drawer.get(name)!.length;
      }
      return { removedCount };
    },
    async close() {
      isOpen = false;
    },
  };
}

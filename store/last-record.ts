/** The last record of a stream: read back from the end until one is found, a few records and not the log. */
import type { Store, Stored, StreamName } from '../core/ports.ts';

export async function lastRecordOf(store: Store, stream: StreamName): Promise<Stored | undefined> {
  const head = await store.head();
  for (let backCount = 64; ; backCount *= 8) {
    const from = Math.max(0, head - backCount);
    let last: Stored | undefined;
    for await (const stored of store.read(from, stream)) last = stored;
    if (last !== undefined || from === 0) return last;
  }
}

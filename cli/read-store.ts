/** What the verbs that look into a store have in common. */
import { InputError } from '../core/errors.ts';
import type { Store } from '../core/ports.ts';
import { openEmbeddedStore } from '../store/embedded.ts';

/** Opens the store that a flag names, to read it. */
export async function readStore<Result>(
  path: string | undefined,
  read: (store: Store) => Promise<Result>,
): Promise<Result> {
  if (path === undefined) throw new InputError('usage', 'which store? name its file with --store');
  const store = await openEmbeddedStore(path, { readOnly: true });
  try {
    return await read(store);
  } finally {
    await store.close();
  }
}

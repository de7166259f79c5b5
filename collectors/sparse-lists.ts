/**
 * A list of (sub, amount) for each owner, as linked entries in typed arrays: how often each bucket of a histogram, each environment, each version came
 * to one accumulator. Emptied as a whole.
 */
import { createPairTable } from './pair-table.ts';

export interface SparseLists {
  /** Adds to the owner's entry for `sub`; false when there is no room for a new one. */
  add(owner: number, sub: number, amount: number): boolean;
  /** Calls back for each entry of the owner, in no order. */
  each(owner: number, visit: (sub: number, amount: number) => void): void;
  lengthOf(owner: number): number;
  clear(): void;
}

export interface SparseBounds {
  readonly entryCountMax: number;
  readonly perOwnerMax: number;
}

export function createSparseLists({ entryCountMax, perOwnerMax }: SparseBounds): SparseLists {
  const table = createPairTable(entryCountMax);
  let subs = new Int32Array(1_024);
  let amounts = new Float64Array(1_024);
  let nexts = new Int32Array(1_024);
  // The owner's last entry plus one, and how many it has.
  let heads = new Int32Array(1_024);
  let lengths = new Int32Array(1_024);
  let entryCount = 0;
  let ownerCount = 0;

  const addEntry = (owner: number, sub: number, amount: number): boolean => {
    while (owner >= heads.length) {
      heads = grown(heads, new Int32Array(2 * heads.length));
      lengths = grown(lengths, new Int32Array(2 * lengths.length));
    }
    if (lengths[owner]! >= perOwnerMax || !table.set(owner, sub, entryCount)) return false;
    if (entryCount === subs.length) {
      subs = grown(subs, new Int32Array(2 * entryCount));
      amounts = grown(amounts, new Float64Array(2 * entryCount));
      nexts = grown(nexts, new Int32Array(2 * entryCount));
    }
    subs[entryCount] = sub;
    amounts[entryCount] = amount;
    nexts[entryCount] = heads[owner]!;
    heads[owner] = ++entryCount;
    lengths[owner]!++;
    ownerCount = Math.max(ownerCount, owner + 1);
    return true;
  };

  return {
    add(owner, sub, amount) {
      const entry = table.get(owner, sub);
      if (entry < 0) return addEntry(owner, sub, amount);
      amounts[entry]! += amount;
      return true;
    },
    each(owner, visit) {
      for (let next = heads[owner] ?? 0; next !== 0; next = nexts[next - 1]!)
        visit(subs[next - 1]!, amounts[next - 1]!);
    },
    lengthOf: (owner) => lengths[owner] ?? 0,
    clear() {
      table.clear();
      heads.fill(0, 0, ownerCount);
      lengths.fill(0, 0, ownerCount);
      entryCount = 0;
      ownerCount = 0;
    },
  };
}

function grown<Words extends Int32Array | Float64Array>(old: Words, larger: Words): Words {
  larger.set(old);
  return larger;
}

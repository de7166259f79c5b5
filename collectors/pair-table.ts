/**
 * A map from two 32-bit integers to a small one, in typed arrays: no object an entry, no garbage, and a size that does not outgrow its bound.
 * Open addressing with linear probing, at most half full. Keys that were chosen to collide are refused after as many probes as chance never needs.
 */
export interface PairTable {
  /** The value of the pair; -1 where there is none. */
  get(first: number, second: number): number;
  /** Sets the pair, new or not. False when the pair is new and there is no room for it. */
  set(first: number, second: number, value: number): boolean;
  clear(): void;
  readonly size: number;
}

const sizeAtFirst = 1_024;
const probeCountMax = 128;

export function createPairTable(sizeMax: number): PairTable {
  let slotCount = sizeAtFirst;
  let firsts = new Int32Array(slotCount);
  let seconds = new Int32Array(slotCount);
  // Value plus one, so that 0 is an empty slot.
  let values = new Int32Array(slotCount);
  let size = 0;

  /** Where the pair is, or would be; -1 after too many probes. */
  const slotOf = (first: number, second: number): number => {
    const mask = slotCount - 1;
    let slot = mix(first, second) & mask;
    for (let probeCount = 0; probeCount < probeCountMax; probeCount++) {
      if (values[slot] === 0 || (firsts[slot] === first && seconds[slot] === second)) return slot;
      slot = (slot + 1) & mask;
    }
    return -1;
  };

  const grow = (): void => {
    const [oldFirsts, oldSeconds, oldValues] = [firsts, seconds, values];
    slotCount *= 2;
    firsts = new Int32Array(slotCount);
    seconds = new Int32Array(slotCount);
    values = new Int32Array(slotCount);
    for (let old = 0; old < oldValues.length; old++) {
      if (oldValues[old] === 0) continue;
      const slot = slotOf(oldFirsts[old]!, oldSeconds[old]!);
      if (slot < 0) {
        size--;
        continue;
      }
      firsts[slot] = oldFirsts[old]!;
      seconds[slot] = oldSeconds[old]!;
      values[slot] = oldValues[old]!;
    }
  };

  return {
    get size() {
      return size;
    },
    get(first, second) {
      const slot = slotOf(first | 0, second | 0);
      return slot < 0 ? -1 : values[slot]! - 1;
    },
    set(first, second, value) {
      let slot = slotOf(first | 0, second | 0);
      if (slot < 0) return false;
      if (values[slot] === 0) {
        if (size >= sizeMax) return false;
        if (2 * (size + 1) > slotCount) {
          grow();
          slot = slotOf(first | 0, second | 0);
          if (slot < 0) return false;
        }
        size++;
        firsts[slot] = first;
        seconds[slot] = second;
      }
      values[slot] = value + 1;
      return true;
    },
    clear() {
      if (size > 0) values.fill(0);
      size = 0;
    },
  };
}

/** Spreads both words over all bits (the finaliser of MurmurHash3, Austin Appleby, public domain). */
export function mix(first: number, second: number): number {
  let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * Numbers for keys, and how many there may be. A key that was let in once stays in for a quarter of an hour after it was last seen, so that those who
 * follow keys from here on meet a bounded number of them, whatever names a sender invents.
 */
import type { WindowKey } from '../core/window.ts';

export interface KeyBook {
  /** Number of the key; -2 when there are too many. */
  numberOf(key: WindowKey): number;
  keyOf(number: number): WindowKey;
  /** Ends a generation: numbers begin anew, and keys that were not seen for `generationCountMax` of them may be replaced. */
  forget(): void;
  readonly size: number;
}

const generationCountMax = 15;
const tooMany = -2;

export function createKeyBook(keyCountMax: number): KeyBook {
  let numbers = new Map<WindowKey, number>();
  let keys: WindowKey[] = [];
  /** Generation in which each key that was let in was last seen. */
  const admitted = new Map<WindowKey, number>();
  let generation = 0;
  return {
    get size() {
      return admitted.size;
    },
    numberOf(key) {
      const known = numbers.get(key);
      if (known !== undefined) return known;
      if (!admitted.has(key) && admitted.size >= keyCountMax) return tooMany;
      admitted.set(key, generation);
      numbers.set(key, keys.length);
      keys.push(key);
      return keys.length - 1;
    },
    keyOf: (number) => keys[number]!,
    forget() {
      generation++;
      for (const [key, seen] of admitted) if (generation - seen > generationCountMax) admitted.delete(key);
      numbers = new Map();
      keys = [];
    },
  };
}

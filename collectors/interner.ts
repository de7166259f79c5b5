/**
 * Turns the bytes of a text into a small integer, the same for the same bytes, so that what repeats in every span is compared and remembered as
 * a number. Text is made of the bytes only when somebody asks for it.
 *
 * Bounded: what a hostile sender invents would fill memory. At the bound a new text gets 0, as if the attribute had not been sent, and is counted;
 * whoever owns the interner empties it when a second ends, and all that hangs on its numbers with it. A search that is longer than chance makes it
 * ends in 0 as well: texts that were chosen to collide cost no more than others.
 */
import { mix } from './pair-table.ts';

export interface Interner {
  /** Number of the text in `bytes[from, until)`, 1 or more; 0 when it is empty, too long, or there is no room. */
  intern(bytes: Uint8Array, from: number, until: number): number;
  textOf(id: number): string;
  readonly isFull: boolean;
  /** Texts that were refused since the start: too long, or no room. */
  readonly deniedCount: number;
  readonly size: number;
  clear(): void;
}

export interface InternerBounds {
  readonly textCountMax: number;
  readonly byteCountMax: number;
}

/** A fleet of 20,000 functions with four texts each fits; 8 MiB of bytes and 2 MiB of tables are what one sender may hold. */
export const internerBounds: InternerBounds = { textCountMax: 1 << 17, byteCountMax: 8 << 20 };

/** The longest text that means anything to us is an ARN (140) or a queue's address. */
const textByteCountMax = 512;

/** At half full, a run of 64 slots does not come by chance (Knuth, The Art of Computer Programming 3, section 6.4: 1.5 probes on average). */
const probeCountMax = 64;

const decoder = new TextDecoder();

export function createInterner(bounds: InternerBounds = internerBounds): Interner {
  let slots = new Int32Array(1_024);
  let arena = new Uint8Array(16_384);
  let starts = new Int32Array(512);
  let hashes = new Int32Array(512);
  let texts: (string | undefined)[] = [''];
  let size = 0;
  let deniedCount = 0;

  const isFull = (): boolean =>
    size >= bounds.textCountMax || (size > 0 && starts[size + 1]! + textByteCountMax > bounds.byteCountMax);

  const growSlots = (): void => {
    slots = new Int32Array(slots.length * 2);
    const mask = slots.length - 1;
    for (let id = 1; id <= size; id++) {
      let slot = hashes[id]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
  };

  const isAt = (id: number, bytes: Uint8Array, from: number, length: number): boolean => {
    const start = starts[id]!;
    if (starts[id + 1]! - start !== length) return false;
    for (let index = 0; index < length; index++) if (arena[start + index] !== bytes[from + index]) return false;
    return true;
  };

  const add = (bytes: Uint8Array, from: number, until: number, hash: number): number => {
    const id = ++size;
    const start = id === 1 ? 0 : starts[id]!;
    const end = start + until - from;
    if (id + 2 > starts.length) {
      starts = resized(starts);
      hashes = resized(hashes);
    }
    while (end > arena.length) {
      const larger = new Uint8Array(arena.length * 2);
      larger.set(arena);
      arena = larger;
    }
    for (let index = from; index < until; index++) arena[start + index - from] = bytes[index]!;
    starts[id] = start;
    starts[id + 1] = end;
    hashes[id] = hash;
    if (2 * (size + 1) > slots.length) growSlots();
    return id;
  };

  return {
    get size() {
      return size;
    },
    get deniedCount() {
      return deniedCount;
    },
    get isFull() {
      return isFull();
    },
    intern(bytes, from, until) {
      const length = until - from;
      if (length === 0) return 0;
      if (length > textByteCountMax) {
        deniedCount++;
        return 0;
      }
      const hash = hashBytes(bytes, from, until);
      const mask = slots.length - 1;
      let slot = hash & mask;
      let probeCount = 0;
      for (let id = slots[slot]!; id !== 0 && probeCount < probeCountMax; id = slots[slot]!, probeCount++) {
        if (hashes[id] === hash && isAt(id, bytes, from, length)) return id;
        slot = (slot + 1) & mask;
      }
      if (probeCount === probeCountMax || isFull()) {
        deniedCount++;
        return 0;
      }
      slots[slot] = size + 1;
      return add(bytes, from, until, hash);
    },
    textOf: (id) => (texts[id] ??= decoder.decode(arena.subarray(starts[id], starts[id + 1]))),
    clear() {
      slots.fill(0);
      texts = [''];
      size = 0;
    },
  };
}

/** FNV-1a over bytes, then mixed: its low bits alone are weak. Zero is as good as any other. */
export function hashBytes(bytes: Uint8Array, from: number, until: number): number {
  let hash = 0x811c9dc5;
  for (let index = from; index < until; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  return mix(hash, until - from);
}

function resized(words: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words.length * 2);
  larger.set(words);
  return larger;
}

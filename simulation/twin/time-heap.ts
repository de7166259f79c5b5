/**
 * The instants at which busy environments become free, smallest first: a binary heap in one typed array, without an object an entry.
 *
 * Cost: O(log n) to push and to pop; eight bytes an entry, doubled when full.
 */
export interface TimeHeap {
  /** Entries in use; the smallest is `times[0]`. */
  size: number;
  times: Float64Array;
}

export function createTimeHeap(): TimeHeap {
  return { size: 0, times: new Float64Array(64) };
}

export function pushTime(heap: TimeHeap, time: number): void {
  if (heap.size === heap.times.length) {
    const wider = new Float64Array(heap.times.length * 2);
    wider.set(heap.times);
    heap.times = wider;
  }
  const times = heap.times;
  let index = heap.size++;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (times[parent]! <= time) break;
    times[index] = times[parent]!;
    index = parent;
  }
  times[index] = time;
}

/** Takes the smallest out; the heap must not be empty. */
export function popTime(heap: TimeHeap): number {
  const times = heap.times;
  const smallest = times[0]!;
  const size = --heap.size;
  const last = times[size]!;
  let index = 0;
  for (let child = 1; child < size; child = 2 * index + 1) {
    if (child + 1 < size && times[child + 1]! < times[child]!) child++;
    if (times[child]! >= last) break;
    times[index] = times[child]!;
    index = child;
  }
  times[index] = last;
  return smallest;
}

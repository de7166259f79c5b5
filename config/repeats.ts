/** What stands in a list more than once. */

/** The items whose key stood before, with the index of the first. */
export function repeatsOf<Item>(
  items: readonly (Item | undefined)[] | undefined,
  keyOf: (item: Item) => string | undefined,
): readonly { index: number; firstIndex: number }[] {
  const firstIndexes = new Map<string, number>();
  return (items ?? []).flatMap((item, index) => {
    const key = item === undefined ? undefined : keyOf(item);
    if (key === undefined) return [];
    const firstIndex = firstIndexes.get(key);
    if (firstIndex === undefined) firstIndexes.set(key, index);
    return firstIndex === undefined ? [] : [{ index, firstIndex }];
  });
}

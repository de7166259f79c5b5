/** What the map has for the key, or else what is made for it now. */
export function remembered<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const fresh = make();
  known.set(key, fresh);
  return fresh;
}

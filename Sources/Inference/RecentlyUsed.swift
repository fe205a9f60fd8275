/// Values by key, of which only the ones that were used last are kept.
struct RecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// How many values are kept.
  let limit: Int
  /// The one used last at the end; there are few.
  private var entries: [(key: Key, value: Value)] = []

  /// Nothing yet. `limit` is at least 1.
  init(limit: Int) { self.limit = max(limit, 1) }

  /// The value for `key`, which is now the one used last.
  subscript(key: Key) -> Value? {
    mutating get {
      guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
      entries.append(entries.remove(at: index))
      return entries.last?.value
    }
  }

  /// Keeps `value` for `key`, and lets the one go that was not used for longest where there are too many.
  mutating func insert(_ value: Value, for key: Key) {
    entries.removeAll { $0.key == key }
    entries.append((key, value))
    if entries.count > limit { entries.removeFirst() }
  }
}

/// Values by key, of which only the ones that were used last are kept.
struct RecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// How many values are kept.
  let limit: Int
  /// What the values that are kept may cost together; the one used last is kept at any cost.
  let budget: Int
  /// The one used last at the end; there are few.
  private var entries: [(key: Key, value: Value, cost: Int)] = []

  /// Nothing yet. `limit` is at least 1.
  init(limit: Int, budget: Int) { (self.limit, self.budget) = (max(limit, 1), budget) }

  /// The value for `key`, which is now the one used last.
  subscript(key: Key) -> Value? {
    mutating get {
      guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
      entries.append(entries.remove(at: index))
      return entries.last?.value
    }
  }

  /// Keeps `value` for `key`, and lets those go that were not used for longest where there are too many, or they cost too much.
  mutating func insert(_ value: Value, for key: Key, cost: Int) {
    entries.removeAll { $0.key == key }
    entries.append((key, value, cost))
    while entries.count > limit || entries.count > 1 && entries.reduce(0, { $0 + $1.cost }) > budget {
      entries.removeFirst()
    }
  }
}

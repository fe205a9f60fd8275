internal import ResectBytes

/// The members of a JSON object of which every one has to be taken: what is not understood would mean another network.
struct Members {
  private let owner: String
  private let all: [JSON.Member]
  private var left: [String: JSON]

  /// The members of `json`, which errors call `owner`.
  init(_ json: JSON, of owner: String) throws(ResectError) {
    guard let members = json.members else { throw ResectError(.malformed, "\(owner) is no JSON object") }
    self.owner = owner
    all = members
    left = Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
  }

  /// A member that is not taken yet.
  subscript(name: String) -> JSON? { left[name] }

  /// Refuses members that nobody took.
  func end() throws(ResectError) {
    guard let stranger = all.first(where: { left[$0.name] != nil }) else { return }
    throw ResectError(
      .unsupported, "\(owner) has \"\(stranger.name.printable(limit: 80))\", which is not known",
      advice: "use a newer Resect")
  }

  func refusal(_ name: String) -> ResectError { ResectError(.malformed, "\(owner) is damaged: \(name)") }

  mutating func take(_ name: String) throws(ResectError) -> JSON {
    guard let value = left.removeValue(forKey: name) else { throw refusal(name) }
    return value
  }

  /// A member that may be absent.
  mutating func optional<Value>(
    _ name: String, _ read: (inout Members, String) throws(ResectError) -> Value
  ) throws(ResectError) -> Value? {
    left[name] == nil ? nil : try read(&self, name)
  }

  mutating func text(_ name: String) throws(ResectError) -> String {
    guard let text = try take(name).string else { throw refusal(name) }
    return text
  }

  mutating func flag(_ name: String) throws(ResectError) -> Bool {
    guard let flag = try take(name).bool else { throw refusal(name) }
    return flag
  }

  mutating func number(_ name: String) throws(ResectError) -> Double {
    guard let number = try take(name).number, number.isFinite else { throw refusal(name) }
    return number
  }

  mutating func count(_ name: String) throws(ResectError) -> Int {
    guard let integer = try take(name).integer, integer >= 0 else { throw refusal(name) }
    return Int(integer)
  }

  /// A list of so many integers, none negative.
  mutating func counts(_ name: String, _ number: Int) throws(ResectError) -> [Int] {
    let counts = try list(name).map { $0.integer.map(Int.init) ?? -1 }
    guard counts.count == number, counts.allSatisfy({ $0 >= 0 }) else { throw refusal(name) }
    return counts
  }

  mutating func texts(_ name: String) throws(ResectError) -> [String] {
    let elements = try list(name)
    let texts = elements.compactMap(\.string)
    guard texts.count == elements.count else { throw refusal(name) }
    return texts
  }

  mutating func list(_ name: String) throws(ResectError) -> [JSON] {
    guard let elements = try take(name).elements else { throw refusal(name) }
    return elements
  }
}

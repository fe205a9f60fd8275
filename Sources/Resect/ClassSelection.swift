/// Finds classes by their labels or indices.
struct ClassSelection {
  /// How many classes there are.
  let count: Int
  /// Their names, where somebody gave them.
  let labels: [String]?

  /// The index of the class that each of `names` means.
  ///
  /// A name is a label or, where it is none, an index that counts from 0. Throws where a name is neither, with the closest
  /// labels, and where several classes have it.
  func indices(of names: [String]) throws(ResectError) -> [Int] {
    var positions: [String: [Int]] = [:]
    for (index, label) in (labels ?? []).enumerated() { positions[label, default: []].append(index) }
    var indices: [Int] = []
    for name in names { indices.append(try index(of: name, positions[name] ?? [])) }
    return indices
  }

  private func index(of name: String, _ found: [Int]) throws(ResectError) -> Int {
    if found.count > 1 {
      let list = found.map(String.init).joined(separator: ", ")
      throw ResectError(
        .ambiguous, "\(found.count) classes are called \"\(name)\": \(list)", advice: "name the one meant by its index")
    }
    if let only = found.first { return only }
    if let index = Int(name) {
      guard 0..<count ~= index else {
        throw ResectError(.badArgument, "there is no class \(index): the \(count) classes count from 0")
      }
      return index
    }
    guard let labels else {
      throw ResectError(
        .badArgument, "which class is \"\(name)\" is unknown: the model has no labels",
        advice: .labelClasses)
    }
    let closest = name.closest(3, among: labels).map { "\"\($0)\"" }
    throw ResectError(
      .badArgument, "no class is called \"\(name)\", and it is no index",
      advice: closest.isEmpty ? nil : "the closest labels are \(closest.joined(separator: ", "))")
  }
}

public import ResectBytes
public import ResectResNets

extension Convention {
  /// The same convention with the names that `network` is written by, and what a person should know of them.
  ///
  /// Throws `ResectError.Code.unsupported` where the convention has no name for a tensor of the network, and says which
  /// conventions have.
  public func fitted(
    to network: ResNet
  ) throws(ResectError) -> (convention: Convention, warnings: [String]) {
    if let table = table(for: network) {
      return (preferring(table), warnings(network, table))
    }
    let others = Convention.all.filter { $0.table(for: network) != nil }.map(\.name)
    throw ResectError(
      .unsupported, "the convention \(name) \(gap(in: network))",
      advice: others.isEmpty ? "write .resect" : "these can say it: \(others.joined(separator: ", "))")
  }

  /// The convention itself; where its names are those of one file, which mean nothing in another, the first that builds such a
  /// network, or has names for it.
  public func forWriting(_ network: ResNet) -> Convention {
    guard isOfOneFile else { return self }
    let architecture = network.architecture
    let able = Convention.all.filter { $0.table(for: network) != nil }
    return able.first { $0.isNatural(architecture) } ?? able.first ?? self
  }

  /// The same convention with the names that `network` is written by, if it has names for all of it.
  public func preferring(namesOf network: ResNet) -> Convention {
    table(for: network).map(preferring) ?? self
  }

  /// The first table that has a name for every tensor but counts of batches.
  private func table(for network: ResNet) -> NameTable? {
    let parameters = network.parameters
    return tables.first { table in
      table.says(network)
        && parameters.allSatisfy { $0.path.kind == .batchesTracked || table.name(of: $0.path) != nil }
    }
  }

  /// What the convention cannot say of `network`.
  private func gap(in network: ResNet) -> String {
    guard let table = tables.first(where: { $0.says(network) }) else {
      return "has no names for \(network.shortcutKind.rawValue) shortcuts"
    }
    let nameless = network.parameters.filter { $0.path.kind != .batchesTracked && table.name(of: $0.path) == nil }
    let place = nameless.first?.path.module.description ?? "this network"
    return "has no name for \(place)\(nameless.count > 1 ? " and \(nameless.count - 1) other tensors" : "")"
  }

  private func warnings(_ network: ResNet, _ table: NameTable) -> [String] {
    var warnings: [String] = []
    let uncounted = network.parameters.count {
      $0.path.kind == .batchesTracked && table.name(of: $0.path) == nil
    }
    if uncounted > 0 {
      warnings.append("\(uncounted) counts of batches are left out: the convention \(name) has no name for them")
    }
    return warnings
  }
}

extension NameTable {
  /// Whether the names say which kind of projection the network has.
  func says(_ network: ResNet) -> Bool {
    guard network.stages.joined().contains(where: { $0.shortcut != nil }) else { return true }
    return (network.shortcutKind == .averagePooledProjection) == (shortcut == .averagePooledProjection)
  }
}

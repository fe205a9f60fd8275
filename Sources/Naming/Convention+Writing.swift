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

  /// The convention that names an embedding of classes in a file of its own: this one, if its names mean something in another file
  /// and it has one for the layer at this position of a head; else torchvision's.
  public func forWritingClasses(layer: Int?) -> Convention {
    let names = hasName(for: ParameterPath(.classifier(layer: layer), .weight)) ? Convention.named(name) : nil
    return names == nil ? .torchvision : self
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
    let nameless = network.parameters.map(\.path).filter { $0.kind != .batchesTracked && table.name(of: $0) == nil }
    guard let first = nameless.first else { return "has no names for this network" }
    guard nameless.count > 1 else { return "has no name for \(first)" }
    let isOneKind = nameless.allSatisfy { $0.kind == first.kind }
    let others = isOneKind ? "other tensors called \(first.kind.rawValue)" : "other tensors"
    return "has no name for \(first) and \(nameless.count - 1) \(others)"
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

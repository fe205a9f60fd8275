internal import ResectBytes
internal import ResectResNets
internal import ResectTensors

/// The tensors of a file put in their places by one table of names.
struct Assignment {
  let table: NameTable
  var tensors: [ParameterPath: LazyTensor] = [:]
  var names: [ParameterPath: String] = [:]
  /// Names that the table has no place for, or one that an earlier name has taken.
  private(set) var strangers: [String] = []
  /// How many tensors have a place that takes as many axes as they have.
  private(set) var fitting = 0
  private var strangeAxes: [String: [Int]] = [:]

  init(_ named: [NamedTensor], _ table: NameTable) {
    self.init(named, table) { table.path(of: $0) }
  }

  /// The tensors in the places that `place` gives their names.
  init(_ named: [NamedTensor], _ table: NameTable, place: (String) -> ParameterPath?) {
    self.table = table
    tensors.reserveCapacity(named.count)
    names.reserveCapacity(named.count)
    for entry in named {
      guard let path = place(entry.name), tensors[path] == nil else {
        strangers.append(entry.name)
        strangeAxes[entry.name] = entry.tensor.shape.axes
        continue
      }
      tensors[path] = entry.tensor
      names[path] = entry.name
      if path.takes(rank: entry.tensor.shape.rank) { fitting += 1 }
    }
  }

  /// Whether every tensor has a place that takes it.
  var isComplete: Bool { strangers.isEmpty && fitting == tensors.count }

  /// The same without what `isLeftOut` says, which is no stranger either.
  func without(_ isLeftOut: (String) -> Bool) -> Assignment {
    var rest = self
    rest.strangers.removeAll(where: isLeftOut)
    for (path, name) in names where isLeftOut(name) {
      rest.tensors[path] = nil
      rest.names[path] = nil
      rest.fitting -= 1
    }
    return rest
  }

  /// Takes the weights of classifiers that are 1×1 convolutions as the matrices that they are.
  mutating func flattenClassifiers() throws(ResectError) {
    for (path, tensor) in tensors {
      guard case .classifier = path.module, tensor.shape.rank == 4, tensor.shape.axes[2...] == [1, 1] else { continue }
      tensors[path] = try tensor.reshaped(Array(tensor.shape.axes.prefix(2)))
    }
  }

  /// Compares what is there with what should be. Returns the names that are too many, if they may be.
  func check(
    against architecture: Architecture, _ convention: Convention, allowsUnexpected: Bool
  ) throws(ResectError) -> [String] {
    let expected = architecture.parameters
    var missing: [String] = []
    var misshapen: [String] = []
    var known = 0
    for parameter in expected {
      guard let tensor = tensors[parameter.path] else {
        if !parameter.isOptional { missing.append(convention.name(of: parameter.path)) }
        continue
      }
      known += 1
      guard tensor.shape.axes != parameter.axes else { continue }
      misshapen.append(
        "wrong shape: \(names[parameter.path] ?? "") is \(tensor.shape.axes), expected \(parameter.axes)")
    }
    let unexpected = strangers + (known == tensors.count ? [] : names(beside: expected))
    guard !missing.isEmpty || !misshapen.isEmpty || (!unexpected.isEmpty && !allowsUnexpected)
    else { return unexpected }
    let missingLines = lines("missing", missing, closestAmong: unexpected)
    let unexpectedLines =
      allowsUnexpected ? [] : lines("unexpected", unexpected, closestAmong: missing)
    let counts = [
      (missing.count, "missing"), (unexpectedLines.count, "unexpected"),
      (misshapen.count, "of a wrong shape"),
    ]
    let summary = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let details = missingLines + unexpectedLines + misshapen
    let onlyUnexpected = missing.isEmpty && misshapen.isEmpty
    let layers = strangeLinearLayers
    if onlyUnexpected, architecture.head == .none, layers.count > 1 {
      let features = strangeAxes["\(layers[0]).weight"]?.last ?? 0
      let flattening =
        features == architecture.featureCount
        ? ""
        : "; \(layers[0]) takes \(features) features of the \(architecture.featureCount) channels, which nothing has pooled"
      throw ResectError(
        .mismatch,
        "the head has \(layers.count) linear layers (\(layers.joined(separator: ", "))), which no convention names: it has no single class embedding\(flattening)",
        advice: .readBackbone, details: details)
    }
    throw ResectError(
      .mismatch,
      "the tensors do not fill a ResNet by the convention \(convention.name): \(summary), the first: \(details[0])",
      advice: onlyUnexpected ? .allowUnexpected : nil,
      details: details)
  }

  /// The names of tensors that `expected` are not, sorted.
  private func names(beside expected: [ExpectedParameter]) -> [String] {
    let known = Set(expected.map(\.path))
    return names.filter { !known.contains($0.key) }.map(\.value).sorted()
  }

  /// The modules without a place whose weights are matrices, as those of linear layers are.
  private var strangeLinearLayers: [String] {
    strangers.filter { $0.hasSuffix(".weight") && strangeAxes[$0]?.count == 2 }
      .map { String($0.dropLast(".weight".count)) }
  }

  /// A line a name. The closest names are looked up for the first hundred, which is as far as a person reads.
  private func lines(_ fault: String, _ names: [String], closestAmong others: [String]) -> [String] {
    names.enumerated().map { index, name in
      guard index < 100, let closest = name.closest(among: others) else { return "\(fault): \(name)" }
      return "\(fault): \(name) (closest: \(closest))"
    }
  }
}

extension ParameterPath {
  /// Whether the place may have a tensor of `rank` axes.
  fileprivate func takes(rank: Int) -> Bool {
    switch kind {
    case .batchesTracked: module.isNorm
    case .runningMean, .runningVariance: module.isNorm && rank == 1
    case .bias: rank == 1
    case .weight: module.isNorm ? rank == 1 : module.isConvolution ? rank == 4 : rank > 1
    }
  }
}

public import ResectBytes
public import ResectResNets

extension ActivationRanges {
  /// What lies further out is cut off, which costs more than coarser steps: activations have longer tails than normal
  /// distributions, above all of inputs that are mostly empty. `Docs/Inference.md` has what was measured.
  private static let deviations = 12.0
  /// Normalised images reach about so far.
  private static let inputDeviations = 3.0

  /// The ranges that the batch-norms of `network` tell, without any data; nothing where they do not tell all of them, as after folding.
  ///
  /// See ``Program/moments(image:)``.
  public init?(batchNormsOf network: ResNet) throws(ResectError) {
    guard case .batchNorm = network.normalization else { return nil }
    let exact = try Program(network, fidelity: .exact)
    let fused = try Program(network)
    let moments = try exact.moments()
    let twins = fused.twins(in: exact)
    self.init(from: .batchNorms)
    for value in fused.convolvedValues {
      guard let known = moments[twins[value]] else { return nil }
      let name = fused.name(of: value)
      let isInput = name == Program.inputName
      self[name] = known.range(
        deviations: isInput ? ActivationRanges.inputDeviations : ActivationRanges.deviations)
    }
  }
}

extension Program {
  /// For each value of this graph, in which batch-norms are folded, the value of `exact`, the same network as it stands, that has the
  /// same numbers.
  fileprivate func twins(in exact: Program) -> [ValueID] {
    var twins = [0]
    var end = 0
    for index in nodes.indices {
      let next = index + 1 < nodes.count ? nodes[index + 1].name : nil
      // A node of this graph is all nodes of the other before the next one's name.
      repeat { end += 1 } while end < exact.nodes.count && exact.nodes[end].name != next
      twins.append(end)
    }
    return twins
  }
}

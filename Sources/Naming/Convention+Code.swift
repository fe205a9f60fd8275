internal import ResectGraphs
package import ResectResNets

extension Convention {
  /// Something that a network computes or holds otherwise than the convention's own code builds it.
  package struct CodeDifference: Sendable, Hashable {
    /// What it is about.
    package enum Subject: String, Sendable, Hashable, CaseIterable {
      case family, strides, stridedBlocks, pooling, padding, epsilon, norms, biases, head, input, features
    }

    /// What it is about.
    package let subject: Subject
    /// What the code has, and what the network has.
    package let description: String
    /// What makes up for it; absent where nothing does.
    package let remedy: String?

    init(_ subject: Subject, _ description: String, remedy: String? = nil) {
      (self.subject, self.description, self.remedy) = (subject, description, remedy)
    }
  }

  /// How `architecture` differs from what the convention's own code builds, loads strictly and computes, in files that it loads state
  /// dicts from; nothing where no code does. What is unknown is no difference.
  package func differences(of architecture: Architecture) -> [CodeDifference] {
    guard loadsStateDicts else { return [] }
    return familyDifferences(architecture) + strideDifferences(architecture) + borderDifferences(architecture)
      + normDifferences(architecture) + endDifferences(architecture)
  }

  /// How `architecture` differs from what code computes that names so, whether it loads files of such names or not.
  package func warnings(of architecture: Architecture) -> [CodeDifference] {
    if loadsStateDicts { return differences(of: architecture) }
    return name == Convention.tree.name ? [] : strideDifferences(architecture) + borderDifferences(architecture)
  }

  private func familyDifferences(_ architecture: Architecture) -> [CodeDifference] {
    guard !isNatural(architecture) else { return [] }
    let able = Convention.all.filter { $0.loadsStateDicts && $0.isNatural(architecture) }.map(\.name)
    return [
      CodeDifference(
        .family, "it builds no such network itself",
        remedy: able.isEmpty ? nil : "--convention with a code that does: \(able.joined(separator: ", "))")
    ]
  }

  private func strideDifferences(_ architecture: Architecture) -> [CodeDifference] {
    var differences: [CodeDifference] = []
    let placement = architecture.stridePlacement.value
    if architecture.block == .bottleneck, architecture.depths.count > 1, stridePlacement != .unknown,
      placement != .unknown, placement != stridePlacement
    {
      differences.append(
        CodeDifference(.strides, "it strides as \(stridePlacement.rawValue), this network as \(placement.rawValue)"))
    }
    if architecture.depths.count > 1, architecture.stridedBlocks != stridedBlocks {
      differences.append(
        CodeDifference(
          .stridedBlocks,
          "it strides in the \(stridedBlocks.rawValue) block of a stage, this network in the \(architecture.stridedBlocks.rawValue)"
        ))
    }
    return differences
  }

  private func borderDifferences(_ architecture: Architecture) -> [CodeDifference] {
    var differences: [CodeDifference] = []
    if architecture.padding != .symmetric || !architecture.paddingExceptions.isEmpty {
      differences.append(
        CodeDifference(
          .padding, "its convolutions pad by half the kernel on every side, some of this network's otherwise"))
    }
    // Zeros beyond the border win against no number that comes out of a ReLU.
    let isAfterReLU = !architecture.isPreactivated
    let pooling = architecture.stemPooling
    let isSame = pooling == stemPooling || isAfterReLU && pooling == .symmetricZeros && stemPooling == .symmetric
    if [.sevenWithMaxPool, .deepWithMaxPool].contains(architecture.stem), !isSame {
      differences.append(
        CodeDifference(
          .pooling, "its stem's pooling is \(stemPooling.rawValue), this network's \(pooling.rawValue)"))
    }
    return differences
  }

  private func normDifferences(_ architecture: Architecture) -> [CodeDifference] {
    switch architecture.normalization {
    case .none:
      return [
        CodeDifference(
          .norms, "it has batch-norms, this network has none",
          remedy: architecture.isPreactivated ? nil : "convert --unfold puts some in that change nothing")
      ]
    case .scaleAndShift:
      return freezesNorms && architecture.absentNorms.isEmpty
        ? [] : [CodeDifference(.norms, "it has batch-norms, this network has a scale and a shift in their places")]
    case .batchNorm(let affine, let statistics):
      guard affine, statistics else {
        return [
          CodeDifference(
            .norms,
            "its batch-norms have \(affine ? "running statistics" : "weights and biases"), this network's have none")
        ]
      }
    }
    var differences: [CodeDifference] = []
    if architecture.absentNorms != absentNorms(architecture) {
      differences.append(CodeDifference(.norms, "its batch-norms stand elsewhere than this network's"))
    }
    if architecture.hasConvolutionBias || !architecture.biasExceptions.isEmpty {
      let remedy = architecture.isPreactivated ? nil : "fold-bn, then convert --unfold, moves them into batch-norms"
      differences.append(
        CodeDifference(.biases, "its convolutions have no biases, this network's have some", remedy: remedy))
    }
    if let epsilon, let own = architecture.epsilon.value, own != epsilon || !architecture.epsilonExceptions.isEmpty {
      differences.append(
        CodeDifference(
          .epsilon,
          "its batch-norms add \(epsilon) to the variance, this network's \(architecture.epsilonDescription)",
          remedy: "resect epsilon --to \(epsilon) makes up for it"))
    }
    return differences
  }

  /// The batch-norms that a network of the code does not have: in pre-activated ones, those after the stem and the projections.
  private func absentNorms(_ architecture: Architecture) -> Set<ModulePath> {
    guard architecture.isPreactivated else { return [] }
    var absent: Set<ModulePath> = [.stemNorm]
    for (stage, blocks) in architecture.projections.enumerated() {
      for (block, projects) in blocks.enumerated() where projects {
        absent.insert(.shortcutNorm(stage: stage + 1, block: block))
      }
    }
    return absent
  }

  private func endDifferences(_ architecture: Architecture) -> [CodeDifference] {
    var differences: [CodeDifference] = []
    switch architecture.head {
    case .none: break
    case .linear where architecture.hasHeadBias: break
    case .linear:
      differences.append(CodeDifference(.head, "its classifier has a bias, this network's has none"))
    case .layers:
      differences.append(CodeDifference(.head, "its classifier is one linear layer, this network's are several"))
    }
    if architecture.inputNormalization != nil {
      differences.append(
        CodeDifference(
          .input, "it takes an input that is normalised before, this network takes pixels",
          remedy: "normalize --fold puts that into the first convolution"))
    }
    if architecture.appendsConstantFeature {
      differences.append(CodeDifference(.features, "its features do not end in a constant 1, this network's do"))
    }
    return differences
  }
}

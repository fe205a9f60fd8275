package import ResectBytes
public import ResectResNets
public import ResectTensors

/// What a surgery does to what a network puts out: what it is held to when the result is written.
public enum SurgeryEffect: Sendable {
  /// Every output stays, up to rounding.
  case keepsOutputs
  /// Each logit is smaller by its class's bias.
  case dropsBias(LazyTensor)
  /// The logits are those of these classes, in this order.
  case keepsClasses([Int])
  /// The logits are others; the features stay.
  case keepsFeatures
  /// The network takes pixels, which this preprocessing used to normalise; with `folds`, a convolution sees other numbers beyond
  /// the border, so that the difference is only measured.
  case normalizesInput(Preprocessing, folds: Bool)
  /// The outputs are others: the difference is measured, and nothing is promised of it.
  case changesOutputs
}

extension SurgeryEffect {
  /// Whether the outputs can be told from what they were before; else their difference is only measured.
  package var isPromise: Bool {
    switch self {
    case .keepsOutputs, .dropsBias, .keepsClasses, .keepsFeatures, .normalizesInput(_, folds: false): true
    case .normalizesInput(_, folds: true), .changesOutputs: false
    }
  }

  /// Whether the logits can be compared with those before.
  package var relatesLogits: Bool { if case .keepsFeatures = self { false } else { true } }

  /// What the network's input was normalised by, where the network does that now.
  package var normalizedBy: Preprocessing? {
    if case .normalizesInput(let preprocessing, _) = self { preprocessing } else { nil }
  }

  /// Whether what the batch-norms before the surgery say of each layer's input is still true.
  package var keepsStatistics: Bool { if case .changesOutputs = self { false } else { true } }

  /// The labels after the surgery, where there were `labels` before.
  package func labels(from labels: [String]?) -> [String]? {
    switch self {
    // Classes without labels are called by the indices that they had, or it would not be known any more which they are.
    case .keepsClasses(let classes): classes.map { labels?[$0] ?? "\($0)" }
    case .keepsFeatures: nil
    case .keepsOutputs, .dropsBias, .normalizesInput, .changesOutputs: labels
    }
  }

  /// The logits after the surgery: `logits` are those before, in rows of `width` numbers.
  package func expected(
    of logits: [Float], width: Int
  ) throws(ResectError) -> (logits: [Float], width: Int) {
    switch self {
    case .dropsBias(let tensor):
      let bias = try tensor.floats()
      guard bias.count == width else {
        throw ResectError(.mismatch, "the bias that is dropped has \(bias.count) elements, there are \(width) logits")
      }
      return (logits.indices.map { logits[$0] - bias[$0 % width] }, width)
    case .keepsClasses(let classes):
      let starts = stride(from: 0, to: logits.count, by: max(width, 1))
      return (starts.flatMap { start in classes.map { logits[start + $0] } }, classes.count)
    case .keepsOutputs, .keepsFeatures, .normalizesInput, .changesOutputs: return (logits, width)
    }
  }
}

/// The place of a tensor in the module tree: a module and the name of its parameter.
///
/// Written as `stage1.0.conv2.weight`. Stages count from 1, as the literature does, blocks from 0, convolutions within a
/// block from 1.
public struct ParameterPath: Sendable, Hashable, CustomStringConvertible {
  /// A parameter or buffer of a module, by torch's name.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case weight
    case bias
    case runningMean = "running_mean"
    case runningVariance = "running_var"
    case batchesTracked = "num_batches_tracked"

    /// Hashes the case: the default would hash its name, many thousand times when a network is loaded.
    public func hash(into hasher: inout Hasher) {
      let position: UInt8 =
        switch self {
        case .weight: 0
        case .bias: 1
        case .runningMean: 2
        case .runningVariance: 3
        case .batchesTracked: 4
        }
      hasher.combine(position)
    }

    /// Whether it is a buffer: part of the state, not trained.
    public var isBuffer: Bool {
      switch self {
      case .weight, .bias: false
      case .runningMean, .runningVariance, .batchesTracked: true
      }
    }
  }

  /// The module.
  public let module: ModulePath
  /// Which of the module's tensors.
  public let kind: Kind

  /// The tensor `kind` of `module`.
  public init(_ module: ModulePath, _ kind: Kind) {
    self.module = module
    self.kind = kind
  }

  /// As `stage1.0.conv2.weight`.
  public var description: String { "\(module).\(kind.rawValue)" }
}

/// The place of a module in the tree.
public enum ModulePath: Sendable, Hashable {
  case stemConvolution
  case stemNorm
  case convolution(stage: Int, block: Int, index: Int)
  case norm(stage: Int, block: Int, index: Int)
  case shortcutConvolution(stage: Int, block: Int)
  case shortcutNorm(stage: Int, block: Int)
  /// The head's linear layer; `layer` is its position where the head is a sequence.
  case classifier(layer: Int?)
}

extension ModulePath: CustomStringConvertible {
  /// As `stage1.0.conv2`.
  public var description: String {
    switch self {
    case .stemConvolution: "stem.conv"
    case .stemNorm: "stem.norm"
    case .convolution(let stage, let block, let index): "stage\(stage).\(block).conv\(index)"
    case .norm(let stage, let block, let index): "stage\(stage).\(block).norm\(index)"
    case .shortcutConvolution(let stage, let block): "stage\(stage).\(block).shortcut.conv"
    case .shortcutNorm(let stage, let block): "stage\(stage).\(block).shortcut.norm"
    case .classifier(nil): "classifier"
    case .classifier(let layer?): "classifier.\(layer)"
    }
  }

  /// Whether the module is a batch-norm.
  public var isNorm: Bool {
    switch self {
    case .stemNorm, .norm, .shortcutNorm: true
    case .stemConvolution, .convolution, .shortcutConvolution, .classifier: false
    }
  }
}

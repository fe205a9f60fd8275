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

/// The place of a module in the tree.
///
/// Stages count from 1, as the literature does, blocks from 0, layers within a block or a stem from 1.
public enum ModulePath: Sendable, Hashable {
  /// A convolution of a deep stem before its last, and its batch-norm.
  case innerStemConvolution(index: Int)
  case innerStemNorm(index: Int)
  /// The stem's last convolution, mostly its only one, and its batch-norm.
  case stemConvolution
  case stemNorm
  /// The convolution in the place of the stem's max-pooling, and its batch-norm.
  case stemPoolConvolution
  case stemPoolNorm
  case convolution(stage: Int, block: Int, index: Int)
  /// The batch-norm of the convolution with the same numbers: after it, or before it where blocks are pre-activated.
  case norm(stage: Int, block: Int, index: Int)
  /// A layer of a block's squeeze-and-excitation: 1 squeezes, 2 excites.
  case squeezeExcitation(stage: Int, block: Int, index: Int)
  /// A block's convolution over channels.
  case channelAttention(stage: Int, block: Int)
  case shortcutConvolution(stage: Int, block: Int)
  case shortcutNorm(stage: Int, block: Int)
  /// The batch-norm after the last stage.
  case finalNorm
  /// The head's linear layer; `layer` is its position where the head is a sequence.
  case classifier(layer: Int?)
}

extension ModulePath: CustomStringConvertible {
  /// As `stage1.0.conv2`.
  public var description: String {
    switch self {
    case .innerStemConvolution(let index): "stem.conv\(index)"
    case .innerStemNorm(let index): "stem.norm\(index)"
    case .stemConvolution: "stem.conv"
    case .stemNorm: "stem.norm"
    case .stemPoolConvolution: "stem.pool.conv"
    case .stemPoolNorm: "stem.pool.norm"
    case .convolution(let stage, let block, let index): "stage\(stage).\(block).conv\(index)"
    case .norm(let stage, let block, let index): "stage\(stage).\(block).norm\(index)"
    case .squeezeExcitation(let stage, let block, let index): "stage\(stage).\(block).excitation\(index)"
    case .channelAttention(let stage, let block): "stage\(stage).\(block).attention"
    case .shortcutConvolution(let stage, let block): "stage\(stage).\(block).shortcut.conv"
    case .shortcutNorm(let stage, let block): "stage\(stage).\(block).shortcut.norm"
    case .finalNorm: "final.norm"
    case .classifier(nil): "classifier"
    case .classifier(let layer?): "classifier.\(layer)"
    }
  }

  /// Whether the module is a batch-norm.
  public var isNorm: Bool {
    switch self {
    case .innerStemNorm, .stemNorm, .stemPoolNorm, .norm, .shortcutNorm, .finalNorm: true
    case .innerStemConvolution, .stemConvolution, .stemPoolConvolution, .convolution, .squeezeExcitation,
      .channelAttention, .shortcutConvolution, .classifier:
      false
    }
  }

  /// Whether the module is one of the convolutions that make a ResNet: of a stem, a block or a shortcut.
  public var isConvolution: Bool {
    switch self {
    case .innerStemConvolution, .stemConvolution, .stemPoolConvolution, .convolution, .shortcutConvolution: true
    case .innerStemNorm, .stemNorm, .stemPoolNorm, .norm, .squeezeExcitation, .channelAttention, .shortcutNorm,
      .finalNorm, .classifier:
      false
    }
  }
}

extension ModulePath {
  /// Reads the ``description`` of a convolution of stem or blocks, or of a batch-norm: what exceptions are made for.
  init?(_ description: String) {
    let parts = description.split(separator: ".", omittingEmptySubsequences: false)
    func number(_ text: Substring, after word: String) -> Int? {
      guard text.hasPrefix(word) else { return nil }
      return Int(text.dropFirst(word.count))
    }
    switch parts.count {
    case 2 where description == "final.norm": self = .finalNorm
    case 2 where parts[0] == "stem":
      if let index = number(parts[1], after: "conv") {
        self = .innerStemConvolution(index: index)
      } else if let index = number(parts[1], after: "norm") {
        self = .innerStemNorm(index: index)
      } else {
        self = parts[1] == "conv" ? .stemConvolution : .stemNorm
      }
    case 3 where parts[0] == "stem":
      self = parts[2] == "conv" ? .stemPoolConvolution : .stemPoolNorm
    case 3:
      guard let stage = number(parts[0], after: "stage"), let block = Int(parts[1]) else { return nil }
      if let index = number(parts[2], after: "conv") {
        self = .convolution(stage: stage, block: block, index: index)
      } else if let index = number(parts[2], after: "norm") {
        self = .norm(stage: stage, block: block, index: index)
      } else {
        return nil
      }
    case 4:
      guard let stage = number(parts[0], after: "stage"), let block = Int(parts[1]) else { return nil }
      self =
        parts[3] == "conv"
        ? .shortcutConvolution(stage: stage, block: block) : .shortcutNorm(stage: stage, block: block)
    default: return nil
    }
    // What was read too kindly is written differently.
    guard self.description == description else { return nil }
  }
}

internal import ResNets

/// A kind of module: what a row of a convention's table names.
enum ModuleKind: Sendable, Hashable, CaseIterable {
  case stemConvolution
  case stemNorm
  case convolution
  case norm
  case shortcutConvolution
  case shortcutNorm
  case classifier
  /// A linear layer of a head that is a sequence.
  case classifierLayer
}

extension ModulePath {
  /// The module of a kind that has these numbers.
  init(_ kind: ModuleKind, _ numbers: NamePattern.Numbers) {
    let (stage, block, index) = (numbers.stage, numbers.block, numbers.index)
    self =
      switch kind {
      case .stemConvolution: .stemConvolution
      case .stemNorm: .stemNorm
      case .convolution: .convolution(stage: stage, block: block, index: index)
      case .norm: .norm(stage: stage, block: block, index: index)
      case .shortcutConvolution: .shortcutConvolution(stage: stage, block: block)
      case .shortcutNorm: .shortcutNorm(stage: stage, block: block)
      case .classifier: .classifier(layer: nil)
      case .classifierLayer: .classifier(layer: numbers.layer)
      }
  }

  /// The module's kind and its numbers.
  var kindAndNumbers: (kind: ModuleKind, numbers: NamePattern.Numbers) {
    switch self {
    case .stemConvolution: (.stemConvolution, .init())
    case .stemNorm: (.stemNorm, .init())
    case .convolution(let stage, let block, let index):
      (.convolution, .init(stage: stage, block: block, index: index))
    case .norm(let stage, let block, let index):
      (.norm, .init(stage: stage, block: block, index: index))
    case .shortcutConvolution(let stage, let block):
      (.shortcutConvolution, .init(stage: stage, block: block))
    case .shortcutNorm(let stage, let block): (.shortcutNorm, .init(stage: stage, block: block))
    case .classifier(nil): (.classifier, .init())
    case .classifier(let layer?): (.classifierLayer, .init(layer: layer))
    }
  }
}

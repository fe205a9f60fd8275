internal import ResectResNets

/// A kind of module: what a row of a convention's table names.
enum ModuleKind: Sendable, Hashable, CaseIterable {
  case innerStemConvolution
  case innerStemNorm
  case stemConvolution
  case stemNorm
  case stemPoolConvolution
  case stemPoolNorm
  case convolution
  case norm
  case squeezeExcitation
  case channelAttention
  case shortcutConvolution
  case shortcutNorm
  case finalNorm
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
      case .innerStemConvolution: .innerStemConvolution(index: index)
      case .innerStemNorm: .innerStemNorm(index: index)
      case .stemConvolution: .stemConvolution
      case .stemNorm: .stemNorm
      case .stemPoolConvolution: .stemPoolConvolution
      case .stemPoolNorm: .stemPoolNorm
      case .convolution: .convolution(stage: stage, block: block, index: index)
      case .norm: .norm(stage: stage, block: block, index: index)
      case .squeezeExcitation: .squeezeExcitation(stage: stage, block: block, index: index)
      case .channelAttention: .channelAttention(stage: stage, block: block)
      case .shortcutConvolution: .shortcutConvolution(stage: stage, block: block)
      case .shortcutNorm: .shortcutNorm(stage: stage, block: block)
      case .finalNorm: .finalNorm
      case .classifier: .classifier(layer: nil)
      case .classifierLayer: .classifier(layer: numbers.layer)
      }
  }

  /// The module's kind and its numbers.
  var kindAndNumbers: (kind: ModuleKind, numbers: NamePattern.Numbers) {
    switch self {
    case .innerStemConvolution(let index): (.innerStemConvolution, .init(index: index))
    case .innerStemNorm(let index): (.innerStemNorm, .init(index: index))
    case .stemConvolution: (.stemConvolution, .init())
    case .stemNorm: (.stemNorm, .init())
    case .stemPoolConvolution: (.stemPoolConvolution, .init())
    case .stemPoolNorm: (.stemPoolNorm, .init())
    case .convolution(let stage, let block, let index):
      (.convolution, .init(stage: stage, block: block, index: index))
    case .norm(let stage, let block, let index):
      (.norm, .init(stage: stage, block: block, index: index))
    case .squeezeExcitation(let stage, let block, let index):
      (.squeezeExcitation, .init(stage: stage, block: block, index: index))
    case .channelAttention(let stage, let block): (.channelAttention, .init(stage: stage, block: block))
    case .shortcutConvolution(let stage, let block):
      (.shortcutConvolution, .init(stage: stage, block: block))
    case .shortcutNorm(let stage, let block): (.shortcutNorm, .init(stage: stage, block: block))
    case .finalNorm: (.finalNorm, .init())
    case .classifier(nil): (.classifier, .init())
    case .classifier(let layer?): (.classifierLayer, .init(layer: layer))
    }
  }
}

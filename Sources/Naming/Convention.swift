public import ResectResNets

/// How a framework or repository names the modules of a ResNet, and what its names imply.
///
/// The names are tables that are read in both directions: from a file's name to a place in the module tree when loading,
/// from the place to the name when writing. A convention has several where its names differ with the network.
public struct Convention: Sendable {
  /// The convention's name in reports and options.
  public private(set) var name: String
  /// The names of the modules. Conventions that differ in their networks only share tables.
  private(set) var tables: [NameTable]
  /// What its networks add to the variance in a batch-norm; absent where the names do not tell.
  public let epsilon: Double?
  /// Where its networks stride.
  public let stridePlacement: Architecture.StridePlacement
  /// How its own code prepares the images that a network of this architecture is trained on, where that is known.
  var trainingPreprocessing: @Sendable (Architecture) -> Preprocessing? = { _ in nil }
  /// Which of its blocks stride.
  public internal(set) var stridedBlocks = Architecture.StridedBlocks.first
  /// What its stem's max-pooling sees beyond the border.
  var stemPooling = Architecture.StemPooling.symmetric
  /// Whether a framework's code loads state dicts under these names, so that a file of them says what is computed.
  package internal(set) var loadsStateDicts = true
  /// What a person should know of it where only names tell that a file follows it: a sentence.
  var caution: String?
  /// Whether the classifier is a 1×1 convolution, whose weight has four axes.
  public internal(set) var convolvesClassifier = false
  /// What networks of these names have whose norms keep no statistics, where that is known to be no batch-norms.
  var withoutStatistics: String?
  /// Whether a batch-norm without statistics is a scale and a shift: some code keeps frozen ones so.
  var freezesNorms = false
  /// Whether the names are those of one file, and mean nothing in another.
  var isOfOneFile = false
  /// Whether a network of this architecture is one that the convention's own code builds. Decides between conventions whose
  /// names are the same.
  let isNatural: @Sendable (Architecture) -> Bool

  /// Every convention, in the order in which they are tried.
  public static let all: [Convention] = [
    .torchvision, .chenyaofo, .akamaster, .kuangliu, .timm, .timmV2, .huggingFace, .detectron2, .caffe2,
    .mmpretrain, .cifar, .weiaicunzai, .wideResNet, .keras, .kerasV2, .kerasLegacy,
  ]

  /// What the names of layers are called that mean nothing without the graph in their file.
  static let graphName = "model graph"
  /// What the names of a file are called that a mapping explains.
  static let mappingName = "mapping"

  /// The convention called `name`.
  public static func named(_ name: String) -> Convention? { all.first { $0.name == name } }

  /// What stands for the names of layers whose graph is written beside them.
  public static let forGraph: Convention = {
    var convention = tree
    convention.name = graphName
    convention.isOfOneFile = true
    return convention
  }()

  /// What stands for the names of another file, which are not known any more: what they followed is `name`, one file's graph or a
  /// mapping. Nil for any other name.
  public static func forgotten(_ name: String) -> Convention? {
    guard [graphName, mappingName].contains(name) else { return nil }
    var forgotten = forGraph
    forgotten.name = name
    return forgotten
  }

  /// The place in the tree that the file's name `name` means, if any.
  public func path(of name: String) -> ParameterPath? {
    tables.lazy.compactMap { $0.path(of: name) }.first
  }

  /// The module that the file calls `name`, if any.
  public func module(of name: String) -> ModulePath? {
    tables.lazy.compactMap { $0.module(of: name) }.first
  }

  /// What the convention calls the module at `place`; the tree's own name where it has none.
  public func name(of place: ModulePath) -> String {
    tables.lazy.compactMap { $0.name(of: place) }.first ?? place.description
  }

  /// What the convention calls the tensor at `path`; the tree's own name where it has none.
  public func name(of path: ParameterPath) -> String {
    tables.lazy.compactMap { $0.name(of: path) }.first ?? path.description
  }

  /// Whether the convention has a name of its own for the tensor at `path`.
  public func hasName(for path: ParameterPath) -> Bool { tables.contains { $0.name(of: path) != nil } }

  /// The same, with the names of `table` before its others.
  func preferring(_ table: NameTable) -> Convention {
    var preferring = self
    preferring.tables.removeAll { $0 == table }
    preferring.tables.insert(table, at: 0)
    return preferring
  }
}

extension Convention {
  /// How images become input of a network of this architecture, by the convention's own code.
  ///
  /// A guess: weights do not tell, and who trained them may have changed it. None where the convention builds no such network,
  /// or where the channels of the images are others.
  public func preprocessing(of architecture: Architecture) -> Preprocessing? {
    guard isNatural(architecture), let preprocessing = trainingPreprocessing(architecture),
      preprocessing.channelOrder.count == architecture.inputChannels
    else { return nil }
    return preprocessing
  }
}

extension Convention {
  /// Whether the convention gives every name of `mapping` the same place.
  func agrees(with mapping: Mapping) -> Bool {
    mapping.places.allSatisfy { path(of: $0.key) == $0.value }
  }
}

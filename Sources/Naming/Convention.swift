public import ResNets

/// How a framework or repository names the modules of a ResNet, and what its names imply.
///
/// The names are one table that is read in both directions: from a file's name to a place in the module tree when loading,
/// from the place to the name when writing.
public struct Convention: Sendable {
  /// The convention's name in reports and options.
  public let name: String
  /// The names of the modules. Conventions that differ in their networks only share one table.
  let table: NameTable
  /// What its networks add to the variance in a batch-norm.
  let epsilon: Double
  /// Where its networks stride.
  let stridePlacement: Architecture.StridePlacement
  /// How its own code prepares the images that a network of this architecture is trained on, where that is known.
  let trainingPreprocessing: @Sendable (Architecture) -> Preprocessing?
  /// Whether a network of this architecture is one that the convention's own code builds. Decides between conventions whose
  /// names are the same.
  let isNatural: @Sendable (Architecture) -> Bool

  /// Every convention, in the order in which they are tried.
  public static let all: [Convention] = [.torchvision, .chenyaofo, .akamaster, .kuangliu]

  /// The convention called `name`.
  public static func named(_ name: String) -> Convention? { all.first { $0.name == name } }

  /// The place in the tree that the file's name `name` means, if any.
  public func path(of name: String) -> ParameterPath? { table.path(of: name) }

  /// The module that the file calls `name`, if any.
  public func module(of name: String) -> ModulePath? { table.module(of: name) }

  /// What the convention calls the module at `place`.
  public func name(of place: ModulePath) -> String { table.name(of: place) }

  /// What the convention calls the tensor at `path`.
  public func name(of path: ParameterPath) -> String {
    "\(name(of: path.module)).\(path.kind.rawValue)"
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

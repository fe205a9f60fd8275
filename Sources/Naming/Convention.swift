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

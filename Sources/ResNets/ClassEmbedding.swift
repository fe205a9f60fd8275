public import ResectBytes
public import ResectTensors

/// The other half of a classifier: an embedding of the classes in the space of the features.
///
/// A class's logit is the inner product of its row with the features, plus its bias if there is one.
public struct ClassEmbedding: Sendable {
  /// Classes × features.
  public var weight: LazyTensor
  /// Classes.
  public var bias: LazyTensor?
  /// Whether the last column belongs to a constant feature 1, which the backbone appends: then it is the bias.
  public var hasConstantFeature: Bool
  /// The position of the classifier in the head's sequence; absent where it is the head alone.
  public var layer: Int?

  /// An embedding. Throws where the shapes do not fit each other.
  public init(
    weight: LazyTensor, bias: LazyTensor?, hasConstantFeature: Bool, layer: Int? = nil
  ) throws(ResectError) {
    guard weight.shape.rank == 2 else {
      throw ResectError(
        .mismatch, "a class embedding is a matrix, classes × features; found shape \(weight.shape)")
    }
    if let bias, bias.shape.axes != [weight.shape.axes[0]] {
      throw ResectError(
        .mismatch, "the bias has shape \(bias.shape), expected \(weight.shape.axes[0])")
    }
    guard bias == nil || !hasConstantFeature else {
      throw ResectError(.mismatch, "a class embedding has a bias or a constant feature, not both")
    }
    self.weight = weight
    self.bias = bias
    self.hasConstantFeature = hasConstantFeature
    self.layer = layer
  }

  /// How many classes there are.
  public var classes: Int { weight.shape.axes[0] }

  /// How many features each class is compared with, the constant one included.
  public var features: Int { weight.shape.axes[1] }
}

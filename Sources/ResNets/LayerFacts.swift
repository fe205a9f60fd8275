/// What a whole pickled module says of one of its layers, beyond its weights. Absent where it says nothing.
public struct LayerFacts: Sendable, Hashable {
  /// The layer's class without its package, as `Conv2d`.
  public var className: String
  /// The stride of a convolution in each direction.
  public var stride: [Int]?
  /// The padding of a convolution in each direction; empty where it is given by a word.
  public var padding: [Int]?
  /// What a convolution pads with, as `zeros`.
  public var paddingMode: String?
  /// The dilation of a convolution in each direction.
  public var dilation: [Int]?
  /// The groups of a convolution.
  public var groups: Int?
  /// What a batch-norm adds to the variance.
  public var epsilon: Double?

  /// Facts of a layer.
  public init(
    className: String, stride: [Int]? = nil, padding: [Int]? = nil, paddingMode: String? = nil,
    dilation: [Int]? = nil, groups: Int? = nil, epsilon: Double? = nil
  ) {
    self.className = className
    self.stride = stride
    self.padding = padding
    self.paddingMode = paddingMode
    self.dilation = dilation
    self.groups = groups
    self.epsilon = epsilon
  }
}

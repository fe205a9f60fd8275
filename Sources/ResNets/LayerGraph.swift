/// A network as a graph of layers, as a file describes it: what each layer is, what it takes, and the hyper-parameters that weights
/// do not show.
public struct LayerGraph: Sendable {
  /// A layer.
  public struct Node: Sendable {
    /// The layer's name in the file.
    public let name: String
    /// What it computes.
    public let operation: Operation
    /// The positions of the nodes that it takes, each before its own.
    public let inputs: [Int]

    /// A layer.
    public init(name: String, operation: Operation, inputs: [Int]) {
      self.name = name
      self.operation = operation
      self.inputs = inputs
    }
  }

  /// What a layer computes.
  public enum Operation: Sendable, Hashable {
    /// The image that goes in; height and width where they are fixed.
    case input(height: Int?, width: Int?)
    /// Numbers times a factor, plus a term: one for all channels, or one for each.
    case scale(by: [Double], adding: [Double])
    /// The channels in another order, given by their positions; backwards where that is absent.
    case reorderChannels([Int]?)
    /// Numbers minus a mean, divided by a standard deviation: one for all channels, or one for each.
    case standardize(mean: [Double], std: [Double])
    case convolution(Window)
    /// Zeros around the image.
    case zeroPadding(Border)
    case batchNorm(epsilon: Double)
    case relu
    case add
    case maxPool(Window)
    case averagePool(Window)
    /// Each channel's mean, as a vector.
    case globalAveragePool
    /// An image as a vector.
    case flatten
    /// A linear layer.
    case dense
    /// What follows logits and keeps their order, as softmax: its name.
    case outputActivation(String)
    /// Nothing, as dropout when it does not train.
    case identity
    /// Anything else: what it is.
    case other(String)
  }

  /// The windows of a convolution or a pooling; numbers are vertical, then horizontal.
  public struct Window: Sendable, Hashable {
    /// Pixels of a window.
    public let kernel: [Int]
    /// Pixels between windows.
    public let stride: [Int]
    /// Pixels between the taps of a window.
    public let dilation: [Int]
    /// Whether the border is padded until there is a window for every `stride` pixels (TensorFlow's SAME); else nothing is.
    public let padsSame: Bool

    /// Windows.
    public init(kernel: [Int], stride: [Int], dilation: [Int] = [1, 1], padsSame: Bool) {
      self.kernel = kernel
      self.stride = stride
      self.dilation = dilation
      self.padsSame = padsSame
    }
  }

  /// How many pixels lie on each side of an image.
  public struct Border: Sendable, Hashable {
    /// Above.
    public let top: Int
    /// Below.
    public let bottom: Int
    /// To the left.
    public let left: Int
    /// To the right.
    public let right: Int

    /// A border.
    public init(top: Int, bottom: Int, left: Int, right: Int) {
      self.top = top
      self.bottom = bottom
      self.left = left
      self.right = right
    }
  }

  /// The layers, each after those that it takes.
  public let nodes: [Node]
  /// The position of the node whose result is the network's.
  public let output: Int

  /// A graph. Each node takes only nodes before it.
  public init(nodes: [Node], output: Int) {
    self.nodes = nodes
    self.output = output
  }
}

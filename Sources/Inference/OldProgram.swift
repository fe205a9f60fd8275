public import ResectGraphs
internal import ResectResNets
public import ResectTensors

/// A forward pass as a list of operations in the order in which they run: what is computed, with no word on how.
///
/// Values are numbered: 0 is the input, each operation makes the next. They are images (channels × height × width) until global
/// pooling, then vectors. The batch and the size of the image are open.
public struct OldProgram: Sendable {
  /// The number of a value.
  public typealias ValueID = Int

  /// An operation and the values that it takes; it makes the value that follows its position by one.
  public struct Node: Sendable {
    /// The module that it belongs to, by the tree's name.
    public let name: String
    /// What is computed.
    public let operation: Operation
    /// The values that it takes, in the operation's order.
    public let inputs: [ValueID]
  }

  /// What a node computes.
  public enum Operation: Sendable {
    /// Takes an image and, where it adds, a second one of the result's shape.
    case convolution(Convolution)
    /// Takes an image.
    case batchNorm(BatchNorm)
    /// Takes two images of one shape; `relu` follows where it says so.
    case add(relu: Bool)
    /// Takes an image or a vector.
    case relu
    /// Takes an image. The maximum over each window, padding left out.
    case maxPool(Window)
    /// Takes an image. The mean over each window, padding left out.
    case averagePool(Window)
    /// Takes an image and makes a vector: each channel's mean.
    case globalAveragePool
    /// Takes an image: keeps every `stride`-th pixel and adds channels of zeros before and after (option A).
    case zeroPaddedShortcut(stride: Int, before: Int, after: Int)
    /// Takes a vector.
    case linear(Linear)
    /// Takes a vector: each element becomes 1 / (1 + e⁻ˣ).
    case sigmoid
    /// Takes a vector: a convolution along the channels, of one odd kernel, padded with zeros (ECA).
    case channelConvolution(kernel: LazyTensor, bias: LazyTensor?)
    /// Takes an image and a vector: multiplies each channel by its element.
    case gate
    /// Takes an image: each channel of the result is a channel of the input, normalised.
    case normalize(InputNormalization)
  }

  /// A convolution and what runs in the same step: addition, then relu.
  public struct Convolution: Sendable {
    /// Output channels × input channels of a group × height × width.
    public var weight: LazyTensor
    /// Output channels.
    public var bias: LazyTensor?
    /// Pixels between windows, in both directions.
    public var stride: Int
    /// Zeros around the image.
    public var padding: Padding
    /// How many groups the channels are divided into.
    public var groups: Int
    /// Pixels between the taps of the kernel.
    public var dilation: Int
    /// Whether the second input is added to the result.
    public var adds: Bool
    /// Whether negative results become zero, after the addition.
    public var relu: Bool
  }

  /// How many pixels lie around an image.
  public enum Padding: Sendable, Hashable {
    /// So many on each side.
    case each(Int)
    /// As many as there must be for a window every `stride` pixels; of an odd number, one more below and to the right
    /// (TensorFlow's SAME).
    case same
  }

  /// A batch normalisation by stored statistics; each tensor has one element a channel.
  public struct BatchNorm: Sendable {
    /// The scale; 1 where absent.
    public var weight: LazyTensor?
    /// The shift; 0 where absent.
    public var bias: LazyTensor?
    /// The mean that is subtracted.
    public var mean: LazyTensor
    /// The variance that is divided by the root of.
    public var variance: LazyTensor
    /// What is added to the variance.
    public var epsilon: Double
    /// Whether negative results become zero.
    public var relu: Bool
  }

  /// The windows of a pooling.
  public struct Window: Sendable {
    /// Pixels on each side of a window.
    public var kernel: Int
    /// Pixels between windows.
    public var stride: Int
    /// Pixels around the image that windows reach over.
    public var padding: Padding
    /// Whether those pixels are zeros, which may win; else they are left out.
    public var seesZeros = false
    /// Whether a last window that reaches past the image counts.
    public var roundsUp: Bool
  }

  /// A linear layer.
  public struct Linear: Sendable {
    /// Outputs × features.
    public var weight: LazyTensor
    /// Outputs.
    public var bias: LazyTensor?
  }

  /// Channels of the image, or features of the vector, that goes in.
  public var inputChannels: Int
  /// Whether the input is a vector of features.
  public var takesFeatures = false
  /// The operations.
  public private(set) var nodes: [Node] = []
  /// The value that holds the features: what global pooling makes, or the input of a graph that is a head alone.
  public var features: ValueID?
  /// Whether the features end in a constant 1.
  public var appendsConstantFeature = false

  /// A graph without operations.
  public init(inputChannels: Int) { self.inputChannels = inputChannels }

  /// Adds an operation. Returns the value that it makes.
  public mutating func add(_ operation: Operation, of inputs: ValueID..., as name: String) -> ValueID {
    nodes.append(Node(name: name, operation: operation, inputs: inputs))
    return nodes.count
  }

  mutating func append(_ node: Node) { nodes.append(node) }

  /// Whether something follows the features.
  public var computesLogits: Bool { features.map { $0 < output } ?? false }

  /// How the graph normalises the pixels that it takes; absent where its input comes normalised.
  public var inputNormalization: InputNormalization? {
    guard case .normalize(let normalization)? = nodes.first?.operation else { return nil }
    return normalization
  }

  /// The value that the whole graph computes.
  public var output: ValueID { nodes.count }
}

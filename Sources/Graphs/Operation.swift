public import ResectTensors

extension Graph {
  /// What a node computes of the values that it takes. Shapes are those of one image of the batch.
  public enum Operation: Sendable {
    /// Takes an image. Correlates it with kernels, as every framework's convolution does.
    case convolution(Convolution)
    /// Takes a vector.
    case linear(Linear)
    /// Takes an image or a vector: (x − mean) · weight / √(variance + epsilon) + bias, by channel.
    case batchNorm(BatchNorm)
    /// Takes an image or a vector: x · scale + shift, by channel.
    case scaleShift(ScaleShift)
    /// Takes an image or a vector.
    case activation(Activation)
    /// Takes an image: the maximum over each window; what lies beyond the border is left out.
    case maxPool(Pooling)
    /// Takes an image: the mean over each window.
    case averagePool(Pooling)
    /// Takes an image: each channel's mean, as a vector or, with `keepsImage`, as an image of one pixel.
    case globalAveragePool(keepsImage: Bool)
    /// Takes an image: each channel's maximum, as a vector or, with `keepsImage`, as an image of one pixel.
    case globalMaxPool(keepsImage: Bool)
    /// Takes one or more values of one shape: their sum.
    case add
    /// Takes two values: their product. The second may be smaller: a vector or an image of one pixel, with a factor for each channel
    /// of the first.
    case multiply
    /// Takes one or more images of one size, or vectors: their channels or elements, one after the other.
    case concatenate
    /// Takes an image or a vector: its numbers as a vector.
    case flatten(FlatteningOrder)
    /// Takes a vector: an image of one pixel.
    case toImage
    /// Takes an image: numbers around it, and channels of them before and after.
    case pad(Border)
    /// Takes a vector or an image of one pixel: a convolution along the channels, of one odd kernel, padded with zeros (ECA).
    case channelConvolution(ChannelConvolution)
    /// Takes an image: each channel of the result is a channel of the input, normalised.
    case normalize(InputNormalization)
    /// Takes nothing: a tensor of channels × height × width, or of elements, the same for each image.
    case constant(LazyTensor)
    /// Takes anything and gives it back, as dropout does when nothing is trained.
    case identity
  }

  /// A convolution.
  public struct Convolution: Sendable {
    /// Output channels × input channels of a group × height × width.
    public var weight: LazyTensor
    /// Output channels.
    public var bias: LazyTensor?
    /// Pixels between windows.
    public var stride: Extent
    /// Zeros around the image.
    public var padding: Padding
    /// Pixels between the taps of the kernel.
    public var dilation: Extent
    /// How many groups the channels are divided into; as many as there are channels in a depthwise convolution.
    public var groups: Int

    /// A convolution.
    public init(
      weight: LazyTensor, bias: LazyTensor? = nil, stride: Extent = 1, padding: Padding = .none, dilation: Extent = 1,
      groups: Int = 1
    ) {
      self.weight = weight
      self.bias = bias
      self.stride = stride
      self.padding = padding
      self.dilation = dilation
      self.groups = groups
    }

    /// Height and width of the kernel.
    public var kernel: Extent {
      let axes = weight.shape.axes
      return Extent(axes.count > 2 ? axes[2] : 1, axes.count > 3 ? axes[3] : 1)
    }

    /// The windows that it sees.
    public var window: Window { Window(kernel: kernel, stride: stride, padding: padding, dilation: dilation) }
  }

  /// A linear layer.
  public struct Linear: Sendable {
    /// Outputs × inputs.
    public var weight: LazyTensor
    /// Outputs.
    public var bias: LazyTensor?

    /// A linear layer.
    public init(weight: LazyTensor, bias: LazyTensor? = nil) {
      self.weight = weight
      self.bias = bias
    }
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

    /// A batch normalisation.
    public init(weight: LazyTensor?, bias: LazyTensor?, mean: LazyTensor, variance: LazyTensor, epsilon: Double) {
      self.weight = weight
      self.bias = bias
      self.mean = mean
      self.variance = variance
      self.epsilon = epsilon
    }
  }

  /// A scale and a shift: of one element, or of one a channel.
  public struct ScaleShift: Sendable {
    /// What is multiplied by; 1 where absent.
    public var scale: LazyTensor?
    /// What is added after that; 0 where absent.
    public var shift: LazyTensor?

    /// A scale and a shift.
    public init(scale: LazyTensor?, shift: LazyTensor?) {
      self.scale = scale
      self.shift = shift
    }
  }

  /// A convolution along the channels.
  public struct ChannelConvolution: Sendable {
    /// 1 × 1 × an odd number of taps.
    public var kernel: LazyTensor
    /// One element.
    public var bias: LazyTensor?

    /// A convolution along the channels.
    public init(kernel: LazyTensor, bias: LazyTensor? = nil) {
      self.kernel = kernel
      self.bias = bias
    }
  }

  /// The order in which an image becomes a vector.
  public enum FlatteningOrder: String, Sendable, Hashable, CaseIterable {
    /// Channel by channel, as torch has it.
    case channelsFirst = "channels-first"
    /// Pixel by pixel, as Keras has it.
    case channelsLast = "channels-last"
  }

  /// Numbers around an image.
  public struct Border: Sendable, Hashable {
    /// Rows above.
    public var top: Int
    /// Rows below.
    public var bottom: Int
    /// Columns to the left.
    public var left: Int
    /// Columns to the right.
    public var right: Int
    /// Channels before those of the image.
    public var channelsBefore: Int
    /// Channels after those of the image.
    public var channelsAfter: Int
    /// What they hold.
    public var value: Double

    /// A border, zeros by default.
    public init(
      top: Int = 0, bottom: Int = 0, left: Int = 0, right: Int = 0, channelsBefore: Int = 0, channelsAfter: Int = 0,
      value: Double = 0
    ) {
      self.top = top
      self.bottom = bottom
      self.left = left
      self.right = right
      self.channelsBefore = channelsBefore
      self.channelsAfter = channelsAfter
      self.value = value
    }
  }
}

extension Graph.Operation {
  /// How many values the operation takes.
  package var arity: ClosedRange<Int> {
    switch self {
    case .constant: 0...0
    case .add, .concatenate: 1...1 << 12
    case .multiply: 2...2
    case .convolution, .linear, .batchNorm, .scaleShift, .activation, .maxPool, .averagePool, .globalAveragePool,
      .globalMaxPool, .flatten, .toImage, .pad, .channelConvolution, .normalize, .identity:
      1...1
    }
  }

  /// What the operation is called, in messages, tables and files.
  public var word: String {
    switch self {
    case .convolution: "convolution"
    case .linear: "linear"
    case .batchNorm: "batch-norm"
    case .scaleShift: "scale-shift"
    case .activation(let activation): activation.word
    case .maxPool: "max-pool"
    case .averagePool: "average-pool"
    case .globalAveragePool: "global-average-pool"
    case .globalMaxPool: "global-max-pool"
    case .add: "add"
    case .multiply: "multiply"
    case .concatenate: "concatenate"
    case .flatten: "flatten"
    case .toImage: "to-image"
    case .pad: "pad"
    case .channelConvolution: "channel-convolution"
    case .normalize: "normalize"
    case .constant: "constant"
    case .identity: "identity"
    }
  }
}

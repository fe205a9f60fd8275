internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors
import Testing

@testable internal import ResectCheckpoints

/// Descriptions of layers as graphs. `Tests/Peers/test_keras.py` has networks of real Keras and what they compute.
@Suite struct KerasGraphReaderTests {
  /// A layer as Keras describes it, with the layers that it takes.
  private func layer(_ kind: String, _ name: String, _ settings: String = "", of inputs: String...) -> String {
    let calls = inputs.map { #"["\#($0)", 0, 0, {}]"# }.joined(separator: ", ")
    let rest = settings.isEmpty ? "" : ", \(settings)"
    return
      #"{"class_name": "\#(kind)", "name": "\#(name)", "config": {"name": "\#(name)"\#(rest)}, "inbound_nodes": [\#(inputs.isEmpty ? "" : "[\(calls)]")]}"#
  }

  private func image(_ channels: Int = 4, size: String = "16") -> String {
    layer("InputLayer", "x", #""batch_shape": [null, \#(size), \#(size), \#(channels)]"#)
  }

  /// The weights of layers: their names, what the weights are to them, and their shapes in torch's order.
  private typealias Weights = [(layer: String, role: KerasLayer.WeightRole, axes: [Int])]

  private func model(
    _ layers: [String], giving output: String, weights: Weights = [], version: String = "3.15.1"
  ) throws -> KerasModel {
    let list = layers.joined(separator: ", ")
    let configuration = try KerasConfiguration(
      #"{"class_name": "Functional", "config": {"name": "m", "layers": [\#(list)], "output_layers": [["\#(output)", 0, 0]]}}"#
    )
    return KerasModel(
      weights: try weights.map { weight in
        let shape = try Shape(weight.axes)
        let tensor = try LazyTensor(
          values: [Double](repeating: 1, count: shape.elementCount), shape: shape, dtype: .float32)
        return .init(layer: weight.layer, role: weight.role, path: "\(weight.layer)/\(weight.role)", tensor: tensor)
      }, layers: configuration.layers, output: configuration.output, kerasVersion: KerasVersion(version), ignored: [],
      warnings: [])
  }

  private func graph(_ layers: [String], giving output: String = "z", weights: Weights = []) throws -> Graph {
    try #require(try model(layers, giving: output, weights: weights).graph())
  }

  private func refusal(_ layers: [String], giving output: String = "z", weights: Weights = []) -> ResectError? {
    #expect(throws: ResectError.self) { try graph(layers, giving: output, weights: weights) }
  }

  private func words(_ graph: Graph) -> [String] { graph.nodes.map { "\($0.name): \($0.operation.word)" } }

  // MARK: Layers

  @Test func `a convolution keeps its stride, padding, dilation and groups, and its activation is a node of its own`()
    throws
  {
    let settings =
      #""filters": 6, "kernel_size": [3, 3], "strides": [2, 1], "padding": "same", "dilation_rate": [1, 1], "groups": 2, "activation": "relu6", "data_format": "channels_last""#
    let made = try graph(
      [image(), layer("Conv2D", "z", settings, of: "x")],
      weights: [("z", .kernel, [6, 2, 3, 3]), ("z", .bias, [6])])
    #expect(words(made) == ["z: convolution", "z.relu6: relu6"])
    guard case .convolution(let convolution) = made.nodes[0].operation else { throw Failure() }
    #expect(convolution.stride == .init(2, 1) && convolution.padding == .same && convolution.groups == 2)
    #expect(try made.shapes(height: 16, width: 16).last == .image(channels: 6, height: 8, width: 16))
    #expect(made.parameters.map(\.name) == ["z.weight", "z.bias"])
  }

  @Test func `depthwise convolutions have a group for each channel, separable ones a second node`() throws {
    let window = #""kernel_size": [3, 3], "strides": [1, 1], "padding": "valid", "depth_multiplier": 2"#
    let depthwise = try graph(
      [image(), layer("DepthwiseConv2D", "z", window, of: "x")], weights: [("z", .depthwiseKernel, [8, 1, 3, 3])])
    guard case .convolution(let convolution) = depthwise.nodes[0].operation else { throw Failure() }
    #expect(convolution.groups == 4)
    let separable = try graph(
      [image(), layer("SeparableConv2D", "z", window, of: "x")],
      weights: [
        ("z", .separableDepthwiseKernel, [8, 1, 3, 3]), ("z", .pointwiseKernel, [5, 8, 1, 1]), ("z", .bias, [5]),
      ])
    #expect(words(separable) == ["z.depthwise: convolution", "z: convolution"])
    #expect(separable.parameters.map(\.name) == ["z.depthwise.weight", "z.weight", "z.bias"])
    #expect(try separable.shapes(height: 16, width: 16).last == .image(channels: 5, height: 14, width: 14))
  }

  @Test(arguments: [
    ("ReLU", "", "relu"), ("ReLU", #""max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0"#, "relu6"),
    ("ReLU", #""negative_slope": 0.1"#, "leaky-relu"), ("LeakyReLU", #""alpha": 0.1"#, "leaky-relu"),
    ("ReLU", #""max_value": 1.0"#, "hard-sigmoid"), ("Gelu", #""approximate": true"#, "gelu"),
    ("ELU", #""alpha": 0.5"#, "elu"), ("Softmax", #""axis": -1"#, "softmax"),
    ("Activation", #""activation": "swish""#, "silu"), ("Activation", #""activation": "gelu""#, "gelu"),
    ("Activation", #""activation": "hard_sigmoid""#, "hard-sigmoid"),
    ("Activation", #""activation": "hard_silu""#, "hard-swish"), ("Activation", #""activation": "tanh""#, "tanh"),
    ("Activation", #""activation": "log_softmax""#, "log-softmax"),
    ("Activation", #""activation": {"class_name": "LeakyReLU", "config": {"negative_slope": 0.2}}"#, "leaky-relu"),
    ("Activation", #""activation": {"class_name": "function", "config": "relu"}"#, "relu"),
    ("Activation", #""activation": "linear""#, "identity"), ("Dropout", #""rate": 0.5"#, "identity"),
    ("ZeroPadding2D", #""padding": [[0, 1], [2, 3]]"#, "pad"), ("Rescaling", #""scale": 2.0"#, "scale-shift"),
    ("MaxPooling2D", #""pool_size": [2, 2], "padding": "valid""#, "max-pool"),
    ("AveragePooling2D", #""pool_size": [3, 3], "strides": [1, 1], "padding": "same""#, "average-pool"),
    ("GlobalMaxPooling2D", #""keepdims": true"#, "global-max-pool"), ("Flatten", "", "flatten"),
    ("Reshape", #""target_shape": [1024]"#, "flatten"),
  ])
  func `layers without weights are what they compute`(_ kind: String, _ settings: String, _ word: String) throws {
    // What ends a model may be another output's: something stands behind it.
    let made = try graph([image(), layer(kind, "y", settings, of: "x"), layer("Dropout", "z", of: "y")])
    #expect(made.nodes[0].operation.word == word)
    _ = try made.shapes(height: 16, width: 16)
  }

  @Test func `a hard sigmoid is the one of the version of Keras that wrote the file`() throws {
    for (version, slope) in [("3.15.1", 1.0 / 6), ("2.15.0", 0.2)] {
      let layers = [image(), layer("Activation", "z", #""activation": "hard_sigmoid""#, of: "x")]
      let made = try #require(try model(layers, giving: "z", version: version).graph())
      guard case .activation(.hardSigmoid(let found, 0.5)) = made.nodes[0].operation else { throw Failure() }
      #expect(found == slope)
    }
  }

  @Test func `values are added, averaged, multiplied and joined`() throws {
    let made = try graph([
      image(), layer("GlobalAveragePooling2D", "g", #""keepdims": true"#, of: "x"),
      layer("Activation", "s", #""activation": "sigmoid""#, of: "g"),
      // The factor stands first.
      layer("Multiply", "m", of: "s", "x"), layer("Add", "a", of: "m", "x", "x"), layer("Average", "v", of: "a", "x"),
      layer("Concatenate", "z", #""axis": -1"#, of: "v", "x"),
    ])
    #expect(
      words(made) == [
        "g: global-average-pool", "s: sigmoid", "m: multiply", "a: add", "v.sum: add", "v: scale-shift",
        "z: concatenate",
      ])
    #expect(made.nodes[2].inputs == [0, 2])
    #expect(try made.shapes(height: 16, width: 16).last == .image(channels: 8, height: 16, width: 16))
  }

  @Test func `a Dense on an image is a convolution of one pixel, on a vector a linear layer`() throws {
    let onImage = try graph(
      [image(), layer("Dense", "z", #""units": 3"#, of: "x")], weights: [("z", .kernel, [3, 4])])
    #expect(try onImage.shapes(height: 16, width: 16).last == .image(channels: 3, height: 16, width: 16))
    let onVector = try graph(
      [image(), layer("Flatten", "f", of: "x"), layer("Dense", "z", #""units": 3"#, of: "f")],
      weights: [("z", .kernel, [3, 1024])])
    guard case .flatten(.channelsLast) = onVector.nodes[0].operation else { throw Failure() }
    #expect(onVector.nodes[1].operation.word == "linear")
  }

  @Test func `slopes are those of channels, whatever the axes that they are shared along`() throws {
    let made = try graph(
      [image(), layer("PReLU", "z", #""shared_axes": [1, 2]"#, of: "x")], weights: [("z", .alpha, [1, 1, 4])])
    #expect(made.parameters.map(\.tensor.shape.axes) == [[4]])
    let pixels = refusal([image(), layer("PReLU", "z", of: "x")], weights: [("z", .alpha, [16, 16, 4])])
    #expect(pixels?.code == .unsupported && pixels?.tensor == "z")
  }

  @Test func `images with the channels first are read as such`() throws {
    let first = #""data_format": "channels_first""#
    let layers = [
      layer("InputLayer", "x", #""batch_shape": [null, 4, 16, 12]"#),
      layer("MaxPooling2D", "p", #""pool_size": [2, 2], \#(first)"#, of: "x"),
      layer("Concatenate", "c", #""axis": 1"#, of: "p", "p"), layer("Flatten", "z", first, of: "c"),
    ]
    let made = try graph(layers)
    #expect(made.input.kind == .image(channels: 4, height: 16, width: 12))
    #expect(try made.shapes(height: 16, width: 12).last == .vector(8 * 8 * 6))
    // Such a Flatten turns the image around first.
    guard case .flatten(.channelsLast) = made.nodes[2].operation else { throw Failure() }
    let mixed = refusal(
      layers.dropLast() + [layer("GlobalMaxPooling2D", "z", #""data_format": "channels_last""#, of: "c")])
    #expect(mixed?.tensor == "z" && mixed?.message.contains("channels_first") == true)
  }

  // MARK: What comes out

  @Test func `a softmax at the end gives probabilities, what enters it logits, what enters the last layer features`()
    throws
  {
    let pooled = [image(), layer("GlobalAveragePooling2D", "g", of: "x"), layer("Dropout", "d", of: "g")]
    let made = try graph(
      pooled + [layer("Dense", "z", #""units": 3, "activation": "softmax""#, of: "d")],
      weights: [("z", .kernel, [3, 4]), ("z", .bias, [3])])
    #expect(made.outputs == [.init("logits", 3), .init("probabilities", 4)])
    #expect(made.features == 1)
    let plain = try graph(pooled + [layer("Dense", "z", #""units": 3"#, of: "d")], weights: [("z", .kernel, [3, 4])])
    #expect(plain.outputs == [.init("logits", 3)] && plain.features == 1)
    let backbone = try graph(pooled, giving: "d")
    #expect(backbone.outputs == [.init("features", 1)] && backbone.features == 1)
  }

  @Test func `a convolution of one pixel on one pixel is a classifier`() throws {
    let window = #""filters": 3, "kernel_size": [1, 1], "strides": [1, 1], "padding": "same""#
    let made = try graph(
      [
        image(), layer("GlobalAveragePooling2D", "g", #""keepdims": true"#, of: "x"),
        layer("Conv2D", "c", window, of: "g"),
        layer("Reshape", "r", #""target_shape": [3]"#, of: "c"),
        layer("Activation", "z", #""activation": "softmax""#, of: "r"),
      ], weights: [("c", .kernel, [3, 4, 1, 1])])
    #expect(made.outputs == [.init("logits", 3), .init("probabilities", 4)])
    #expect(made.features == 1)
    #expect(try made.shapes(height: 16, width: 16).last == .vector(3))
  }

  @Test func `layers that the result does not need are not read`() throws {
    let made = try graph([image(), layer("Lambda", "y", of: "x"), layer("ReLU", "z", of: "x")])
    #expect(words(made) == ["z: relu"])
  }

  @Test func `channels that a Permute puts first are flattened as torch does it`() throws {
    let made = try graph([
      image(), layer("Permute", "p", #""dims": [3, 1, 2]"#, of: "x"), layer("Flatten", "f", of: "p"),
      layer("Dropout", "z", of: "f"),
    ])
    guard case .flatten(.channelsFirst) = made.nodes[0].operation else { throw Failure() }
    #expect(words(made) == ["f: flatten", "z: identity"])
    let reshaped = try graph([
      image(), layer("Permute", "p", #""dims": [3, 1, 2]"#, of: "x"),
      layer("Reshape", "f", #""target_shape": [1024]"#, of: "p"), layer("Dropout", "z", of: "f"),
    ])
    guard case .flatten(.channelsFirst) = reshaped.nodes[0].operation else { throw Failure() }
  }

  @Test func `an operation of Keras approximates where nothing else is said, an activation does not`() throws {
    for (kind, settings, approximates) in [
      ("Gelu", "", true), ("Gelu", #""approximate": false"#, false), ("Activation", #""activation": "gelu""#, false),
    ] {
      let made = try graph([image(), layer(kind, "z", settings, of: "x")])
      guard case .activation(.gelu(approximates)) = made.nodes[0].operation else { throw Failure() }
    }
  }

  // MARK: Refusals

  @Test func `axes in another order are no image`() {
    let turned = layer("Permute", "p", #""dims": [3, 1, 2]"#, of: "x")
    #expect(refusal([image(), turned, layer("ReLU", "z", of: "p")])?.tensor == "z")
    #expect(refusal([image(), turned, layer("Add", "z", of: "p", "x")])?.tensor == "z")
    #expect(
      refusal([image(), turned, layer("Reshape", "z", #""target_shape": [1, 1, 1024]"#, of: "p")])?.tensor == "z")
    #expect(refusal([image(), turned], giving: "p")?.tensor == "p")
    #expect(refusal([image(), layer("Permute", "z", #""dims": [2, 1, 3]"#, of: "x")])?.tensor == "z")
  }

  @Test(arguments: [
    ("Lambda", #""function": "abc""#, "nothing in a file is run"), ("LayerNormalization", "", "LayerNormalization"),
    ("Cropping2D", "", "Cropping2D"), ("Conv2DTranspose", "", "Conv2DTranspose"), ("UpSampling2D", "", "UpSampling2D"),
    ("Own>Layer", "", "somebody's own"), ("TFOpLambda", #""function": "math.cos""#, "math.cos"),
    ("ReLU", #""max_value": 3.0"#, "max_value 3.0"), ("ReLU", #""threshold": 1.0"#, "threshold 1.0"),
    ("Softmax", #""axis": 1"#, "axis 1"), ("Activation", #""activation": "selu""#, "selu"),
    ("Activation", #""activation": {"class_name": "PReLU", "config": {}}"#, "PReLU"),
    ("Reshape", #""target_shape": [4, 256]"#, "Reshape to [4, 256]"),
    ("BatchNormalization", #""axis": 1, "epsilon": 0.001"#, "axis 1"), ("BatchNormalization", #""axis": 3"#, "epsilon"),
    ("MaxPooling2D", #""pool_size": [0, 2]"#, "pool_size"), ("MaxPooling2D", #""pool_size": [2, 2, 2]"#, "pool_size"),
    ("AveragePooling2D", #""pool_size": [2, 2], "padding": "causal""#, "causal"),
    ("MaxPooling2D", #""pool_size": [17, 17]"#, "too small"),
    ("ZeroPadding2D", #""padding": [[0, -1], [0, 0]]"#, "padding"),
    ("ZeroPadding2D", #""padding": 9223372036854775807"#, "padding"),
    ("Flatten", #""data_format": "channels_first""#, "Flatten"),
    ("Concatenate", "", "Concatenate"), ("Rescaling", #""scale": [1, 2]"#, "2 numbers for 4 channels"),
    ("Rescaling", #""scale": "two""#, "scale"),
    ("Normalization", #""axis": -1, "mean": [1e300, 1, 1, 1], "variance": [1, 1, 1, 1]"#, "mean"),
    ("Normalization", #""axis": -1, "mean": [0, 0, 0], "variance": [1, 1, 1]"#, "3 numbers for 4 channels"),
    ("Normalization", #""axis": 1, "mean": 0, "variance": 1"#, "otherwise"),
  ])
  func `what is not supported, or cannot be, is refused in a line that names the layer`(
    _ kind: String, _ settings: String, _ says: String
  ) {
    let refused = refusal([image(), layer(kind, "z", settings, of: "x")])
    #expect(refused?.tensor == "z" || refused?.message.contains("at z") == true, "\(kind)")
    #expect(refused?.description.contains(says) == true, "\(kind): \(refused?.description ?? "")")
  }

  @Test func `kernels that do not fit the channels or the groups are refused`() {
    let window = #""kernel_size": [3, 3], "strides": [1, 1], "padding": "same""#
    for (groups, axes) in [(1, [6, 3, 3, 3]), (2, [6, 4, 3, 3]), (4, [6, 1, 3, 3]), (1 << 20, [6, 1, 3, 3])] {
      let refused = refusal(
        [image(), layer("Conv2D", "z", #"\#(window), "groups": \#(groups)"#, of: "x")], weights: [("z", .kernel, axes)])
      #expect(refused?.code == .mismatch && refused?.tensor == "z")
    }
    let depthwise = refusal(
      [image(), layer("DepthwiseConv2D", "z", #"\#(window), "depth_multiplier": 3"#, of: "x")],
      weights: [("z", .depthwiseKernel, [8, 1, 3, 3])])
    #expect(depthwise?.code == .mismatch && depthwise?.tensor == "z")
    let missing = refusal([image(), layer("Conv2D", "z", window, of: "x")])
    #expect(missing?.code == .mismatch && missing?.tensor == "z")
  }

  @Test func `values that do not fit each other, and images that cannot be, are refused`() {
    let small = layer("MaxPooling2D", "y", #""pool_size": [2, 2]"#, of: "x")
    for kind in ["Add", "Concatenate", "Multiply"] {
      let refused = refusal([image(), small, layer(kind, "z", of: "x", "y")])
      #expect(refused?.code == .mismatch && refused?.tensor == "z", "\(kind)")
    }
    #expect(refusal([image(size: "100000"), layer("ReLU", "z", of: "x")])?.code == .limit)
    #expect(refusal([image(size: "9223372036854775807"), layer("ReLU", "z", of: "x")])?.tensor == "x")
    #expect(refusal([image(size: "-1"), layer("ReLU", "z", of: "x")])?.tensor == "x")
    let second = layer("InputLayer", "y", #""batch_shape": [null, 16, 16, 4]"#)
    #expect(refusal([image(), second, layer("Add", "z", of: "x", "y")])?.message.contains("2 inputs") == true)
    let unknown = layer("InputLayer", "x", #""batch_shape": [null, null, null, null]"#)
    #expect(refusal([unknown, layer("ReLU", "z", of: "x")])?.message.contains("unknown") == true)
  }

  @Test func `a hundred thousand layers end at a limit, and forty thousand are read, in a few seconds`() throws {
    func chain(_ count: Int) -> [String] {
      [image()] + (0..<count).map { layer("ReLU", "r\($0)", of: $0 == 0 ? "x" : "r\($0 - 1)") }
    }
    let start = ContinuousClock.now
    #expect(refusal(chain(100_000), giving: "r99999")?.code == .limit)
    #expect(try graph(chain(40_000), giving: "r39999").nodes.count == 40_000)
    #expect(ContinuousClock.now - start < .seconds(120))
  }

  private struct Failure: Error {}
}

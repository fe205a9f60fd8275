internal import ResectBytes
internal import ResectCheckpoints
internal import ResectGraphs
internal import ResectHDF5
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// Graphs as layers of Keras; `Tests/Peers/test_keras_archives.py` has real Keras compute them.
@Suite struct KerasGraphWriterTests {
  // MARK: What is written

  private static func zeros(_ axes: Int...) -> LazyTensor {
    // As many zeros as the shape has elements: it cannot fail.
    // swift-format-ignore: NeverUseForceTry
    try! LazyTensor(values: [Double](repeating: 0, count: axes.reduce(1, *)), shape: Shape(axes), dtype: .float32)
  }

  /// A graph of `nodes`, each of which takes those of the given names, or the one before it.
  private static func graph(
    _ nodes: [(String, Graph.Operation, of: [String]?)], of input: Graph.Input.Kind = .image(channels: 4),
    outputs: [(name: String, of: String)]? = nil
  ) throws -> Graph {
    var before = "input"
    var described: [GraphDescription.Node] = []
    for (name, operation, inputs) in nodes {
      let takes = if case .constant = operation { [String]() } else { inputs ?? [before] }
      described.append(.init(name, operation, of: takes))
      before = name
    }
    return try GraphDescription(input: .init(input), nodes: described).graph(
      outputs: outputs ?? [(Graph.Output.features, before)])
  }

  /// What the layers say, one text each but for the input's: class, name, what it takes, and its settings.
  private static func layers(_ graph: Graph, names: KerasNames = KerasNames()) throws -> [String] {
    let network = try KerasNetwork(graph, names: names, stored: \.dtype)
    let json = try JSON(parsing: Array(network.configuration.utf8))
    let layers = try #require(json["config"]?["layers"]?.elements)
    let output = try #require(json["config"]?["output_layers"]?.elements?.first?.string)
    #expect(layers.last?["name"]?.string == output)
    return try layers.dropFirst().map { layer in
      let call = try #require(layer["inbound_nodes"]?.elements?.first?["args"]?.elements)
      let tensors = call[0].elements ?? [call[0]]
      let takes = tensors.compactMap { $0["config"]?["keras_history"]?.elements?.first?.string }
      let settings = try #require(layer["config"]?.members).dropFirst().map {
        "\($0.name) \(String(decoding: $0.value.compact, as: UTF8.self))"
      }
      #expect(layer["config"]?["name"] == layer["name"])
      let className = layer["class_name"]?.string ?? ""
      let name = layer["name"]?.string ?? ""
      let text = "\(className) \(name) of \(takes.joined(separator: " "))"
      return settings.isEmpty ? text : "\(text) : \(settings.joined(separator: ", "))"
    }
  }

  /// The layers of an operation named `x` on an image of four channels.
  private static func layers(
    _ operation: Graph.Operation, after activation: Graph.Activation? = nil
  ) throws -> [String] {
    let before = activation.map { [("before", Graph.Operation.activation($0), of: [String]?.none)] } ?? []
    return Array(
      try layers(graph(before + [("x", operation, of: nil)])).dropFirst(before.count))
  }

  private static func convolution(
    _ outputs: Int = 8, _ inputs: Int = 4, kernel: Graph.Extent = 3, bias: Bool = false, stride: Graph.Extent = 1,
    padding: Graph.Padding = .none, dilation: Graph.Extent = 1, groups: Int = 1
  ) -> Graph.Operation {
    .convolution(
      .init(
        weight: zeros(outputs, inputs, kernel.height, kernel.width), bias: bias ? zeros(outputs) : nil, stride: stride,
        padding: padding, dilation: dilation, groups: groups))
  }

  private static func sides(_ top: Int, _ bottom: Int, _ left: Int, _ right: Int) -> Graph.Padding {
    .sides(top: top, bottom: bottom, left: left, right: right)
  }

  // MARK: Convolutions

  static let convolutions: [(Graph.Operation, [String])] = [
    (
      convolution(bias: true),
      [
        #"Conv2D x of input : filters 8, kernel_size [3,3], strides [1,1], padding "valid", groups 1, use_bias true"#
      ]
    ),
    (
      convolution(8, 2, kernel: Graph.Extent(1, 5), padding: sides(0, 0, 2, 2), groups: 2),
      [
        #"Conv2D x of input : filters 8, kernel_size [1,5], strides [1,1], padding "same", groups 2, use_bias false"#
      ]
    ),
    (
      convolution(kernel: 3, stride: 2, padding: .same),
      [
        #"Conv2D x of input : filters 8, kernel_size [3,3], strides [2,2], padding "same", groups 1, use_bias false"#
      ]
    ),
    (
      convolution(kernel: 1, stride: 2, padding: .same),
      [
        #"Conv2D x of input : filters 8, kernel_size [1,1], strides [2,2], padding "valid", groups 1, use_bias false"#
      ]
    ),
    (
      convolution(kernel: 3, stride: 2, padding: sides(0, 1, 1, 2)),
      [
        "ZeroPadding2D x_pad of input : padding [[0,1],[1,2]]",
        #"Conv2D x of x_pad : filters 8, kernel_size [3,3], strides [2,2], padding "valid", groups 1, use_bias false"#,
      ]
    ),
    // An even kernel sees one more pixel below and to the right.
    (
      convolution(kernel: 4, padding: sides(1, 2, 1, 2)),
      [
        #"Conv2D x of input : filters 8, kernel_size [4,4], strides [1,1], padding "same", groups 1, use_bias false"#
      ]
    ),
    (
      convolution(kernel: 4, padding: sides(2, 1, 1, 2)),
      [
        "ZeroPadding2D x_pad of input : padding [[2,1],[1,2]]",
        #"Conv2D x of x_pad : filters 8, kernel_size [4,4], strides [1,1], padding "valid", groups 1, use_bias false"#,
      ]
    ),
    (
      convolution(padding: .each(2), dilation: 2),
      [
        #"Conv2D x of input : filters 8, kernel_size [3,3], strides [1,1], padding "same", dilation_rate [2,2], groups 1, use_bias false"#
      ]
    ),
    (
      convolution(stride: 2, padding: .each(2), dilation: 2),
      [
        #"Conv2D x of input : filters 8, kernel_size [3,3], strides [1,1], padding "same", dilation_rate [2,2], groups 1, use_bias false"#,
        #"MaxPooling2D x_subsample of x : pool_size [1,1], strides [2,2], padding "valid""#,
      ]
    ),
    (
      convolution(kernel: 1, stride: 2, dilation: 2),
      [
        #"Conv2D x of input : filters 8, kernel_size [1,1], strides [2,2], padding "valid", groups 1, use_bias false"#
      ]
    ),
    (
      convolution(8, 1, bias: true, stride: 2, padding: .same, groups: 4),
      [
        #"DepthwiseConv2D x of input : kernel_size [3,3], strides [2,2], padding "same", depth_multiplier 2, use_bias true"#
      ]
    ),
    // TensorFlow strides kernels for each channel by one number.
    (
      convolution(4, 1, stride: Graph.Extent(1, 2), groups: 4),
      [
        #"Conv2D x of input : filters 4, kernel_size [3,3], strides [1,2], padding "valid", groups 4, use_bias false"#
      ]
    ),
  ]

  @Test(arguments: convolutions)
  func `a convolution pads, strides and dilates as Keras' layers can`(
    _ operation: Graph.Operation, _ expected: [String]
  ) throws {
    #expect(try KerasGraphWriterTests.layers(operation) == expected)
  }

  @Test func `a kernel for each channel has the channels before the kernels of each`() throws {
    // Output channel c · 2 + m is kernel m of channel c.
    func number(_ channel: Int, _ kernel: Int, _ pixel: Int) -> Double { Double(100 * channel + 10 * kernel + pixel) }
    var values: [Double] = []
    var expected: [Double] = []
    for channel in 0..<3 {
      for kernel in 0..<2 { for pixel in 0..<4 { values.append(number(channel, kernel, pixel)) } }
    }
    for pixel in 0..<4 {
      for channel in 0..<3 { for kernel in 0..<2 { expected.append(number(channel, kernel, pixel)) } }
    }
    let weight = try LazyTensor(values: values, shape: Shape([6, 1, 2, 2]), dtype: .float32)
    let graph = try KerasGraphWriterTests.graph(
      [("x", .convolution(.init(weight: weight, groups: 3)), of: nil)], of: .image(channels: 3))
    let layer = try #require(try KerasNetwork(graph, stored: \.dtype).weights.first)
    #expect(layer.layerClass == .depthwiseConvolution)
    let kernel = layer.weights[0].tensor
    #expect(kernel.shape.axes == [2, 2, 3, 2])
    #expect(try kernel.doubles() == expected)
  }

  // MARK: Pooling

  private static func window(
    _ kernel: Graph.Extent, _ stride: Graph.Extent = 2, _ padding: Graph.Padding = .none, roundsUp: Bool = false
  ) -> Graph.Window {
    .init(kernel: kernel, stride: stride, padding: padding, roundsUp: roundsUp)
  }

  private static func pooling(_ name: String, _ size: Int, _ stride: Int, _ padding: String, of input: String) -> String
  {
    let words = name.split(separator: " ")
    return
      #"\#(words[0]) \#(words[1]) of \#(input) : pool_size [\#(size),\#(size)], strides [\#(stride),\#(stride)], padding "\#(padding)""#
  }

  static let poolings: [(Graph.Operation, after: Graph.Activation?, [String])] = [
    (.maxPool(.init(window(2))), nil, [pooling("MaxPooling2D x", 2, 2, "valid", of: "input")]),
    (.maxPool(.init(window(3, 2, .same))), nil, [pooling("MaxPooling2D x", 3, 2, "same", of: "input")]),
    (.maxPool(.init(window(3, 1, .each(1)))), nil, [pooling("MaxPooling2D x", 3, 1, "same", of: "input")]),
    // Behind a ReLU, zeros are never larger than what is there.
    (
      .maxPool(.init(window(3, 2, .each(1)))), .relu,
      ["ZeroPadding2D x_pad of before : padding [[1,1],[1,1]]", pooling("MaxPooling2D x", 3, 2, "valid", of: "x_pad")]
    ),
    // Else the border has to be left out: a maximum around each pixel, and of those every other.
    (
      .maxPool(.init(window(3, 2, .each(1)))), .tanh,
      [
        pooling("MaxPooling2D x", 3, 1, "same", of: "before"),
        pooling("MaxPooling2D x_subsample", 1, 2, "valid", of: "x"),
      ]
    ),
    (.maxPool(.init(window(2, 2, roundsUp: true))), nil, [pooling("MaxPooling2D x", 2, 2, "same", of: "input")]),
    (
      .maxPool(.init(window(3, 2, roundsUp: true))), .relu6,
      ["ZeroPadding2D x_pad of before : padding [[0,1],[0,1]]", pooling("MaxPooling2D x", 3, 2, "valid", of: "x_pad")]
    ),
    (.averagePool(.init(window(2))), nil, [pooling("AveragePooling2D x", 2, 2, "valid", of: "input")]),
    (.averagePool(.init(window(3, 2, .same))), nil, [pooling("AveragePooling2D x", 3, 2, "same", of: "input")]),
    (
      .averagePool(.init(window(3, 2, .each(1)), countsBorder: true)), nil,
      [
        "ZeroPadding2D x_pad of input : padding [[1,1],[1,1]]",
        pooling("AveragePooling2D x", 3, 2, "valid", of: "x_pad"),
      ]
    ),
    (
      .averagePool(.init(window(3, 1, .each(1)), countsBorder: true)), nil,
      [
        "ZeroPadding2D x_pad of input : padding [[1,1],[1,1]]",
        pooling("AveragePooling2D x", 3, 1, "valid", of: "x_pad"),
      ]
    ),
    (
      .averagePool(.init(window(3, 2, .each(1)))), nil,
      [
        pooling("AveragePooling2D x", 3, 1, "same", of: "input"),
        pooling("MaxPooling2D x_subsample", 1, 2, "valid", of: "x"),
      ]
    ),
    (
      .averagePool(.init(window(2, 2, roundsUp: true), countsBorder: true)), nil,
      [pooling("AveragePooling2D x", 2, 2, "same", of: "input")]
    ),
    (.globalAveragePool(keepsImage: false), nil, ["GlobalAveragePooling2D x of input"]),
    (.globalMaxPool(keepsImage: true), nil, ["GlobalMaxPooling2D x of input : keepdims true"]),
  ]

  @Test(arguments: poolings)
  func `a pooling sees what lies beyond the border as its operation says`(
    _ operation: Graph.Operation, _ activation: Graph.Activation?, _ expected: [String]
  ) throws {
    #expect(try KerasGraphWriterTests.layers(operation, after: activation) == expected)
  }

  // MARK: Numbers

  static let numbers: [(Graph.Operation, [String])] = [
    (.activation(.relu), [#"Activation x of input : activation "relu""#]),
    (.activation(.relu6), ["ReLU x of input : max_value 6.0"]),
    (.activation(.leakyReLU(slope: 0.01)), ["LeakyReLU x of input : negative_slope 0.01"]),
    (.activation(.elu(alpha: 0.5)), ["ELU x of input : alpha 0.5"]),
    (.activation(.silu), [#"Activation x of input : activation "silu""#]),
    (.activation(.gelu(approximatesByTanh: false)), [#"Activation x of input : activation "gelu""#]),
    (.activation(.gelu(approximatesByTanh: true)), ["Gelu x of input : approximate true"]),
    (.activation(.sigmoid), [#"Activation x of input : activation "sigmoid""#]),
    (.activation(.tanh), [#"Activation x of input : activation "tanh""#]),
    (.activation(.hardSigmoid(slope: 1.0 / 6, offset: 0.5)), [#"Activation x of input : activation "hard_sigmoid""#]),
    (
      .activation(.hardSigmoid(slope: 0.25, offset: 0.5)),
      ["Rescaling x_scale of input : scale 0.25, offset 0.5", "ReLU x of x_scale : max_value 1.0"]
    ),
    (.activation(.hardSigmoid(slope: 1, offset: 0)), ["ReLU x of input : max_value 1.0"]),
    (.activation(.hardSwish), [#"Activation x of input : activation "hard_silu""#]),
    (.activation(.softmax), [#"Activation x of input : activation "softmax""#]),
    (.activation(.logSoftmax), [#"Activation x of input : activation "log_softmax""#]),
    (.activation(.prelu(slopes: zeros(4))), ["PReLU x of input : shared_axes [1,2]"]),
    (.activation(.prelu(slopes: zeros(1))), ["PReLU x of input : shared_axes [1,2,3]"]),
    (
      .batchNorm(.init(weight: zeros(4), bias: nil, mean: zeros(4), variance: zeros(4), epsilon: 0.25)),
      ["BatchNormalization x of input : axis 3, epsilon 0.25, scale true, center false"]
    ),
    (
      .scaleShift(.init(scale: zeros(4), shift: zeros(4))),
      ["BatchNormalization x of input : axis 3, epsilon 0.0, scale true, center true"]
    ),
    (
      .scaleShift(.init(scale: LazyTensor(values: [0.5], dtype: .float32), shift: nil)),
      ["Rescaling x of input : scale 0.5, offset 0.0"]
    ),
    (
      .scaleShift(.init(scale: nil, shift: LazyTensor(values: [1, 2, 3, 4], dtype: .float64))),
      ["Rescaling x of input : scale 1.0, offset [1.0,2.0,3.0,4.0]"]
    ),
    (
      .scaleShift(.init(scale: LazyTensor(values: [0.5], dtype: .float32), shift: zeros(4))),
      ["Rescaling x of input : scale 0.5, offset [0.0,0.0,0.0,0.0]"]
    ),
    (.scaleShift(.init(scale: nil, shift: nil)), ["Identity x of input"]),
    (
      .pad(.init(top: 1, bottom: 2, left: 3, right: 4)), ["ZeroPadding2D x of input : padding [[1,2],[3,4]]"]
    ),
    (.identity, ["Identity x of input"]),
    (.flatten(.channelsLast), ["Flatten x of input"]),
    (.flatten(.channelsFirst), ["Permute x_permute of input : dims [3,1,2]", "Flatten x of x_permute"]),
  ]

  @Test(arguments: numbers)
  func `each operation is the layer that computes it`(_ operation: Graph.Operation, _ expected: [String]) throws {
    #expect(try KerasGraphWriterTests.layers(operation) == expected)
  }

  @Test func `slopes have an axis for each of the image's, and a vector's have one`() throws {
    func slopes(_ input: Graph.Input.Kind, _ count: Int) throws -> [Int] {
      let graph = try KerasGraphWriterTests.graph(
        [("x", .activation(.prelu(slopes: KerasGraphWriterTests.zeros(count))), of: nil)], of: input)
      let layer = try #require(try KerasNetwork(graph, stored: \.dtype).weights.first)
      #expect(layer.layerClass == .parametricReLU && layer.weights.map(\.name) == ["alpha"])
      return layer.weights[0].tensor.shape.axes
    }
    #expect(try slopes(.image(channels: 4), 4) == [1, 1, 4])
    #expect(try slopes(.image(channels: 4), 1) == [1, 1, 1])
    #expect(try slopes(.features(4), 4) == [4])
    #expect(try slopes(.features(4), 1) == [1])
  }

  @Test func `a scale without statistics is a batch-norm that changes nothing else, each channel for itself`() throws {
    let scale = LazyTensor(values: [2, 2, 3, 3], dtype: .float32)
    let shift = LazyTensor(values: [1, 2, 3, 4], dtype: .float32)
    let graph = try KerasGraphWriterTests.graph([("x", .scaleShift(.init(scale: scale, shift: shift)), of: nil)])
    let layer = try #require(try KerasNetwork(graph, stored: \.dtype).weights.first)
    #expect(layer.weights.map(\.name) == ["gamma", "beta", "moving_mean", "moving_variance"])
    let values = try layer.weights.map { try $0.tensor.doubles() }
    #expect(values == [[2, 2, 3, 3], [1, 2, 3, 4], [0, 0, 0, 0], [1, 1, 1, 1]])
  }

  @Test func `a vector's layers`() throws {
    let zeros = KerasGraphWriterTests.zeros
    let graph = try KerasGraphWriterTests.graph(
      [
        ("norm", .batchNorm(.init(weight: nil, bias: nil, mean: zeros(4), variance: zeros(4), epsilon: 1)), of: nil),
        ("image", .toImage, of: nil), ("flat", .flatten(.channelsFirst), of: nil),
        ("fc", .linear(.init(weight: zeros(3, 4), bias: zeros(3))), of: nil),
      ], of: .features(4))
    #expect(
      try KerasGraphWriterTests.layers(graph) == [
        "BatchNormalization norm of input : axis 1, epsilon 1.0, scale false, center false",
        // An image of one pixel has one order.
        "Reshape image of norm : target_shape [1,1,-1]", "Flatten flat of image",
        "Dense fc of flat : units 3, use_bias true",
      ])
  }

  @Test func `a vector of an image of any size is as long as what takes it says`() throws {
    let zeros = KerasGraphWriterTests.zeros
    func layers(
      _ order: Graph.FlatteningOrder, _ input: Graph.Input.Kind, _ taker: Graph.Operation, of inputs: [String]? = nil
    ) throws -> [String] {
      try KerasGraphWriterTests.layers(
        KerasGraphWriterTests.graph(
          [("flat", .flatten(order), of: nil), ("relu", .activation(.relu), of: nil), ("x", taker, of: inputs)],
          of: input))
    }
    let linear = Graph.Operation.linear(.init(weight: zeros(2, 36)))
    #expect(
      try layers(.channelsLast, .image(channels: 4), linear).first == "Reshape flat of input : target_shape [36]")
    #expect(
      try layers(.channelsFirst, .image(channels: 4), linear).prefix(2) == [
        "Permute flat_permute of input : dims [3,1,2]", "Reshape flat of flat_permute : target_shape [36]",
      ])
    #expect(
      try layers(.channelsLast, .image(channels: 4, height: 3, width: 3), linear).first == "Flatten flat of input")
    let norm = Graph.BatchNorm(weight: nil, bias: nil, mean: zeros(36), variance: zeros(36), epsilon: 1)
    #expect(try layers(.channelsLast, .image(channels: 4, height: 3), .batchNorm(norm)).first?.contains("36") == true)
    // How long each part of a whole is remains unknown.
    #expect(throws: ResectError.self) {
      try layers(.channelsLast, .image(channels: 4), .concatenate, of: ["relu", "relu"])
    }
  }

  @Test func `values are put together in the order that the operation has them`() throws {
    let graph = try KerasGraphWriterTests.graph(
      [
        ("a", .activation(.relu), of: nil), ("b", .activation(.tanh), of: ["input"]),
        ("sum", .add, of: ["b", "a", "b"]), ("joined", .concatenate, of: ["sum", "a"]),
        ("alone", .concatenate, of: ["joined"]), ("factor", .globalAveragePool(keepsImage: false), of: ["alone"]),
        ("weighed", .multiply, of: ["alone", "factor"]), ("pixel", .globalMaxPool(keepsImage: true), of: ["weighed"]),
        ("last", .multiply, of: ["weighed", "pixel"]),
      ])
    #expect(
      try KerasGraphWriterTests.layers(graph) == [
        #"Activation b of input : activation "tanh""#, #"Activation a of input : activation "relu""#,
        "Add sum of b a b", "Concatenate joined of sum a", "Identity alone of joined",
        "GlobalAveragePooling2D factor of alone", "Reshape weighed_reshape of factor : target_shape [1,1,-1]",
        "Multiply weighed of alone weighed_reshape", "GlobalMaxPooling2D pixel of weighed : keepdims true",
        "Multiply last of weighed pixel",
      ])
  }

  // MARK: The input

  private static func normalization(
    _ channels: [Int], _ scale: Double, _ mean: [Double], _ std: [Double]
  ) -> Graph.Operation {
    .normalize(InputNormalization(known: channels, scale: scale, mean: mean, std: std))
  }

  static let normalizations: [(Graph.Operation, [String])] = [
    (
      normalization([0, 1, 2, 3], 0.5, [1, 2, 3, 4], [1, 2, 3, 0.5]),
      [
        "Rescaling x_scale of input : scale 0.5, offset 0.0",
        "Normalization x of x_scale : axis [-1], mean [1.0,2.0,3.0,4.0], variance [1.0,4.0,9.0,0.25]",
      ]
    ),
    (
      normalization([0, 1, 2, 3], 0.5, [0, 0, 0, 0], [1, 1, 1, 1]), ["Rescaling x of input : scale 0.5, offset 0.0"]
    ),
    (
      normalization([0, 1, 2, 3], 1, [0, 0, 0, 1], [1, 1, 1, 1]),
      ["Normalization x of input : axis [-1], mean [0.0,0.0,0.0,1.0], variance [1.0,1.0,1.0,1.0]"]
    ),
    (normalization([0, 1, 2, 3], 1, [0, 0, 0, 0], [1, 1, 1, 1]), ["Identity x of input"]),
    (normalization([3, 2, 1, 0], 1, [0, 0, 0, 0], [1, 1, 1, 1]), ["GetItem x of input"]),
    (
      normalization([3, 2, 1, 0], 2, [0, 0, 0, 0], [1, 1, 1, 1]),
      ["GetItem x_channels of input", "Rescaling x of x_channels : scale 2.0, offset 0.0"]
    ),
  ]

  @Test(arguments: normalizations)
  func `what a network does with its pixels is layers, and none that change nothing`(
    _ operation: Graph.Operation, _ expected: [String]
  ) throws {
    #expect(try KerasGraphWriterTests.layers(operation) == expected)
  }

  @Test func `an input has the sizes that the graph fixes, and no others`() throws {
    func shape(_ input: Graph.Input.Kind) throws -> String? {
      let network = try KerasNetwork(
        KerasGraphWriterTests.graph([("x", .identity, of: nil)], of: input), stored: \.dtype)
      let json = try JSON(parsing: Array(network.configuration.utf8))
      let layer = try #require(json["config"]?["layers"]?.elements?.first)
      return (layer["config"]?["batch_shape"]?.compact).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(try shape(.image(channels: 3)) == "[null,null,null,3]")
    #expect(try shape(.image(channels: 1, height: 28, width: 30)) == "[null,28,30,1]")
    #expect(try shape(.features(9)) == "[null,9]")
  }

  // MARK: Names

  @Test func `names are the nodes', made valid, and no two are one`() throws {
    let graph = try KerasGraphWriterTests.graph(
      [
        ("a/b", .identity, of: nil), ("a|b", .identity, of: nil), ("a_b_1", .identity, of: nil),
        ("ä", .identity, of: nil), ("", .identity, of: nil), ("layer1.0.conv2-a", .identity, of: nil),
      ])
    #expect(
      try KerasGraphWriterTests.layers(graph) == [
        "Identity a_b of input", "Identity a_b_1 of a_b", "Identity a_b_1_1 of a_b_1", "Identity _ of a_b_1_1",
        "Identity __1 of _", "Identity layer1.0.conv2-a of __1",
      ])
  }

  @Test func `many names that differ by what Keras does not take are told apart in little time`() throws {
    let nodes = (0..<20_000).map { (name: String(repeating: "/", count: $0 % 2 + 1) + "\($0 / 4)", $0) }
    let graph = try KerasGraphWriterTests.graph(
      nodes.map { ("\($0.name)\($0.1 % 4 < 2 ? "/" : "|")", Graph.Operation.identity, of: nil) })
    let layers = try KerasGraphWriterTests.layers(graph)
    #expect(Set(layers.map { $0.split(separator: " ")[1] }).count == nodes.count)
  }

  @Test func `an activation that is named after what alone is before it is a setting of that layer`() throws {
    let zeros = KerasGraphWriterTests.zeros
    let fc = Graph.Operation.linear(.init(weight: zeros(2, 4), bias: nil))
    func layers(
      _ name: String, _ activation: Graph.Activation, outputs: [(name: String, of: String)]? = nil
    ) throws -> [String] {
      try KerasGraphWriterTests.layers(
        KerasGraphWriterTests.graph(
          [("fc", fc, of: nil), (name, .activation(activation), of: nil)], of: .features(4), outputs: outputs))
    }
    #expect(
      try layers("fc.softmax", .softmax) == [#"Dense fc of input : units 2, activation "softmax", use_bias false"#])
    #expect(try layers("softmax", .softmax).count == 2)
    #expect(try layers("fc.leaky", .leakyReLU(slope: 0.1)).count == 2)
    // Probabilities are what a model of Keras gives, where there are any.
    let logits = [(Graph.Output.logits, "fc")]
    #expect(try layers("fc.softmax", .softmax, outputs: logits) == ["Dense fc of input : units 2, use_bias false"])
    #expect(
      try layers("fc.softmax", .softmax, outputs: logits + [(Graph.Output.probabilities, "fc.softmax")])
        == [#"Dense fc of input : units 2, activation "softmax", use_bias false"#])
  }

  @Test func `Keras' own names and habits take the place of the nodes'`() throws {
    var names = KerasNames(model: "resnet", input: "input_layer")
    names.layers = ["stem.conv": "conv1_conv", "stem.conv.relu": "conv1_relu", "sum": "conv1_add"]
    names.preparations = ["stem.conv": "conv1_pad"]
    names.paddedApart = ["stem.conv"]
    names.reversesSums = true
    let graph = try KerasGraphWriterTests.graph([
      ("stem.conv", KerasGraphWriterTests.convolution(4, padding: .each(1)), of: nil),
      ("stem.conv.relu", .activation(.relu), of: nil), ("sum", .add, of: ["input", "stem.conv.relu"]),
    ])
    #expect(
      try KerasGraphWriterTests.layers(graph, names: names) == [
        "ZeroPadding2D conv1_pad of input_layer : padding [[1,1],[1,1]]",
        #"Conv2D conv1_conv of conv1_pad : filters 4, kernel_size [3,3], strides [1,1], padding "valid", groups 1, use_bias false"#,
        #"Activation conv1_relu of conv1_conv : activation "relu""#, "Add conv1_add of conv1_relu input_layer",
      ])
  }

  @Test func `it is known where each node is`() throws {
    let graph = try KerasGraphWriterTests.graph(
      [
        ("a/b", KerasGraphWriterTests.convolution(stride: 2, dilation: 2), of: nil),
        ("fc", KerasGraphWriterTests.convolution(2, 8), of: nil), ("fc.relu", .activation(.relu), of: nil),
      ])
    let places = try KerasNetwork(graph, stored: \.dtype).places
    #expect(places["a/b"]?.layer == "a_b" && places["a/b"]?.result == "a_b_subsample")
    #expect(places["fc"]?.layer == "fc" && places["fc"]?.result == "fc")
    #expect(places["fc.relu"]?.result == "fc" && places.count == 3)
  }

  @Test func `Keras 3 numbers layers by its word for their class`() throws {
    let zeros = KerasGraphWriterTests.zeros
    let graph = try KerasGraphWriterTests.graph([
      ("a", KerasGraphWriterTests.convolution(4, 1, groups: 4), of: nil),
      ("b", .activation(.prelu(slopes: zeros(4))), of: nil),
      ("c", KerasGraphWriterTests.convolution(4, 1, bias: true, groups: 4), of: nil),
    ])
    let folder = try TemporaryFolder()
    let path = folder.file("out.h5")
    let file = try OutputFile(path: path, overwrite: true)
    try writeHDF5(HDF5Tree(keras: KerasNetwork(graph, stored: \.dtype).weights), to: file)
    _ = try file.committed()
    let content = try #require(try Checkpoint(InputFile(path: path)).hdf5)
    #expect(
      content.index.datasets.map(\.path) == [
        "layers/depthwise_conv2d/vars/0", "layers/depthwise_conv2d_1/vars/0", "layers/depthwise_conv2d_1/vars/1",
        "layers/p_re_lu/vars/0",
      ])
    #expect(content.index.group(at: "layers/p_re_lu/vars")?["name"]?.string == "b")
  }

  // MARK: Refusals

  static let refusals: [(Graph.Operation, after: Graph.Activation?, String)] = [
    (.pad(.init(channelsBefore: 1)), nil, "around an image"), (.pad(.init(top: 1, value: 1)), nil, "around an image"),
    (.channelConvolution(.init(kernel: zeros(1, 1, 3))), nil, "along the channels"),
    (.constant(zeros(4)), nil, "constant"),
    (.maxPool(.init(window(3, 2, roundsUp: true))), nil, "ceil mode"),
    // The last window could begin behind the image.
    (.maxPool(.init(window(2, 2, .each(1), roundsUp: true))), .relu, "ceil mode"),
    (.averagePool(.init(window(3, 2, roundsUp: true))), .relu, "ceil mode"),
    (.maxPool(.init(window(4, 2, .each(1)))), nil, "below zero"),
    (.maxPool(.init(.init(kernel: 3, dilation: 2))), nil, "apart"),
    (.averagePool(.init(window(4, 2, .each(1)))), nil, "leaves out"),
    (.averagePool(.init(window(3, 2, .same), countsBorder: true)), nil, "counts"),
    (convolution(stride: 2, padding: .same, dilation: 2), nil, "dilates"),
    (.scaleShift(.init(scale: zeros(1), shift: zeros(5000))), nil, "5000"),
    (normalization([1, 0, 2, 3], 1, [0, 0, 0, 0], [1, 1, 1, 1]), nil, "order [1, 0, 2, 3]"),
    (normalization([0, 1, 2, 3], 1, [0, 0, 0, 0], [1, 1, 1, 1e-30]), nil, "1e-30"),
  ]

  @Test(arguments: refusals)
  func `what no layer of Keras computes is refused by the node's name`(
    _ operation: Graph.Operation, _ activation: Graph.Activation?, _ what: String
  ) throws {
    let error = #expect(throws: ResectError.self) { try KerasGraphWriterTests.layers(operation, after: activation) }
    #expect(error?.code == .unsupported && error?.tensor == "x", "\(error.debugDescription)")
    #expect(error?.message.contains(what) == true && error?.advice != nil, "\(error.debugDescription)")
  }

  @Test func `what an operation cannot take is refused, not written`() throws {
    let error = #expect(throws: ResectError.self) {
      try KerasGraphWriterTests.layers(.linear(.init(weight: KerasGraphWriterTests.zeros(2, 4))))
    }
    #expect(error?.code == .mismatch && error?.tensor == "x")
  }

  @Test func `a scale that is not finite is no setting`() throws {
    let scale = LazyTensor(values: [.infinity], dtype: .float32)
    let error = #expect(throws: ResectError.self) {
      try KerasGraphWriterTests.layers(.scaleShift(.init(scale: scale, shift: nil)))
    }
    #expect(error?.code == .badValue && error?.tensor == "x")
  }

  @Test func `features that end in a constant are refused`() throws {
    var builder = GraphBuilder(input: .image(channels: 3))
    let value = builder.add(.globalAveragePool(keepsImage: false), of: builder.input, as: "pool")
    let graph = try builder.graph(outputs: [.init(Graph.Output.features, value)], appendsConstantFeature: true)
    #expect(throws: ResectError.self) { try KerasNetwork(graph, stored: \.dtype) }
  }
}

import ResectBytes
import ResectGraphs
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct GraphJSONTests {
  /// A graph of every operation, each as far from its defaults as it can be.
  private static func everything() throws -> Graph {
    let normalization = try InputNormalization(
      channels: [2, 0, 1], scale: 1 / 255, mean: [0.485, 0, -0.25], std: [0.229, 1, 2])
    var builder = GraphBuilder(.init(name: "image \u{E9}", .image(channels: 3, height: 32, width: nil)))
    var value = builder.add(.normalize(normalization), of: 0, as: "normalize")
    func add(_ operation: Graph.Operation, _ name: String) { value = builder.add(operation, of: value, as: name) }
    add(
      .pad(
        .init(top: 1, bottom: 2, left: 3, right: 4, channelsBefore: 5, channelsAfter: 6, value: -0.1)), "pad")
    add(
      .convolution(
        .init(
          weight: blank(4, 7, 3, 2), bias: blank(4), stride: .init(2, 1),
          padding: .sides(top: 1, bottom: 2, left: 3, right: 4), dilation: .init(1, 2), groups: 2)), "conv")
    add(.convolution(.init(weight: blank(4, 1, 3, 3), padding: .same, groups: 4)), "depthwise")
    let whole = Graph.BatchNorm(
      weight: blank(4), bias: blank(4), mean: blank(4), variance: blank(4), epsilon: 1.001e-5)
    add(.batchNorm(whole), "norm")
    add(.batchNorm(.init(weight: nil, bias: blank(4), mean: blank(4), variance: blank(4), epsilon: 0)), "norm.shift")
    add(.scaleShift(.init(scale: blank(1), shift: nil)), "scale")
    let activations: [Graph.Activation] = [
      .relu, .relu6, .leakyReLU(slope: 0.3), .prelu(slopes: blank(4)), .silu, .gelu(approximatesByTanh: true),
      .gelu(approximatesByTanh: false), .elu(alpha: 1.5), .sigmoid, .tanh, .hardSigmoid(slope: 0.2, offset: 0.5),
      .hardSwish, .softmax, .logSoftmax,
    ]
    for (index, activation) in activations.enumerated() { add(.activation(activation), "act\(index)") }
    let window = Graph.Window(kernel: .init(3, 2), stride: .init(2, 1), padding: .each(1), dilation: 1, roundsUp: true)
    add(.maxPool(.init(window)), "max")
    add(.averagePool(.init(.init(kernel: 2, padding: .same), countsBorder: true)), "average")
    let image = value
    add(.globalMaxPool(keepsImage: true), "globalMax")
    add(.flatten(.channelsLast), "flatten")
    add(.channelConvolution(.init(kernel: blank(1, 1, 3), bias: blank(1))), "eca")
    add(.toImage, "toImage")
    value = builder.add(.multiply, of: image, value, as: "multiply")
    value = builder.add(.add, of: value, image, image, as: "add")
    value = builder.add(.concatenate, of: value, image, as: "concatenate")
    add(.globalAveragePool(keepsImage: false), "globalAverage")
    let constant = builder.add(.constant(blank(2)), ofAll: [], as: "constant")
    value = builder.add(.concatenate, of: value, constant, as: "joined")
    add(.identity, "dropout")
    let features = value
    add(.linear(.init(weight: blank(5, 10), bias: blank(5))), "fc \"1\"")
    return try builder.graph(
      outputs: [.init("logits", value), .init("features", features)], features: features,
      appendsConstantFeature: true)
  }

  private static func tensors(_ graph: Graph) -> [String: LazyTensor] {
    Dictionary(uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.tensor) })
  }

  private static func read(_ text: String, _ tensors: [String: LazyTensor] = [:]) throws(ResectError) -> Graph {
    try Graph(json: JSON(parsing: Array(text.utf8)), tensors: tensors)
  }

  // MARK: What is read

  @Test func `every operation reads back as it was written`() throws {
    let graph = try Self.everything()
    let json = try JSON(parsing: graph.json.compact)
    let read = try Graph(json: json, tensors: Self.tensors(graph))
    #expect(read.json == graph.json)
    #expect(read.json.compact == graph.json.compact)
    // Not through JSON alone, which could lose the same thing both times.
    #expect(read.input == graph.input)
    #expect(read.outputs == graph.outputs)
    #expect(read.features == graph.features)
    #expect(read.appendsConstantFeature)
    for (after, before) in zip(read.nodes, graph.nodes) {
      #expect(after.name == before.name)
      #expect(after.inputs == before.inputs)
      #expect("\(after.operation)" == "\(before.operation)")
    }
    #expect(try read.shapes(height: 32, width: 20) == graph.shapes(height: 32, width: 20))
    #expect(try read.costs(height: 32, width: 20).total == graph.costs(height: 32, width: 20).total)
    #expect(Set(graph.nodes.map(\.operation.word)).count == 31)
  }

  /// As the specification shows it.
  @Test func `a graph is written as the specification says`() throws {
    var builder = GraphBuilder(.init(name: "image", .image(channels: 1)))
    let conv = builder.add(
      .convolution(.init(weight: blank(2, 1, 1, 1), bias: blank(2), stride: 2, padding: .each(1))), of: 0, as: "conv")
    let pool = builder.add(.globalAveragePool(keepsImage: false), of: conv, as: "pool")
    let graph = try builder.graph(outputs: [.init("logits", pool)])
    let text = """
      {"input":{"name":"image","channels":1},"nodes":[\
      {"name":"conv","operation":"convolution","inputs":["image"],"tensors":["weight","bias"],\
      "stride":[2,2],"padding":[1,1,1,1],"dilation":[1,1],"groups":1},\
      {"name":"pool","operation":"global-average-pool","inputs":["conv"],"keepsImage":false}],\
      "outputs":[{"name":"logits","of":"pool"}]}
      """
    #expect(String(decoding: graph.json.compact, as: UTF8.self) == text)
  }

  @Test func `nodes and members may stand in any order`() throws {
    let graph = try Self.read(
      """
      {"outputs":[{"of":"b","name":"y"}],"nodes":[
        {"operation":"relu","inputs":["a"],"name":"b"}, {"inputs":["x"],"name":"a","operation":"tanh"}],
       "constantFeature":false,"input":{"features":3,"name":"x"}}
      """)
    #expect(graph.nodes.map(\.name) == ["a", "b"])
    #expect(graph.output == 2)
    #expect(!graph.appendsConstantFeature)
    #expect(graph.input.kind == .features(3))
  }

  // MARK: Refusals

  /// A sound graph, of which one piece is replaced by what is wrong.
  private static let sound = """
    {"input":{"name":"x","channels":3,"height":8},"nodes":[\
    {"name":"c","operation":"convolution","inputs":["x"],"tensors":["weight","bias"],"stride":[2,2],\
    "padding":[1,1,0,0],"dilation":[1,1],"groups":1},\
    {"name":"p","operation":"average-pool","inputs":["c"],"kernel":[2,2],"stride":[1,1],"padding":"same",\
    "dilation":[1,1],"roundsUp":false,"countsBorder":true},\
    {"name":"n","operation":"batch-norm","inputs":["p"],"tensors":["running_mean","running_var"],"epsilon":0.5},\
    {"name":"f","operation":"flatten","inputs":["n"],"order":"channels-first"}],\
    "outputs":[{"name":"y","of":"f"}],"features":"f"}
    """
  private static let soundTensors = [
    "c.weight": blank(4, 3, 3, 3), "c.bias": blank(4), "n.running_mean": blank(4), "n.running_var": blank(4),
  ]

  @Test func `the graph that refusals start from is sound`() throws {
    #expect(try Self.read(Self.sound, Self.soundTensors).nodes.count == 4)
  }

  @Test(
    arguments: [
      // The node that is named, what stands there, and what stands there instead.
      (nil, #""input":{"name":"x","channels":3,"height":8},"#, ""), (nil, #""channels":3,"#, ""),
      (nil, #""channels":3"#, #""channels":3,"features":3"#), (nil, #""channels":3"#, #""channels":3.0"#),
      ("x", #""channels":3"#, #""channels":0"#), (nil, #""channels":3"#, #""channels":-3"#),
      (nil, #""channels":3"#, #""channels":9223372036854775808"#), ("x", #""height":8"#, #""height":0"#),
      (nil, #""height":8"#, #""height":"8""#), (nil, #""height":8"#, #""depth":8"#),
      (nil, #"{"name":"x""#, #"{"names":"x""#), (nil, #""nodes":["#, #""nodes":[7,"#),
      (nil, #""nodes":["#, #""nods":["#),
      (nil, #"{"name":"c","#, "{"), (nil, #"{"name":"c""#, #"{"name":1"#), ("x", #"{"name":"c""#, #"{"name":"x""#),
      ("p", #"{"name":"n""#, #"{"name":"p""#),
      ("c", #""operation":"convolution","#, ""), ("c", #""convolution""#, #""Convolution""#),
      ("c", #""convolution""#, #""conv\u001b""#), ("c", #""convolution""#, "null"),
      ("c", #"["x"],"t"#, #"["x","x"],"t"#),
      ("c", #"["x"],"t"#, #"[],"t"#), ("c", #"["x"],"t"#, #"["y"],"t"#), ("c", #"["x"],"t"#, #"[0],"t"#),
      ("c", #"["x"],"t"#, #"["c"],"t"#), ("c", #"["x"],"t"#, #"["n"],"t"#), ("c", #"["x"],"t"#, #""x","t"#),
      ("c", #"["weight","bias"]"#, #"["weight","weight"]"#), ("c", #"["weight","bias"]"#, #"["weight","bios"]"#),
      ("c", #"["weight","bias"]"#, #"["bias"]"#), ("c.bias", #"["weight","bias"]"#, #"["weight"]"#),
      ("c", #""tensors":["weight","bias"],"#, ""), ("c", #""stride":[2,2],"p"#, #""p"#),
      ("c", #""stride":[2,2]"#, #""stride":[2]"#), ("c", #""stride":[2,2]"#, #""stride":2"#),
      ("c", #""stride":[2,2]"#, #""stride":[2,2,2]"#), ("c", #""stride":[2,2]"#, #""stride":[2,0]"#),
      ("c", #""stride":[2,2]"#, #""stride":[2,-1]"#), ("c", #""stride":[2,2]"#, #""stride":[2,2.5]"#),
      ("c", #""stride":[2,2]"#, #""stride":[2,4611686018427387904]"#), ("c", "[1,1,0,0]", "[1,1,0]"),
      ("c", "[1,1,0,0]", "[1,1,0,-1]"), ("c", "[1,1,0,0]", #""valid""#), ("c", "[1,1,0,0]", "[1,1,0,1e3]"),
      ("c", #""groups":1"#, #""groups":3"#), ("c", #""groups":1"#, #""groups":0"#),
      ("c", #""groups":1"#, #""groups":true"#), ("c", #""groups":1"#, #""groups":1,"transposed":true"#),
      ("p", #""roundsUp":false"#, #""roundsUp":0"#), ("p", #","countsBorder":true"#, ""),
      ("p", #""kernel":[2,2]"#, #""kernel":[2,1048577]"#), ("p", #"true}"#, #"true,"epsilon":1}"#),
      ("p", #"true}"#, #"true,"tensors":["weight"]}"#),
      ("n", #""epsilon":0.5"#, #""epsilon":-0.5"#), ("n", #""epsilon":0.5"#, #""epsilon":"0.5""#),
      ("n", #","epsilon":0.5"#, ""), ("n", #"["running_mean","running_var"]"#, #"["running_mean"]"#),
      ("f", #""channels-first""#, #""rows-first""#),
      ("f", #""f","operation":"flatten""#, #""f","operation":"constant""#),
      (nil, #""outputs":[{"name":"y","of":"f"}],"#, ""), (nil, #"[{"name":"y","of":"f"}]"#, "[]"),
      ("z", #""of":"f""#, #""of":"z""#), (nil, #""of":"f""#, #""of":1"#), (nil, #","of":"f""#, ""),
      (nil, #""of":"f""#, #""of":"f","as":"f""#), ("z", #""features":"f""#, #""features":"z""#),
      (nil, #""features":"f""#, #""features":null"#), (nil, #""features":"f""#, #""features":"f","later":1"#),
      (nil, #""features":"f""#, #""features":"f","constantFeature":1"#),
    ] as [(String?, String, String)])
  func `what is wrong is refused, with the node's name`(name: String?, old: String, new: String) throws {
    let parts = Self.sound.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
    try #require(parts.count == 2, "\(old) stands there")
    let error = #expect(throws: ResectError.self) { try Self.read(parts.joined(separator: new), Self.soundTensors) }
    #expect(error?.tensor == name, "\(error.map { "\($0)" } ?? "")")
    #expect(error.map { [.malformed, .unsupported, .mismatch].contains($0.code) } == true)
    #expect(error?.description.unicodeScalars.contains("\u{1B}") == false)
  }

  @Test(arguments: ["null", "[]", "7", "{}", #"{"input":{},"nodes":[],"outputs":[]}"#])
  func `what is no graph is refused`(text: String) {
    #expect(#expect(throws: ResectError.self) { try Self.read(text) }?.code == .malformed)
  }

  @Test func `tensors that no node takes are refused by name, and missing ones too`() throws {
    var tensors = Self.soundTensors
    tensors["c.weight.more"] = blank(1)
    let more = #expect(throws: ResectError.self) { try Self.read(Self.sound, tensors) }
    #expect(more?.tensor == "c.weight.more")
    tensors = Self.soundTensors
    tensors["n.running_var"] = nil
    let fewer = #expect(throws: ResectError.self) { try Self.read(Self.sound, tensors) }
    #expect(fewer?.tensor == "n")
    #expect(fewer?.message.contains("n.running_var") == true)
  }

  /// Numbers that overflow, names of others, and single bytes, anywhere: whatever is read can be used without a trap.
  @Test func `random damage is refused, or gives a graph that reads back as itself`() throws {
    var random = SeededRandom(seed: 5)
    let whole = try Self.everything()
    let tensors = Self.tensors(whole)
    let bytes = whole.json.compact
    let words = [
      "1048576", "1048577", "9223372036854775807", "-1", "0", "1e308", "true", "null", "[]", "\"same\"", "\"conv\"",
    ]
    var accepted = 0
    for _ in 0..<2000 {
      var damaged = bytes
      for _ in 0...Int.random(in: 0...1, using: &random) {
        let position = Int.random(in: 0..<damaged.count, using: &random)
        if Bool.random(using: &random) {
          damaged[position] = UInt8.random(in: 0x20..<0x7F, using: &random)
        } else {
          // The value that begins after the next colon, comma or bracket.
          let marks = [UInt8](":,[".utf8)
          guard let start = damaged[position...].firstIndex(where: marks.contains) else { continue }
          let end = damaged[(start + 1)...].firstIndex { [UInt8](",]}".utf8).contains($0) } ?? damaged.count
          let word = words[Int.random(in: words.indices, using: &random)]
          damaged.replaceSubrange((start + 1)..<end, with: Array(word.utf8))
        }
      }
      guard let json = try? JSON(parsing: damaged), let graph = try? Graph(json: json, tensors: tensors) else {
        continue
      }
      accepted += 1
      #expect(try Graph(json: graph.json, tensors: tensors).json == graph.json)
      for size in [1, 32, 1 << 14] {
        guard let costs = try? graph.costs(height: size, width: size, batch: 1 << 20) else { continue }
        #expect(costs.peakActivationBytes >= costs.inputBytes)
      }
    }
    #expect(accepted > 20)
  }

  @Test func `more nodes than the limit are refused before they are looked at`() throws {
    let nodes = [String](repeating: "0", count: 100_000).joined(separator: ",")
    let text = #"{"input":{"name":"x","features":1},"nodes":[\#(nodes)],"outputs":[{"name":"y","of":"x"}]}"#
    #expect(#expect(throws: ResectError.self) { try Self.read(text) }?.code == .limit)
  }
}

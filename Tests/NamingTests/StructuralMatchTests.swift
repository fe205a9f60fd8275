import ResectBytes
@testable import ResectNaming
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

/// Networks whose names no convention knows.
@Suite struct StructuralMatchTests {
  private func tensors(_ entries: [(name: String, axes: [Int])]) throws -> [NamedTensor] {
    try entries.map { NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes)) }
  }

  /// The entries with each module called by a number, in the order of the file.
  private func anonymous(_ state: StateDict) -> [(name: String, axes: [Int])] {
    var numbers: [Substring: Int] = [:]
    return state.entries.map { entry in
      let dot = entry.name.lastIndex(of: ".") ?? entry.name.endIndex
      let number = numbers[entry.name[..<dot], default: numbers.count]
      numbers[entry.name[..<dot]] = number
      return ("part\(number)\(entry.name[dot...])", entry.axes)
    }
  }

  /// The entries with other words in their names, which still show what belongs to one block.
  private func foreign(_ state: StateDict) -> [(name: String, axes: [Int])] {
    state.entries.map { entry in
      var name = "body." + entry.name
      for (word, other) in [("layer", "group"), ("conv", "mix"), ("bn", "level"), ("shortcut", "skip"), ("fc", "last")]
      {
        name = name.replacing(word, with: other)
      }
      return (name, entry.axes)
    }
  }

  private func fault(_ tensors: [NamedTensor], _ options: LoadOptions = LoadOptions()) -> ResectError? {
    do throws(ResectError) {
      _ = try loadNetwork(tensors, options: options)
      return nil
    } catch {
      return error
    }
  }

  private static func families() throws -> [(family: String, name: String)] {
    try ["torchvision", "cifar"].flatMap { family in try StateDict.names(of: family).map { (family, $0) } }
  }

  @Test func `every network finds its places without its names`() throws {
    for (family, name) in try StructuralMatchTests.families() {
      let state = try StateDict(family, name)
      let entries = anonymous(state)
      let loaded = try loadNetwork(tensors(entries))
      #expect(loaded.isInferred)
      for (entry, original) in zip(entries, state.entries) {
        #expect(loaded.names[try #require(original.place)] == entry.name, "\(name): \(original.name)")
      }
      #expect(loaded.network.architecture.epsilon == .init(nil, from: .none))
      #expect(loaded.network.architecture.stridePlacement.value == .unknown)
      #expect(loaded.warnings.contains { $0.contains("structure") })
    }
  }

  @Test(arguments: [
    "timm/resnet50c", "timm/resnet50s", "huggingface/bottleneck", "huggingface/basic", "cifar-kuangliu/preact-18",
    "cifar-kuangliu/preact-50", "cifar/yunjey", "cifar-weiaicunzai/50", "detectron2/bottleneck", "mmpretrain/v1c",
  ])
  func `deep stems, v2, shortcuts that come first or are 3×3, and biases are found`(name: String) throws {
    let state = try StateDict("frameworks", name)
    let expected = try loadNetwork(
      state.entries.map { NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes)) })
    let entries = anonymous(state)
    let loaded = try loadNetwork(tensors(entries))
    #expect(loaded.isInferred)
    let renamed = Dictionary(zip(state.entries.map(\.name), entries.map(\.name))) { first, _ in first }
    #expect(loaded.names == expected.names.mapValues { renamed[$0] ?? "" })
  }

  @Test(arguments: [
    "cifar-kuangliu/preact-final-norm", "cifar-kuangliu/resnet8", "cifar-wide-resnet/16-2", "cifar-kuangliu/preact-18",
  ])
  func `whether batch-norms come before or after is told by the names that blocks share`(name: String) throws {
    let state = try StateDict("frameworks", name)
    let expected = try loadNetwork(
      state.entries.map { NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes)) })
    let entries = foreign(state)
    let loaded = try loadNetwork(tensors(entries))
    #expect(loaded.isInferred)
    let renamed = Dictionary(zip(state.entries.map(\.name), entries.map(\.name))) { first, _ in first }
    #expect(loaded.names == expected.names.mapValues { renamed[$0] ?? "" })
  }

  @Test(arguments: ["cifar-kuangliu/preact-final-norm", "cifar-kuangliu/resnet8", "cifar-wide-resnet/16-2"])
  func `where names tell nothing of blocks, two orders of batch-norms are refused`(name: String) throws {
    let error = fault(try tensors(anonymous(StateDict("frameworks", name))))
    #expect(error?.code == .ambiguous)
    #expect(error?.details.contains("part1.bias is stem.norm.bias or stage1.0.norm1.bias") == true)
  }

  @Test func `names in the order of the alphabet are read in the order of their numbers`() throws {
    let state = try StateDict("torchvision", "resnet101")
    let entries = anonymous(state).sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
    let loaded = try loadNetwork(tensors(entries))
    #expect(loaded.names[.init(.convolution(stage: 3, block: 2, index: 1), .weight)] == "part62.weight")
    let ordered = try loadNetwork(tensors(anonymous(state)))
    #expect(loaded.names == ordered.names)
  }

  @Test func `pruned blocks are found where no regular network is`() throws {
    for name in ["pruned-basic", "pruned-bottleneck"] {
      let state = try StateDict("variants", name)
      let loaded = try loadNetwork(tensors(anonymous(state)))
      #expect(loaded.network.architecture.channels == (try Architecture(inferredFrom: state.shapes)).channels)
    }
  }

  @Test(arguments: [
    ("mobilenet_v2", "depthwise"), ("vgg16_bn", "fits no stem, block or shortcut"),
    ("vgg19", "fits no stem, block or shortcut"), ("squeezenet1_0", "fits no stem, block or shortcut"),
    ("regnet_x_400mf", "groups"), ("shufflenet_v2_x0_5", "depthwise"), ("parametric", "activation"),
    ("one-dimensional", "over one axis"),
  ])
  func `a network that is no ResNet is refused with what made it so`(name: String, reason: String) throws {
    let state = try StateDict("strangers", name)
    let error = fault(try tensors(state.entries.map { ($0.name, $0.axes) }))
    #expect(error?.code == .notAResNet)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "nothing")")
  }

  @Test func `a tensor that no layer of a ResNet has is named`() throws {
    let error = fault(try tensors([("blocks.0.w1.weight", [8, 8]), ("cls_token", [1, 1, 192])]))
    #expect(error?.message == "cls_token says by no known word what it is of its layer")
  }

  @Test func `two equally good ways are refused with what they differ in`() throws {
    // A 3×3 shortcut before or after the first convolution, which has the same shape.
    let entries: [(String, [Int])] = [
      ("a.weight", [8, 3, 3, 3]), ("b.weight", [8, 8, 3, 3]), ("c.weight", [8, 8, 3, 3]),
      ("d.weight", [16, 8, 3, 3]), ("e.weight", [16, 8, 3, 3]), ("f.weight", [16, 16, 3, 3]),
    ]
    let error = fault(try tensors(entries))
    #expect(error?.code == .ambiguous)
    #expect(
      error?.details == [
        "d.weight is stage2.0.shortcut.conv.weight or stage2.0.conv1.weight",
        "e.weight is stage2.0.conv1.weight or stage2.0.shortcut.conv.weight",
      ])
    #expect(error?.advice?.code.rawValue == "sayMapping")
    var options = LoadOptions()
    options.mapping = try Mapping(
      parsing: """
        # which
        a.weight = stem.conv.weight
        b.weight = stage1.0.conv1.weight
        c.weight = stage1.0.conv2.weight
        d.weight = stage2.0.shortcut.conv.weight
        e.weight = stage2.0.conv1.weight
        f.weight = stage2.0.conv2.weight
        """)
    let loaded = try loadNetwork(tensors(entries), options: options)
    #expect(loaded.names[.init(.shortcutConvolution(stage: 2, block: 0), .weight)] == "d.weight")
    #expect(!loaded.isInferred)
  }

  @Test func `a head that does not take the features is what made it none`() throws {
    var entries = anonymous(try StateDict("torchvision", "resnet18"))
    entries = entries.map { $0.axes == [1000, 512] ? ($0.name, [1000, 25088]) : $0 }
    let error = fault(try tensors(entries))
    #expect(error?.code == .notAResNet)
    #expect(error?.message.contains("takes 25088 features") == true)
  }

  @Test func `words of other frameworks are known for tensors of a layer`() throws {
    let words = [
      "weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance",
    ]
    let state = try StateDict("cifar", "chenyaofo-20")
    let entries = zip(anonymous(state), state.entries).map { entry, original -> (String, [Int]) in
      let dot = entry.name.lastIndex(of: ".") ?? entry.name.endIndex
      let word = String(entry.name[dot...].dropFirst())
      let isNorm = original.place?.module.isNorm == true
      return ("\(entry.name[..<dot])/\(isNorm ? words[word] ?? word : word)", entry.axes)
    }
    #expect(try loadNetwork(tensors(entries)).network.architecture.name == "cifar-resnet20")
  }

  // MARK: Mappings as text

  @Test func `a mapping is read as it was written`() throws {
    let mapping = Mapping(
      places: [
        "a = b": .init(.stemConvolution, .weight), "größe": .init(.classifier(layer: nil), .bias),
        "c.d": .init(.norm(stage: 3, block: 12, index: 2), .runningVariance),
      ], leftOut: ["queue"])
    let text = mapping.text(order: ["c.d"])
    #expect(text.split(separator: "\n")[1] == "c.d = stage3.12.norm2.running_var")
    #expect(try Mapping(parsing: text) == mapping)
    #expect(try Mapping(parsing: text.replacing("\n", with: "\r\n")) == mapping)
  }

  @Test(arguments: [
    "", "# only a comment", "a", "a =", " = stem.conv.weight", "a = nowhere", "a = stem.conv",
    "a = stem.conv.weight\na = stem.norm.weight", "a = stem.conv.weight\nb = stem.conv.weight",
    "a = -\na = stem.conv.weight",
  ])
  func `what is no mapping is refused`(text: String) {
    #expect(refusal { () throws(ResectError) in try Mapping(parsing: text) } == .malformed)
  }

  @Test func `a mapping leaves out what it says, and nothing else`() throws {
    let state = try StateDict("variants", "no-head")
    var places: [String: ParameterPath] = [:]
    for entry in state.entries { places[entry.name] = entry.place }
    let more = try tensors(state.entries.map { ($0.name, $0.axes) } + [("queue", [4, 4])])
    var options = LoadOptions()
    options.mapping = Mapping(places: places, leftOut: ["queue"])
    let loaded = try loadNetwork(more, options: options)
    #expect(loaded.leftOut.map(\.name) == ["queue"])
    options.mapping = Mapping(places: places)
    #expect(fault(more, options)?.details == ["unexpected: queue"])
  }
}

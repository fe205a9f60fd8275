import ResectGraphs
import ResectBytes
import ResectResNets
import ResectTestSupport
import Testing

@Suite struct ArchitectureJSONTests {
  /// Every network that torch described, as inference finds it.
  private func networks() throws -> [(name: String, architecture: Architecture)] {
    try ["torchvision", "cifar", "variants"].flatMap { family in
      try StateDict.names(of: family).map {
        ($0, try Architecture(inferredFrom: StateDict(family, $0).shapes))
      }
    }
  }

  private func inferred(_ family: String, _ network: String) throws -> Architecture {
    try Architecture(inferredFrom: StateDict(family, network).shapes)
  }

  /// What reading the bytes of `json` gives.
  private func read(_ json: JSON) throws -> Architecture {
    try Architecture(json: JSON(parsing: json.compact))
  }

  /// A folded, grouped and named network with everything said, and the member `name` replaced; nothing removes it.
  private func json(_ name: String, _ value: JSON?, of base: JSON? = nil) throws -> JSON {
    let base = try base ?? inferred("torchvision", "resnext50_32x4d").json
    let members = try #require(base.members).filter { $0.name != name }
    return .object(members + (value.map { [JSON.Member(name, $0)] } ?? []))
  }

  private func code(of json: JSON) -> ResectError.Code? {
    refusal { () throws(ResectError) in try Architecture(json: json) }
  }

  // MARK: Round trips

  @Test func `every network is read back as it was`() throws {
    for (name, architecture) in try networks() {
      #expect(try read(architecture.json) == architecture, "\(name)")
    }
  }

  @Test func `what was said beside the weights is read back, with who said it`() throws {
    var architecture = try inferred("torchvision", "resnet50")
    let sources: [Architecture.Source] = [.convention("torchvision"), .module, .option, .none]
    for source in sources {
      for placement in Architecture.StridePlacement.allCases {
        architecture.stridePlacement = .init(placement, from: source)
        for epsilon in [nil, 0, 1e-5, 1.001e-5, 1e-3, 1] as [Double?] {
          architecture.epsilon = .init(epsilon, from: source)
          #expect(try read(architecture.json) == architecture)
        }
      }
    }
  }

  @Test func `a constant feature is read back`() throws {
    var architecture = try inferred("variants", "no-head")
    architecture.appendsConstantFeature = true
    #expect(try read(architecture.json) == architecture)
    #expect(try read(architecture.json).featureCount == 33)
  }

  @Test func `the JSON has the members that people look for`() throws {
    var architecture = try inferred("torchvision", "resnet50")
    architecture.stridePlacement = .init(.v15, from: .convention("torchvision"))
    architecture.epsilon = .init(1e-5, from: .convention("torchvision"))
    let expected = """
      {"name":"resnet50","block":"bottleneck","depths":[3,4,6,3],"widths":[64,128,256,512],"groups":1,\
      "widthPerGroup":64,"stem":"7x7-maxpool","stemWidth":64,"inputChannels":3,"shortcut":"projection",\
      "stridePlacement":"v1.5","stridePlacementSource":"convention torchvision","epsilon":1e-05,\
      "epsilonSource":"convention torchvision","normalization":"batch-norm","convolutionBias":false,\
      "classes":1000,"features":2048,"headBias":true}
      """
    #expect(String(decoding: architecture.json.compact, as: UTF8.self) == expected)
  }

  @Test func `what departs from the rule is written in full`() throws {
    let pruned = try inferred("variants", "pruned-basic").json
    #expect(pruned["name"] == .null)
    #expect(pruned["widthPerGroup"] == nil)
    #expect(
      pruned["channels"].map { String(decoding: $0.compact, as: UTF8.self) }
        == "[[[37,64],[61,64]],[[128,128],[5,128]]]")
    let projected = try inferred("variants", "extra-projection").json
    #expect(projected["projections"]?.elements?.first == .array([.bool(true)]))
    #expect(try inferred("torchvision", "resnet50").json["channels"] == nil)
    #expect(try inferred("torchvision", "resnet50").json["projections"] == nil)
    #expect(try inferred("variants", "norm-without-affine").json["affine"] == .bool(false))
    #expect(
      try inferred("variants", "norm-without-statistics").json["trackedStatistics"] == .bool(false))
    #expect(try inferred("variants", "folded").json["normalization"] == .string("none"))
    let head = try inferred("variants", "mlp-head").json
    #expect(head["headLayers"] == .array([.integer(0), .integer(2)]))
    #expect(head["headWidths"] == .array([.integer(20), .integer(7)]))
    #expect(head["classes"] == .integer(7))
  }

  @Test func `members that are not known are passed over`() throws {
    let architecture = try inferred("torchvision", "resnext50_32x4d")
    #expect(try read(json("colour", .string("green"))) == architecture)
    #expect(try read(json("name", .string("another"))) == architecture)
    #expect(try read(json("features", .integer(-1))) == architecture)
  }

  @Test func `a source that is not known is nobody`() throws {
    let architecture = try read(json("epsilonSource", .string("an oracle")))
    #expect(architecture.epsilon.source == .none)
    #expect(try read(json("epsilonSource", nil)).epsilon.source == .none)
    #expect(
      try read(json("epsilonSource", .string("convention of mine"))).epsilon.source
        == .convention("of mine"))
  }

  @Test func `a normalisation of the input is read back`() throws {
    for preprocessing in [Preprocessing.torchvision, .kerasCaffe, .kerasTF] {
      var architecture = try inferred("torchvision", "resnet18")
      architecture.inputNormalization = InputNormalization(preprocessing)
      #expect(try read(architecture.json) == architecture)
    }
  }

  // MARK: Refusals

  @Test func `a normalisation of the input is read strictly`() throws {
    func code(_ text: String) throws -> ResectError.Code? {
      try self.code(of: json("inputNormalization", JSON(parsing: Array(text.utf8))))
    }
    func members(
      channels: String = "[0,1,2]", scale: String = "1", mean: String = "[0,0,0]", std: String = "[1,1,1]",
      more: String = ""
    ) -> String {
      #"{"channels":\#(channels),"scale":\#(scale),"mean":\#(mean),"std":\#(std)\#(more)}"#
    }
    #expect(try code(members()) == nil)
    #expect(try code(members(channels: "[2,1,0]", scale: "0.5", mean: "[-1,0.5,2e9]")) == nil)
    for channels in ["[0,1]", "[0,1,3]", "[0,1,1]", "[0,1,2,2]", "[0,1,-2]", "[0,0.5,2]", "[0,1,2,null]", "[]", "3"] {
      #expect(try code(members(channels: channels)) == .malformed, "\(channels)")
    }
    for scale in ["0", "1e-300", "1e300", "null", "[1]"] {
      #expect(try code(members(scale: scale)) == .malformed, "\(scale)")
    }
    for numbers in ["[0,0]", "[0,0,0,0]", "[0,0,\"1\"]", "[0,0,1e300]", "0"] {
      #expect(try code(members(mean: numbers)) == .malformed, "\(numbers)")
      #expect(try code(members(std: numbers)) == .malformed, "\(numbers)")
    }
    #expect(try code(members(std: "[1,1,0]")) == .malformed)
    #expect(try code(members(more: #","gamma":1"#)) == .malformed)
    #expect(try code(#"{"channels":[0,1,2],"scale":1,"mean":[0,0,0]}"#) == .malformed)
  }

  @Test(arguments: [
    "block", "depths", "widths", "groups", "shortcut", "stemWidth", "widthPerGroup", "normalization",
    "stem", "inputChannels", "stridePlacement", "convolutionBias", "headBias",
  ])
  func `a member that cannot be done without is missed`(name: String) throws {
    #expect(try code(of: json(name, nil)) == .malformed)
    #expect(try code(of: json(name, .null)) == .malformed)
  }

  @Test(arguments: [
    "block", "depths", "widths", "groups", "widthPerGroup", "channels", "projections", "stem",
    "stemWidth", "inputChannels", "shortcut", "stridePlacement", "epsilon", "normalization", "affine",
    "trackedStatistics", "convolutionBias", "classes", "headWidths", "headLayers", "headBias",
    "constantFeature", "inputNormalization",
  ])
  func `a member of another kind is refused`(name: String) throws {
    let values: [JSON] = [
      .string("no such thing"), .object([]), .array([.string("1")]), .array([.array([.array([])])]),
      .number(0.5), .integer(-1),
    ]
    for value in values {
      // The only value here that a member may have.
      if name == "epsilon", value == .number(0.5) { continue }
      #expect(try code(of: json(name, value)) == .malformed, "\(value)")
    }
  }

  @Test(arguments: [
    "depths", "widths", "groups", "widthPerGroup", "stemWidth", "inputChannels", "classes",
    "headWidths", "headLayers",
  ])
  func `a number that no network has is refused`(name: String) throws {
    let isList = ["depths", "widths", "headWidths", "headLayers"].contains(name)
    for number in [-1, .min, 1 << 25, 1 << 31, 1 << 62, .max] as [Int64] {
      let value: JSON =
        isList
        ? .array([JSON](repeating: .integer(number), count: name.hasPrefix("head") ? 1 : 4))
        : .integer(number)
      #expect(try code(of: json(name, value)) == .malformed, "\(number)")
    }
    #expect(try code(of: json(name, .number(1e300))) == .malformed)
  }

  @Test func `no groups, no stages and empty stages are refused`() throws {
    #expect(try code(of: json("groups", .integer(0))) == .malformed)
    #expect(try code(of: json("depths", .array([]))) == .malformed)
    #expect(try code(of: json("widths", .array([.integer(64)]))) == .malformed)
    #expect(
      try code(of: json("depths", .array([3, 4, 0, 3].map { .integer($0) }))) == .malformed)
    let nothing = try json("widths", .array([]), of: json("depths", .array([])))
    #expect(code(of: nothing) == .malformed)
  }

  @Test func `a network of more blocks than a file has tensors is refused before it is made`() throws {
    let long = [JSON](repeating: .integer(4096), count: 4096)
    let huge = try json("widths", .array(long), of: json("depths", .array(long)))
    #expect(code(of: huge) == .malformed)
    let longer = [JSON](repeating: .integer(1), count: 4097)
    #expect(try code(of: json("widths", .array(longer), of: json("depths", .array(longer)))) == .malformed)
  }

  @Test func `the largest numbers that are read do not overflow`() throws {
    var hostile = try json("widths", .array([JSON](repeating: .integer(1 << 20), count: 4)))
    hostile = try json("groups", .integer(1 << 16), of: hostile)
    hostile = try json("widthPerGroup", .integer(1 << 16), of: hostile)
    let architecture = try Architecture(json: hostile)
    #expect(architecture.channels[0][0] == [1 << 46, 1 << 46, 1 << 22])
    #expect(architecture.widthPerGroup == 1 << 16)
    #expect(architecture.name == nil)
    // 16 blocks with 3 units and 4 projections, the stem: a weight and five tensors of the batch-norm each; the head.
    #expect(architecture.parameters.count == 53 * 6 + 2)
  }

  @Test func `widths of zero do not divide`() throws {
    var hostile = try json("widths", .array([JSON](repeating: .integer(0), count: 4)))
    hostile = try json("widthPerGroup", .integer(0), of: hostile)
    let architecture = try Architecture(json: hostile)
    #expect(architecture.widthPerGroup == nil)
    #expect(architecture.featureCount == 0)
    #expect(architecture.name == nil)
  }

  @Test func `channels that do not fit the depths or the block are refused`() throws {
    let base = try inferred("variants", "pruned-basic").json
    func channels(_ text: String) throws -> ResectError.Code? {
      try code(of: json("channels", JSON(parsing: Array(text.utf8)), of: base))
    }
    #expect(try channels("[[[37,64],[61,64]],[[128,128],[5,128]]]") == nil)
    #expect(try channels("[[[37,64],[61,64]],[[128,128]]]") == .malformed)
    #expect(try channels("[[[37,64],[61,64]]]") == .malformed)
    #expect(try channels("[[[37,64],[61,64,3]],[[128,128],[5,128]]]") == .malformed)
    #expect(try channels("[[[37,64],[61]],[[128,128],[5,128]]]") == .malformed)
    #expect(try channels("[[[37,64],[61,64]],[[128,128],[5,2097152]]]") == .malformed)
    #expect(try channels("[[[37,64],[61,64]],[[128,128],[5,-1]]]") == .malformed)
    #expect(try channels("[]") == .malformed)
  }

  @Test func `projections that do not fit the depths are refused`() throws {
    let base = try inferred("variants", "extra-projection").json
    func projections(_ text: String) throws -> ResectError.Code? {
      try code(of: json("projections", JSON(parsing: Array(text.utf8)), of: base))
    }
    #expect(try projections("[[false],[true],[true],[true]]") == nil)
    #expect(try projections("[[false],[true],[true]]") == .malformed)
    #expect(try projections("[[false,true],[true],[true],[true]]") == .malformed)
    #expect(try projections("[[0],[true],[true],[true]]") == .malformed)
    #expect(try projections("[[false,0],[true],[true],[true]]") == .malformed)
  }

  @Test func `a head whose layers and widths do not match is refused`() throws {
    let base = try inferred("variants", "mlp-head").json
    #expect(try code(of: json("headWidths", .array([.integer(7)]), of: base)) == .malformed)
    #expect(try code(of: json("headLayers", .array([.integer(0)]), of: base)) == .malformed)
    #expect(try code(of: json("headLayers", nil, of: base)) == .malformed)
    let headless = try inferred("variants", "no-head").json
    #expect(try code(of: json("headWidths", .array([.integer(7)]), of: headless)) == .malformed)
  }

  @Test func `an epsilon that is negative or no number is refused`() throws {
    for epsilon in [.number(-1e-5), .number(.infinity), .number(.nan), .bool(true)] as [JSON] {
      #expect(try code(of: json("epsilon", epsilon)) == .malformed)
    }
    #expect(try code(of: json("epsilon", .integer(0))) == nil)
    #expect(try code(of: json("epsilon", nil)) == nil)
  }

  @Test(arguments: [.null, .array([]), .string("resnet50"), .integer(50)] as [JSON])
  func `what is no object is refused`(json: JSON) {
    #expect(code(of: json) == .malformed)
  }

  // MARK: Variants

  /// A small pre-activated network that has every member which most networks do without.
  private var variant: Architecture {
    let channels = Architecture.regularChannels(
      block: .basic, depths: [2, 1], widths: [8, 16], groups: 1, widthPerGroup: 64)
    var variant = Architecture(
      block: .basic, channels: channels, projections: [[true, false], [true]], stem: .deepWithConvolution,
      stemWidth: 12, shortcut: .averagePooledProjection, stridePlacement: .init(.v15, from: .none),
      epsilon: .init(1e-5, from: .none), normalization: .scaleAndShift, hasConvolutionBias: false,
      head: .none, headWidths: [], hasHeadBias: false)
    variant.innerStemWidths = [4, 6]
    variant.projectionKernels = [[1, 1], [3]]
    variant.attention = .init(.efficientChannel, sizes: [[3, 3], [5]], hasBias: false)
    variant.isPreactivated = true
    variant.stridedBlocks = .last
    variant.padding = .same
    variant.absentNorms = [.stemNorm, .shortcutNorm(stage: 2, block: 0), .stemPoolNorm, .innerStemNorm(index: 2)]
    variant.hasFinalNorm = true
    variant.biasExceptions = [
      .stemConvolution, .innerStemConvolution(index: 1), .convolution(stage: 1, block: 1, index: 2),
      .shortcutConvolution(stage: 1, block: 0), .stemPoolConvolution,
    ]
    return variant
  }

  @Test func `every member that few networks have is read back`() throws {
    #expect(try read(variant.json) == variant)
    var other = variant
    other.stem = .three
    other.innerStemWidths = []
    other.attention = .init(.linearSqueezeExcitation, sizes: [[1, 2], [4]], hasBias: true)
    for shortcut in Architecture.Shortcut.allCases {
      other.shortcut = shortcut
      other.projections = Architecture.regularProjections(
        channels: other.channels, stemWidth: other.stemWidth, shortcut: shortcut)
      #expect(try read(other.json) == other)
    }
  }

  @Test(arguments: [
    ("innerStemWidths", "[4]"), ("innerStemWidths", "[4,6,8]"), ("innerStemWidths", "null"),
    ("projectionKernels", "[[1,1],[5]]"), ("projectionKernels", "[[1],[3]]"), ("projectionKernels", "[[0,1],[3]]"),
    ("attention", "{}"), ("attention", "null"), ("attention", #"{"kind":"gate","sizes":[[3,3],[5]],"bias":false}"#),
    ("attention", #"{"kind":"efficient-channel","sizes":[[3],[5]],"bias":false}"#),
    ("attention", #"{"kind":"efficient-channel","sizes":[[3,3],[-5]],"bias":false}"#),
    ("preactivation", "1"), ("stridedBlocks", #""middle""#), ("stem", #""3x3-circular""#), ("stem", #""-same""#),
    ("absentNorms", #"["stem.conv"]"#), ("absentNorms", #"["stage1.0"]"#), ("absentNorms", #"["stage01.0.norm1"]"#),
    ("absentNorms", "{}"), ("finalNorm", #""yes""#), ("biasExceptions", #"["stem.norm"]"#), ("biasExceptions", "[1]"),
    ("biasExceptions", #"["stage1.0.conv99999999999999999999"]"#), ("normalization", #""layer-norm""#),
  ])
  func `a member that few networks have and that is damaged is refused`(name: String, value: String) throws {
    let json = try json(name, JSON(parsing: Array(value.utf8)), of: variant.json)
    #expect(code(of: json) == .malformed)
  }

  @Test(arguments: Architecture.Padding.allCases, Architecture.StemPooling.allCases)
  func `how a network pads stands in the stem, which an older reader refuses`(
    _ padding: Architecture.Padding, _ pooling: Architecture.StemPooling
  ) throws {
    var architecture = Architecture.small(stem: .sevenWithMaxPool)
    (architecture.padding, architecture.stemPooling) = (padding, pooling)
    let json = architecture.json
    #expect(try Architecture(json: json) == architecture)
    let isOrdinary = padding == .symmetric && pooling == .symmetric
    #expect((json["stem"]?.string == "7x7-maxpool") == isOrdinary)
  }
}

import ResectGraphs
internal import ResectTestSupport
internal import Testing

@testable internal import Resect

/// ResNets as layers of Keras; `Tests/Peers/test_writers.py` has real Keras compute them.
@Suite struct KerasConstructionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What is read of an archive that nothing but the graph describes.
  private func reread(_ network: ResNet) throws -> Model {
    let application = try KerasApplication(
      network, named: .torchvision, isChosen: false, for: .keras, stored: \.dtype)
    let path = folder.file("out.keras")
    let file = try OutputFile(path: path, overwrite: true)
    try application.write(as: .keras, metadata: [], to: file, progress: nil)
    _ = try file.committed()
    return try Model(contentsOf: path)
  }

  /// A convolution that strides, of more than one pixel.
  private static func stridedConvolution(of architecture: Architecture) -> ModulePath {
    switch architecture.stem {
    case .sevenWithMaxPool: .stemConvolution
    case .deepWithMaxPool, .deepWithConvolution: .innerStemConvolution(index: 1)
    case .three:
      architecture.stridedBlocks == .last
        ? .convolution(stage: 1, block: 1, index: 2)
        : .convolution(stage: 2, block: 0, index: architecture.block == .basic ? 1 : 2)
    }
  }

  private static let plain = Architecture.small(.bottleneck, stem: .sevenWithMaxPool, groups: 2, placement: .v1)

  private static func changed(
    _ architecture: Architecture = plain, _ change: (inout Architecture) -> Void
  ) -> Architecture {
    var changed = architecture
    change(&changed)
    return changed
  }

  private static func preactivated(_ shortcut: Architecture.Shortcut = .projection) -> Architecture {
    changed(.small(.bottleneck, depths: [2, 2], stem: .three, shortcut: shortcut)) {
      $0.isPreactivated = true
      $0.hasFinalNorm = true
      $0.absentNorms = [.shortcutNorm(stage: 1, block: 0), .shortcutNorm(stage: 2, block: 0)]
      $0.absentNorms.insert(shortcut == .inputProjection ? .norm(stage: 1, block: 0, index: 1) : .stemNorm)
    }
  }

  static let architectures: [(String, Architecture)] = [
    ("basic", .small()), ("backbone", .small(classes: nil)), ("bottleneck", plain),
    ("one channel", .small(inputChannels: 1)), ("no batch-norms", .small(normalization: .none, bias: true)),
    ("same", changed { ($0.padding, $0.stemPooling) = (.same, .same) }),
    ("unpadded", changed { $0.stemPooling = .unpadded }),
    ("mixed", changed { $0.paddingExceptions = [.stemConvolution] }),
    ("mixed blocks", changed(.small()) { $0.paddingExceptions = [.convolution(stage: 2, block: 0, index: 1)] }),
    ("eps", changed { $0.epsilonExceptions = [.norm(stage: 1, block: 0, index: 2): 1e-5, .stemNorm: 0] }),
    ("biases", changed { $0.biasExceptions = [.convolution(stage: 2, block: 0, index: 1)] }),
    (
      "deep",
      changed(.small(stem: .deepWithMaxPool, shortcut: .averagePooledProjection)) { $0.innerStemWidths = [4, 6] }
    ),
    ("strided stem", changed(.small(stem: .deepWithConvolution)) { $0.innerStemWidths = [4, 6] }),
    ("3×3 projections", changed(.small()) { $0.projectionKernels = [[1, 1], [3]] }),
    ("pre-activated", preactivated()), ("inputs projected", preactivated(.inputProjection)),
    ("pooled, pre-activated", preactivated(.averagePooledProjection)),
    ("last blocks stride", changed(preactivated()) { $0.stridedBlocks = .last }),
    (
      "normalised", changed { $0.inputNormalization = InputNormalization(Preprocessing.torchvision) }
    ),
  ]

  @Test(arguments: architectures)
  func `the graph says all of a network, and every bit of its weights comes back`(
    _ name: String, _ architecture: Architecture
  ) throws {
    let network = try ResNet.random(architecture)
    let model = try reread(network)
    var expected = architecture
    // What nothing strides by is told by no graph.
    let strides = architecture.block == .bottleneck ? architecture.stridePlacement.value : .v15
    expected.stridePlacement = .init(strides, from: .graph)
    let hasEpsilon = architecture.normalization != .none
    expected.epsilon = .init(hasEpsilon ? architecture.epsilon.value : nil, from: hasEpsilon ? .graph : .none)
    // Where nothing strides, both ways of padding are the same, and most of the rest are the rule.
    let strided = KerasConstructionTests.stridedConvolution(of: architecture)
    #expect(model.architecture?.padding(at: strided) == architecture.padding(at: strided))
    expected.padding = try #require(model.architecture).padding
    expected.paddingExceptions = try #require(model.architecture).paddingExceptions
    if let normalization = try #require(model.architecture).inputNormalization,
      let wanted = architecture.inputNormalization
    {
      // A standard deviation comes back as the root of its square.
      #expect(normalization.scale == wanted.scale && normalization.mean == wanted.mean)
      #expect(zip(normalization.std, wanted.std).allSatisfy { abs($0 - $1) < 1e-15 })
      expected.inputNormalization = normalization
    }
    #expect(model.architecture == expected)
    let found = try model.network.parameters
    #expect(found.map(\.path) == network.parameters.map(\.path))
    for (one, other) in zip(found, network.parameters) {
      #expect(try one.tensor.bytes() == other.tensor.bytes(), "\(one.path)")
    }
  }

  @Test(arguments: [
    ("channels", Architecture.small(shortcut: .zeroPadded)),
    (
      "along the channels",
      changed(.small()) { $0.attention = .init(.efficientChannel, sizes: [[3, 3], [3]], hasBias: false) }
    ),
    ("statistics", .small(normalization: .batchNorm(affine: true, statistics: false))),
    ("variance is unknown", changed { $0.epsilon = .init(nil, from: .none) }),
    ("strides is unknown", changed { $0.stridePlacement = .init(.unknown, from: .none) }),
    ("constant", changed { $0.appendsConstantFeature = true }),
  ])
  func `what layers of Keras do not compute, or is unknown, is refused`(_ what: String, _ architecture: Architecture)
    throws
  {
    let error = #expect(throws: ResectError.self) { try reread(ResNet.random(architecture)) }
    #expect([.unsupported, .notApplicable].contains(error?.code), "\(error.debugDescription)")
    #expect(error?.message.contains(what) == true && error?.advice != nil, "\(error.debugDescription)")
  }

  /// The operations of what is read of an archive that is no ResNet to its reader.
  private func operations(_ architecture: Architecture) throws -> [String: String] {
    guard case .graph(let graph) = try reread(ResNet.random(architecture)).content else { return [:] }
    return Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.name, $0.operation.word) })
  }

  @Test func `squeeze and excitation are layers`() throws {
    let operations = try operations(
      KerasConstructionTests.changed(.small()) {
        $0.attention = .init(.squeezeExcitation, sizes: [[3, 3], [3]], hasBias: true)
      })
    #expect(operations["stage1.0.attention.1"] == "linear" && operations["stage1.0.attention.sigmoid"] == "sigmoid")
    #expect(operations["stage1.0.attention.gate"] == "multiply" && operations["conv2_block1_add"] == "add")
  }

  @Test func `a border that counts for nothing where no ReLU precedes it is no zeros`() throws {
    let architecture = KerasConstructionTests.changed(KerasConstructionTests.preactivated()) {
      $0.stem = .sevenWithMaxPool
      $0.stemPooling = .symmetric
    }
    let operations = try operations(architecture)
    #expect(operations["pool1_pool"] == "max-pool" && operations["pool1_pool_subsample"] == "max-pool")
    #expect(operations["pool1_pad"] == nil)
  }
}

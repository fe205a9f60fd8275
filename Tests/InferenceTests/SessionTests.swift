import ResectBytes
import ResectGraphs
import ResectResNets
import ResectSurgery
import Synchronization
import ResectTensors
import ResectTestSupport
import Testing

@testable import ResectInference

/// Networks of every kind that the engine tells apart, by what is special about them.
private let architectures: [(name: String, architecture: Architecture)] = [
  ("basic", .small()),
  ("bottleneck, stride in the 3×3", .small(.bottleneck)),
  ("bottleneck, stride in the first 1×1", .small(.bottleneck, placement: .v1)),
  ("groups", .small(.bottleneck, widths: [64, 128], stemWidth: 64, groups: 4)),
  ("7×7 stem with pooling", .small(stem: .sevenWithMaxPool)),
  ("zero-padded shortcuts", .small(shortcut: .zeroPadded)),
  ("widths that fill no block of channels", .small(widths: [13, 21], stemWidth: 7, inputChannels: 1, classes: 11)),
  ("biases beside batch-norms", .small(bias: true)),
  ("no batch-norms", .small(normalization: .none, bias: true)),
  ("batch-norms without scale and shift", .small(normalization: .batchNorm(affine: false, statistics: true))),
  ("no head", .small(classes: nil)),
  ("padding as TensorFlow's SAME", .small(.bottleneck).padded(.same)),
  ("pooling as TensorFlow's SAME", .small(stem: .sevenWithMaxPool).padded(.same, pooling: .same)),
  ("pooling without padding", .small(stem: .sevenWithMaxPool).padded(pooling: .unpadded)),
  ("pooling over zeros", .small(stem: .sevenWithMaxPool).padded(pooling: .symmetricZeros)),
  ("deep enough for Winograd", .small(widths: [64, 128], depths: [2, 2], stemWidth: 64)),
]

extension Architecture {
  /// The same with other padding.
  fileprivate func padded(
    _ padding: Padding = .symmetric, pooling: StemPooling = .symmetric
  ) -> Architecture {
    var padded = self
    (padded.padding, padded.stemPooling) = (padding, pooling)
    return padded
  }
}

/// The largest difference, and the largest magnitude of `expected`.
private func difference(_ rows: Rows, _ expected: [[Double]]) -> (error: Double, size: Double) {
  let flat = expected.flatMap(\.self)
  let errors = zip(rows.values, flat).map { abs(Double($0) - $1) }
  return (errors.max() ?? .infinity, flat.map { abs($0) }.max() ?? 0)
}

private func oracle(_ graph: Graph, _ batch: Batch) throws -> [[Double]] {
  try ReferenceEngine<Double>(program: Program(graph, fidelity: .exact)).run(batch, until: graph.output)
}

@Suite struct SessionTests {
  @Test(arguments: architectures.indices)
  func `every way of running agrees with the plain double-precision pass of the modules as they stand`(_ index: Int)
    throws
  {
    let (name, architecture) = architectures[index]
    let network = try ResNet.random(architecture, seed: UInt64(index) + 1)
    let exact = try network.graph()
    let batch = try Probes.batch(for: exact, side: 35, count: 3)
    let expected = try oracle(exact, batch)
    func options(_ change: (inout SessionOptions) -> Void) -> SessionOptions {
      var options = SessionOptions()
      change(&options)
      return options
    }
    let ways: [(String, SessionOptions)] = [
      ("fused", options { _ in }),
      ("fused without Winograd", options { $0.usesWinograd = false }),
      ("exact", options { $0.isExact = true }),
      ("reference", options { $0.usesReference = true }),
    ]
    for (way, options) in ways {
      let session = try Session(network, options: options)
      let (error, size) = difference(try session.run(batch), expected)
      #expect(error <= 2e-5 * max(size, 1), "\(name), \(way): \(error) of \(size)")
      let once = difference(try session.runOnce(batch), expected)
      #expect(once.error <= 2e-5 * max(size, 1), "\(name), \(way), once: \(once.error) of \(size)")
    }
  }

  @Test(arguments: [Precision.bfloat16, .int8], architectures.indices)
  func `narrow precisions stay near the double-precision logits`(_ precision: Precision, _ index: Int) throws {
    let (name, architecture) = architectures[index]
    let network = try ResNet.random(architecture, seed: 5)
    let graph = try network.graph()
    let batch = try Probes.batch(for: graph, side: 32)
    let expected = try oracle(graph, batch)
    var options = SessionOptions()
    options.precision = precision
    // Random statistics tell nothing of what random weights make.
    options.calibration = .probes
    let (error, size) = difference(try Session(network, options: options).run(batch), expected)
    #expect(error <= 0.1 * size, "\(name): \(error) of \(size)")
    #expect(error > 0, "\(name): nothing was rounded")
  }

  @Test(arguments: Precision.allCases)
  func `the bits do not depend on the number of threads`(_ precision: Precision) throws {
    let network = try ResNet.random(
      .small(.bottleneck, widths: [64, 128], depths: [1, 1], stemWidth: 64, classes: 1000), seed: 3)
    let batch = try Probes.batch(for: network.graph(), side: 48, count: 2)
    var options = SessionOptions()
    options.precision = precision
    options.threads = 1
    let alone = try Session(network, options: options).run(batch)
    for threads in [2, 3, 4] {
      options.threads = threads
      #expect(try Session(network, options: options).run(batch) == alone, "\(threads) threads")
    }
  }

  @Test(arguments: Precision.allCases, architectures.indices)
  func `an image gives the same bits alone and in a batch of any size`(_ precision: Precision, _ index: Int) throws {
    let (name, architecture) = architectures[index]
    let network = try ResNet.random(architecture, seed: 6)
    let batch = try Probes.batch(for: network.graph(), side: 40, count: 7)
    var options = SessionOptions()
    options.precision = precision
    options.threads = 1
    options.calibration = .probes
    let session = try Session(network, options: options)
    let alone = try (0..<7).map { index in
      try session.run(Batch(count: 1, shape: batch.shape, values: batch[index])).values
    }
    for count in 2...7 {
      let some = try Batch(count: count, shape: batch.shape, values: batch[0..<count])
      #expect(try session.run(some).values == alone[..<count].flatMap(\.self), "\(name), \(count) images")
    }
  }

  @Test(arguments: [Precision.bfloat16, .int8], [1, 3])
  func `a pass that keeps no weights computes what one does that keeps them`(_ precision: Precision, count: Int) throws
  {
    let network = try ResNet.random(.small(.bottleneck, widths: [64, 128], stemWidth: 64), seed: 3)
    let batch = try Probes.batch(for: network.graph(), side: 48, count: count)
    var options = SessionOptions()
    options.precision = precision
    options.calibration = .probes
    let session = try Session(network, options: options)
    let (error, size) = difference(try session.runOnce(batch), try session.run(batch).values.map { [Double($0)] })
    // Sums of bfloat16 may be rounded otherwise for a batch than for an image.
    #expect(error <= 0.01 * size, "\(error) of \(size)")
  }

  @Test func `one session serves many threads at once`() throws {
    let network = try ResNet.random(.small(.bottleneck), seed: 9)
    let session = try Session(network)
    let batches = try (1...6).map { count in
      try Probes.batch(for: session.graph, side: 16 + count, count: count % 3 + 1)
    }
    let expected = try batches.map { try session.run($0) }
    let wrong = Atomic<Int>(0)
    try parallelForEach(count: 24) { index throws(ResectError) in
      let rows = try session.run(batches[index % batches.count])
      if rows != expected[index % batches.count] { wrong.wrappingAdd(1, ordering: .relaxed) }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }

  @Test func `features and the classes' half give the logits of the whole, bit for bit`() throws {
    for treatment in [BiasTreatment.keep, .feature] {
      let network = try ResNet.random(.small(widths: [16, 64], classes: 10), seed: 2)
      let (backbone, classes, _) = try network.split(bias: treatment)
      let batch = try Probes.batch(for: network.graph())
      let features = try Session(backbone).run(batch, output: .features)
      #expect(features.width == (treatment == .feature ? 65 : 64))
      let embedding = try Session(graph: classes.graph())
      let joined = try Session(network).run(batch)
      #expect(try embedding.logits(ofFeatures: features) == joined)
      #expect(try Session(network).run(batch, output: .features).values.prefix(64) == features.values.prefix(64))
    }
  }

  @Test func `a constant feature that is not 1 is refused`() throws {
    let network = try ResNet.random(.small(classes: 4), seed: 2)
    let (_, classes, _) = try network.split(bias: .feature)
    let session = try Session(graph: classes.graph())
    var values = [Float](repeating: 0.5, count: 33)
    values[32] = 2
    let error = #expect(throws: ResectError.self) {
      try session.logits(ofFeatures: Rows(width: 33, values: values))
    }
    #expect(error?.code == .badArgument)
  }

  @Test func `an image with other channels is refused`() throws {
    let session = try Session(ResNet.random(.small(inputChannels: 1)))
    let batch = try Batch(
      count: 1, shape: .image(channels: 3, height: 8, width: 8), values: [Float](repeating: 0, count: 192))
    let error = #expect(throws: ResectError.self) { try session.run(batch) }
    #expect(error?.message == "the network takes images of 1 channels, these have 3")
  }

  @Test func `any size that the windows fit runs`() throws {
    let network = try ResNet.random(.small(stem: .sevenWithMaxPool), seed: 4)
    let graph = try network.graph()
    for (height, width) in [(1, 1), (2, 9), (17, 33), (64, 40)] {
      let count = 3 * height * width
      let values = (0..<count).map { Float($0 % 17) / 8 - 1 }
      let batch = try Batch(count: 1, shape: .image(channels: 3, height: height, width: width), values: values)
      let (error, size) = difference(try Session(network).run(batch), try oracle(graph, batch))
      #expect(error <= 2e-5 * max(size, 1), "\(height)×\(width)")
    }
  }

  @Test func `what weights do not tell has to be said`() throws {
    var architecture = Architecture.small(.bottleneck)
    architecture.stridePlacement = .init(.unknown, from: .none)
    let strides = #expect(throws: ResectError.self) { try Session(ResNet.random(architecture)) }
    #expect(strides?.advice?.code.rawValue == "sayStride")
    architecture = .small()
    architecture.epsilon = .init(nil, from: .none)
    let epsilon = #expect(throws: ResectError.self) { try Session(ResNet.random(architecture)) }
    #expect(epsilon?.advice?.code.rawValue == "sayEpsilon")
  }
}

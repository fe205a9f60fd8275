import ResectBytes
import ResectGraphs
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@testable import ResectInference

/// A way to run a network: what is special about it.
private struct Way: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let options: SessionOptions
  var once = false

  init(_ name: String, once: Bool = false, _ change: (inout SessionOptions) -> Void = { _ in }) {
    testDescription = name
    self.once = once
    var options = SessionOptions()
    options.calibration = .probes
    change(&options)
    self.options = options
  }

  func run(_ network: ResNet, _ batch: Batch) throws -> Rows {
    let session = try Session(network, options: options)
    return once ? try session.runOnce(batch) : try session.run(batch)
  }

  static let all = [
    Way("fused"), Way("fused, weights read once", once: true), Way("exact") { $0.isExact = true },
    Way("exact, weights read once", once: true) { $0.isExact = true }, Way("reference") { $0.usesReference = true },
    Way("bf16") { $0.precision = .bfloat16 }, Way("int8") { $0.precision = .int8 },
  ]
}

extension ResNet {
  /// The same network with `value` in the middle of the tensor at `path`.
  fileprivate func putting(_ value: Float, into path: ParameterPath) throws -> ResNet {
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in parameters {
      tensors[parameter.path] = parameter.tensor
      guard parameter.path == path else { continue }
      var floats = try parameter.tensor.floats()
      floats[floats.count / 2] = value
      var bytes: [UInt8] = []
      for float in floats { bytes.append(littleEndian: float.bitPattern) }
      tensors[path] = try LazyTensor(storage: MemoryStorage(bytes), dtype: .float32, shape: parameter.tensor.shape)
    }
    return try ResNet(architecture: architecture, tensors: tensors)
  }
}

@Suite struct FinitenessTests {
  @Test(arguments: Way.all, [Float.nan, .infinity])
  fileprivate func `a weight that is not finite is refused by name, wherever it stands`(_ way: Way, _ value: Float)
    throws
  {
    let network = try ResNet.random(.small(), seed: 4)
    let batch = try Probes.batch(for: network.graph(), side: 16, count: 2)
    for parameter in network.parameters where parameter.path.kind != .batchesTracked {
      let broken = try network.putting(value, into: parameter.path)
      let error = #expect(throws: ResectError.self, "\(parameter.path)") { _ = try way.run(broken, batch) }
      #expect(error?.code == .badValue, "\(parameter.path): \(error.map { "\($0)" } ?? "")")
      if way.options.isExact { #expect(error?.tensor == parameter.path.description) }
      #expect(error?.tensor != nil)
    }
  }

  @Test(arguments: Way.all, [Float.nan, -.infinity])
  fileprivate func `an input that is not finite is refused by its place`(_ way: Way, _ value: Float) throws {
    let network = try ResNet.random(.small(), seed: 4)
    let batch = try Probes.batch(for: network.graph(), side: 16, count: 3)
    var values = batch.values
    values[2 * batch.shape.count + 5] = value
    let broken = try Batch(count: 3, shape: batch.shape, values: values)
    let error = #expect(throws: ResectError.self) { _ = try way.run(network, broken) }
    #expect(error?.message == "number 5 of input 2 is \(value)")
  }

  @Test func `a variance that has no root is refused where the norms run as they stand`() throws {
    let network = try ResNet.random(.small(), seed: 4)
    let path = ParameterPath(.stemNorm, .runningVariance)
    let broken = try network.putting(-1, into: path)
    let batch = try Probes.batch(for: network.graph(), side: 16)
    for way in Way.all where way.options.isExact || way.options.usesReference {
      let error = #expect(throws: ResectError.self) { _ = try way.run(broken, batch) }
      #expect(error?.code == .badValue)
      #expect(error?.tensor == path.description)
    }
  }

  @Test func `numbers that outgrow float32 between layers are no proof, though a ReLU hides them`() throws {
    let network = try ResNet.random(.small(normalization: .none, bias: true), seed: 4)
    let batch = try Probes.batch(for: network.graph(), side: 16)
    // What the second makes is about 1e30 · 1e20, of either sign, which the third would add up.
    let stem = try network.multiplying(by: 1e30, ParameterPath(.stemConvolution, .weight))
    let broken = try stem.multiplying(by: 1e20, ParameterPath(.convolution(stage: 1, block: 0, index: 1), .weight))
    for way in Way.all where way.once {
      let error = #expect(throws: ResectError.self) { _ = try way.run(broken, batch) }
      #expect(error?.code == .badValue)
      #expect(error?.message.contains("stage1.0.conv1") == true)
    }
  }

  @Test func `rows that are not finite agree with nothing`() throws {
    for value in [Float.nan, .infinity] {
      let broken = Rows(width: 2, values: [1, value])
      let whole = Rows(width: 2, values: [1, 2])
      for agreement in [Agreement(broken, whole), Agreement(whole, broken), Agreement(broken, broken)] {
        #expect(agreement.largest == .infinity)
        #expect(agreement.magnitude.isFinite)
      }
    }
  }
}

extension ResNet {
  fileprivate func multiplying(by factor: Float, _ path: ParameterPath) throws -> ResNet {
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in parameters {
      tensors[parameter.path] = parameter.tensor
      guard parameter.path == path else { continue }
      var bytes: [UInt8] = []
      for float in try parameter.tensor.floats() { bytes.append(littleEndian: (float * factor).bitPattern) }
      tensors[parameter.path] = try LazyTensor(
        storage: MemoryStorage(bytes), dtype: .float32, shape: parameter.tensor.shape)
    }
    return try ResNet(architecture: architecture, tensors: tensors)
  }
}

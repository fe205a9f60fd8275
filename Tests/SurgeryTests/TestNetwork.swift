import ResectBytes
import ResectResNets
import ResectTensors
import ResectTestSupport

extension LazyTensor {
  /// A tensor that holds `values`, which `dtype` can express, in row-major order.
  init(stored values: [Double], _ axes: [Int], dtype: DType = .float64) throws(ResectError) {
    var bytes: [UInt8] = []
    for value in values {
      switch dtype {
      case .float64: bytes.append(littleEndian: value.bitPattern)
      case .float32: bytes.append(littleEndian: Float(value).bitPattern)
      case .float16: bytes.append(littleEndian: Float16(value).bitPattern)
      case .bfloat16: bytes.append(littleEndian: UInt16(Float(value).bitPattern >> 16))
      default: bytes += [UInt8](repeating: UInt8(value), count: dtype.byteCount)
      }
    }
    try self.init(storage: MemoryStorage(bytes), dtype: dtype, shape: Shape(axes))
  }
}

/// A small network with random weights, of which a test may change a few before it is built.
struct TestNetwork {
  var architecture: Architecture
  var values: [ParameterPath: [Double]] = [:]
  var dtypes: [ParameterPath: DType] = [:]

  /// Two stages, both with a projection: 3 channels in, a stem of 4.
  init(
    _ block: Architecture.Block = .basic, groups: Int = 1, affine: Bool = true, bias: Bool = false,
    head: Architecture.Head = .linear, headWidths: [Int] = [5], epsilon: Double? = 1e-5,
    dtype: DType = .float64, seed: UInt64 = 1, change: (inout Architecture) -> Void = { _ in }
  ) {
    let channels = Architecture.regularChannels(
      block: block, depths: [2, 1], widths: [6, 8], groups: groups, widthPerGroup: groups == 1 ? 64 : 32)
    architecture = Architecture(
      block: block, channels: channels,
      projections: Architecture.regularProjections(channels: channels, stemWidth: 4, shortcut: .projection),
      groups: groups, stem: .three, stemWidth: 4, shortcut: .projection,
      stridePlacement: .init(.v15, from: .option), epsilon: .init(epsilon, from: .option),
      normalization: .batchNorm(affine: affine, statistics: true), hasConvolutionBias: bias, head: head,
      headWidths: headWidths, hasHeadBias: true)
    change(&architecture)
    var random = SeededRandom(seed: seed)
    for parameter in architecture.parameters {
      let count = parameter.axes.reduce(1, *)
      let range: ClosedRange<Double> = parameter.path.kind == .runningVariance ? 0.01...3 : -1.5...1.5
      var numbers = (0..<count).map { _ in
        // What float16 holds exactly, so that a test may store it in any dtype but bfloat16.
        Double(Float16(Double.random(in: range, using: &random)))
      }
      // One channel of each batch-norm is switched off, another turned around.
      if parameter.path.kind == .weight, parameter.path.module.isNorm {
        numbers[1] = 0
        numbers[2] = -numbers[2].magnitude
      }
      values[parameter.path] = numbers
      dtypes[parameter.path] = parameter.path.kind == .batchesTracked ? .int64 : dtype
    }
  }

  /// The network.
  func network() throws -> ResNet {
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in architecture.parameters {
      tensors[parameter.path] = try LazyTensor(
        stored: parameter.path.kind == .batchesTracked ? [1] : values[parameter.path] ?? [], parameter.axes,
        dtype: dtypes[parameter.path] ?? .float64)
    }
    return try ResNet(architecture: architecture, tensors: tensors)
  }
}

extension ResNet {
  /// Every tensor's bytes by place.
  var bytes: [ParameterPath: [UInt8]] {
    get throws {
      var bytes: [ParameterPath: [UInt8]] = [:]
      for parameter in parameters { bytes[parameter.path] = try parameter.tensor.bytes() }
      return bytes
    }
  }
}

import ResectBytes
import ResectNativeFormat
import ResectResNets
import ResectTensors
import ResectTestSupport

/// The smallest network that has every kind of tensor.
enum TinyNetwork {
  static let architecture = Architecture(
    block: .basic, channels: [[[2, 2]], [[4, 4]]], projections: [[false], [true]], stem: .three,
    stemWidth: 2, inputChannels: 1, shortcut: .projection, stridePlacement: .init(.v15, from: .module),
    epsilon: .init(1e-5, from: .convention("torchvision")),
    normalization: .batchNorm(affine: true, statistics: true), hasConvolutionBias: false, head: .linear,
    headWidths: [3], hasHeadBias: true)

  /// Networks of every kind: folded, without a head, irregular, with groups, of several linear layers.
  static let architectures: [Architecture] = {
    var folded = architecture
    folded.normalization = .none
    folded.hasConvolutionBias = true
    folded.epsilon = .init(nil, from: .none)
    folded.stridePlacement = .init(.unknown, from: .none)
    var backbone = folded
    backbone.head = .none
    backbone.headWidths = []
    backbone.hasHeadBias = false
    backbone.appendsConstantFeature = true
    var plain = architecture
    plain.normalization = .batchNorm(affine: false, statistics: false)
    plain.shortcut = .zeroPadded
    plain.projections = [[false], [false]]
    plain.hasHeadBias = false
    var layers = architecture
    layers.head = .layers([0, 3])
    layers.headWidths = [5, 3]
    layers.epsilon = .init(0.001, from: .option)
    let resnext = Architecture(
      block: .bottleneck,
      channels: Architecture.regularChannels(
        block: .bottleneck, depths: [3, 4, 6, 3], widths: [64, 128, 256, 512], groups: 32,
        widthPerGroup: 4),
      projections: [
        [true, false, false], [true, false, false, false], [true, false, false, false, false, false],
        [true, false, false],
      ], groups: 32, stem: .sevenWithMaxPool, stemWidth: 64, shortcut: .projection,
      stridePlacement: .init(.v1, from: .option), epsilon: .init(1e-5, from: .module),
      normalization: .batchNorm(affine: true, statistics: true), hasConvolutionBias: false,
      head: .linear, headWidths: [1000], hasHeadBias: true)
    var pruned = resnext
    pruned.channels[2][1] = [96, 128, 1024]
    pruned.projections[1][2] = true
    return [architecture, folded, backbone, plain, layers, resnext, pruned]
  }()

  /// Every tensor of `architecture`, of random bits that are finite float32; the batch counts are int64.
  static func tensors(
    of architecture: Architecture = architecture, seed: UInt64 = 1, delaySeed: UInt64? = nil
  ) throws(ResectError) -> [OutputTensor] {
    var random = SeededRandom(seed: seed)
    var delays = SeededRandom(seed: delaySeed ?? 0)
    var tensors: [OutputTensor] = []
    for (index, parameter) in architecture.parameters.enumerated() {
      let shape = try Shape(parameter.axes)
      let isCount = parameter.path.kind == .batchesTracked
      var bytes: [UInt8] = []
      for _ in 0..<shape.elementCount {
        if isCount {
          bytes.append(littleEndian: Int64(index))
        } else {
          bytes.append(littleEndian: Float.random(in: -1...1, using: &random).bitPattern)
        }
      }
      let storage = MemoryStorage(
        bytes, delay: delaySeed == nil ? 0 : Int.random(in: 0...20_000, using: &delays))
      let dtype: DType = isCount ? .int64 : .float32
      tensors.append(
        OutputTensor(
          name: parameter.path.description,
          tensor: try LazyTensor(storage: storage, dtype: dtype, shape: shape), dtype: dtype))
    }
    return tensors
  }

  static func header(_ architecture: Architecture = architecture) -> NativeHeader {
    NativeHeader(
      kind: .network(architecture), convention: "torchvision", labels: ["a", "b\u{E9}", "c\""],
      preprocessing: .unknown,
      provenance: Provenance(
        sources: [.init(name: "tiny.pth", format: "torch-zip", sha256: "00")],
        surgeries: [.object(["surgery": .string("fold-bn")])]))
  }

  /// Writes a file and returns its path.
  static func write(
    _ tensors: [OutputTensor], header: NativeHeader, to path: String
  ) throws(ResectError) -> String {
    let file = try OutputFile(path: path, overwrite: true)
    try writeNative(tensors, to: file) { () throws(ResectError) in header }
    _ = try file.committed()
    return path
  }
}

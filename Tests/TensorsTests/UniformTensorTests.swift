import ResectBytes
import ResectTensors
import Testing

/// What `torch.manual_seed(seed)` and then `torch.nn.Linear(700, 300)` are in torch 1.13 and 2.13, on a processor with AVX2.
private struct TorchLinear {
  let seed: UInt32
  let first: [UInt32]
  let last: [UInt32]
  let bias: [UInt32]
  let weightChecksum: UInt32
  let biasChecksum: UInt32
}

private let layers = [
  TorchLinear(
    seed: 0, first: [0xB994_5C4A, 0x3CA6_1926, 0xBCFE_D697, 0xBCE3_DE22], last: [0x3C81_9244, 0x3C2A_F753],
    bias: [0x3D07_A51C, 0x3BAD_D24A, 0xBC7E_C305], weightChecksum: 0x1A6D_0B78, biasChecksum: 0xBCEE_597F),
  TorchLinear(
    seed: 42, first: [0x3CEC_B912, 0x3D00_7F3F, 0xBC11_132B, 0x3D0E_36D1], last: [0xB9B5_85AD, 0x3BE8_13F9],
    bias: [0x3C29_417D, 0x3CDD_6BF3, 0xBD03_FAF9], weightChecksum: 0x6265_B4D2, biasChecksum: 0x1741_A465),
  TorchLinear(
    seed: .max, first: [0x3D18_E4F5, 0x3BB0_A0B9, 0x3BAD_6971, 0xBD0B_7C8A], last: [0xBD1A_5195, 0xBB1C_1035],
    bias: [0xBCFC_9599, 0xBD0F_1267, 0x3B69_4FC3], weightChecksum: 0x9019_663B, biasChecksum: 0x3B79_C9C2),
]

@Suite struct UniformTensorTests {
  /// 1/√700, as torch prints its bits.
  private let bound = Float(bitPattern: 0x3D1A_D073)

  @Test(arguments: layers.indices)
  func `the numbers are torch's, bit for bit`(index: Int) throws {
    let layer = layers[index]
    let weight = LazyTensor(uniformWithin: bound, shape: try Shape([300, 700]), seed: layer.seed)
    let bias = LazyTensor(uniformWithin: bound, shape: Shape(vector: 300), seed: layer.seed, after: 210_000)
    let patterns = try weight.patterns(UInt32.self)
    #expect(patterns.count == 210_000)
    #expect(Array(patterns.prefix(4)) == layer.first)
    #expect(Array(patterns.suffix(2)) == layer.last)
    #expect(Array(try bias.patterns(UInt32.self).prefix(3)) == layer.bias)
    #expect(CRC32.of(try weight.bytes()) == layer.weightChecksum)
    #expect(CRC32.of(try bias.bytes()) == layer.biasChecksum)
  }

  @Test func `another dtype rounds torch's float32 numbers`() throws {
    let tensor = LazyTensor(uniformWithin: bound, shape: Shape(vector: 500), seed: 3)
    #expect(try tensor.doubles() == tensor.floats().map(Double.init))
    let halves = try tensor.floats().map { Float16($0).bitPattern }
    #expect(try tensor.patterns(as: .float16, UInt16.self) == halves)
  }

  @Test func `pulling it again gives the same bits, and nothing where it is empty`() throws {
    let tensor = LazyTensor(uniformWithin: 1, shape: try Shape([3, 5]), seed: 9, after: 1000)
    #expect(try tensor.bytes() == tensor.bytes())
    #expect(try LazyTensor(uniformWithin: 1, shape: Shape([0, 5]), seed: 9).bytes() == [])
  }
}

import ResectBytes
import ResectNativeFormat
import ResectResNets
import ResectTensors
import ResectTestSupport

extension OutputTensor {
  /// A classifier's weights of `bytes`.
  init(_ bytes: [UInt8], _ dtype: DType, _ axes: [Int], name: String = "classifier.weight") throws(ResectError) {
    self.init(
      name: name, tensor: try LazyTensor(storage: MemoryStorage(bytes), dtype: dtype, shape: Shape(axes)),
      dtype: dtype)
  }

  /// A matrix of float32 whose rows differ in scale, as trained weights do.
  static func random(rows: Int, columns: Int, seed: UInt64) throws(ResectError) -> OutputTensor {
    var random = SeededRandom(seed: seed)
    var bytes: [UInt8] = []
    for row in 0..<rows {
      let scale = Float(1 << (row % 5)) / 100
      for _ in 0..<columns {
        // A sum of uniform numbers is bell-shaped.
        let value = (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &random) }
        bytes.append(littleEndian: (value * scale).bitPattern)
      }
    }
    return try OutputTensor(bytes, .float32, [rows, columns])
  }

  /// Writes a file of this tensor alone and returns its path.
  func write(_ choice: EncodingChoice, to path: String) throws(ResectError) -> String {
    let file = try OutputFile(path: path, overwrite: true)
    try writeNative([self], to: file, encoding: { _ in choice }) { () throws(ResectError) in
      TinyNetwork.header()
    }
    _ = try file.committed()
    return path
  }

  /// The payload that is written, without its padding, and its encoding's name.
  func payload(
    _ choice: EncodingChoice, in folder: TemporaryFolder
  ) throws -> (encoding: String, bytes: [UInt8]) {
    let path = try write(choice, to: folder.file("payload.resect"))
    let payload = try NativeFile(InputFile(path: path)).payloads[0]
    return (payload.encoding.name, Array(try contents(of: path)[64..<64 + Int(payload.byteCount)]))
  }
}

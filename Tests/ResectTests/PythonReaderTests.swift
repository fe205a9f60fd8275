internal import Foundation
internal import Resect
internal import ResectTestSupport
import Testing

/// `Samples/read_resect.py`, which was written from the specification alone, reads the quantised weights that Resect writes.
@Suite struct PythonReaderTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Compares a `.resect` file as Python reads it with the safetensors file that Resect made of it.
  private static let comparison = """
    import sys
    sys.path[:0] = [sys.argv[1] + "/Samples", sys.argv[1] + "/Tests/Fixtures"]
    import read_resect, safetensors_file
    header, tensors = read_resect.read(sys.argv[2])
    expected = safetensors_file.read(sys.argv[3])
    assert tensors.keys() == expected.keys()
    for name, values in tensors.items():
        assert values.tobytes() == bytes(expected[name][2]), name
    print(*sorted({entry["encoding"] for entry in header["tensors"]}))
    """

  private static func python(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  static let hasNumpy = (try? python(["-c", "import numpy"]).status) == 0

  @Test(.enabled(if: hasNumpy, "numpy is not installed"), arguments: [1.5, 0.3, 0.02, 1e-4], [false, true])
  func `quantised weights read the same`(relativeStep: Double, isFolded: Bool) throws {
    let folder = try TemporaryFolder()
    var model = try Model(
      contentsOf: Self.root.appendingPathComponent("Samples/digits/digits-resnet20.pth").path)
    if isFolded { model = try model.foldingBatchNorm() }
    var steps: [String: Double] = [:]
    guard case .network(let network) = model.content else { return }
    for parameter in network.parameters where parameter.tensor.shape.rank > 1 {
      let weights = try parameter.tensor.doubles()
      let meanSquare = weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)
      steps[parameter.path.description] = meanSquare.squareRoot() * relativeStep
    }
    let (file, copy) = (folder.file("out.resect"), folder.file("out.safetensors"))
    try model.write(to: file, options: WriteOptions(encoding: .quantized(steps: steps)))
    try copyTensors(from: file, to: copy)
    let (status, output) = try Self.python(["-c", Self.comparison, Self.root.path, file, copy])
    #expect(status == 0)
    #expect(output.contains("quantized"))
  }

  @Test(.enabled(if: hasNumpy, "numpy is not installed"))
  func `8-bit weights read the same`() throws {
    let folder = try TemporaryFolder()
    let (file, copy) = (folder.file("out.resect"), folder.file("out.safetensors"))
    let model = try Model(
      contentsOf: Self.root.appendingPathComponent("Samples/digits/digits-resnet20.pth").path)
    try model.foldingBatchNorm().storingIntegers().write(to: file)
    try copyTensors(from: file, to: copy, options: WriteOptions(dtype: .float32))
    let (status, output) = try Self.python(["-c", Self.comparison, Self.root.path, file, copy])
    #expect(status == 0)
    #expect(output.contains("int8"))
  }
}

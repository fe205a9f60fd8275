internal import ResectBytes
internal import ResectCheckpoints
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// What every reader promises, on files that real torch and safetensors wrote.
@Suite struct ContractTests {
  @Test func `the manifest names every fixture`() throws {
    let folder = Fixtures.path("checkpoints")
    let present = try filesInFolder(folder)
    #expect(Set(Manifest.files.map(\.name)) == Set(present))
    #expect(Manifest.files.count > 40)
  }

  @Test(arguments: Manifest.files.filter { $0.refused.isEmpty && $0.name != "lazy_bits.recent.pth" })
  func `every tensor is what torch reads, to the bit`(_ file: Manifest.File) throws {
    for (key, expected) in file.states {
      // Where there is one state dict, it is found without being named.
      let isSole = file.states.count == 1
      let checkpoint = try Checkpoint(
        InputFile(path: file.path), key: isSole || key.isEmpty ? nil : key)
      #expect(checkpoint.format.rawValue == file.format)
      #expect(checkpoint.key ?? "" == key)
      try expect(checkpoint, holds: expected)
    }
  }

  @Test(arguments: Manifest.files.filter { $0.states.contains { !$0.key.isEmpty } })
  func `a key names the same state dict`(_ file: Manifest.File) throws {
    for (key, expected) in file.states {
      try expect(try Checkpoint(InputFile(path: file.path), key: key), holds: expected)
    }
  }

  @Test(arguments: Manifest.files.filter { !$0.refused.isEmpty })
  func `a tensor without dense numbers is refused by name`(_ file: Manifest.File) throws {
    let error = #expect(throws: ResectError.self) {
      _ = try Checkpoint(InputFile(path: file.path))
    }
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == file.refused.first)
    #expect(error?.file == file.path)
  }

  @Test func `a tensor whose values are negated or conjugated lazily is refused`() {
    let error = #expect(throws: ResectError.self) {
      _ = try Checkpoint(InputFile(path: Fixtures.path("checkpoints/lazy_bits.recent.pth")))
    }
    #expect(error?.code == .unsupported)
  }

  @Test(arguments: Manifest.files.filter { $0.refused.isEmpty && $0.name != "lazy_bits.recent.pth" })
  func `a file that is cut anywhere is refused, and never crashes`(_ file: Manifest.File) throws {
    let folder = try TemporaryFolder()
    let bytes = try contents(of: file.path)
    let key = file.states.count == 1 ? nil : file.states.first?.key
    for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) {
      let path = try folder.write(Array(bytes[..<length]), as: "cut")
      // The end of a tar is padding: its members may be whole in a file that lacks it.
      let isOnlyPadding = file.format == "torch-tar" && bytes[length...].allSatisfy { $0 == 0 }
      if isOnlyPadding { continue }
      #expect(throws: ResectError.self, "cut to \(length) bytes") {
        let checkpoint = try Checkpoint(InputFile(path: path), key: key)
        for entry in checkpoint.tensors { _ = try entry.tensor.bytes() }
      }
    }
  }

  @Test(arguments: Manifest.files.filter { $0.name.hasPrefix("bottleneck") || $0.name.hasPrefix("protocol") })
  func `damaged bytes never crash a reader`(_ file: Manifest.File) throws {
    let folder = try TemporaryFolder()
    let bytes = try contents(of: file.path)
    var random = SeededRandom(seed: 7)
    var survivors = 0
    for _ in 0..<150 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        damaged[Int.random(in: damaged.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      let path = try folder.write(damaged, as: "damaged")
      do throws(ResectError) {
        let checkpoint = try Checkpoint(InputFile(path: path))
        for entry in checkpoint.tensors { _ = try entry.tensor.bytes() }
        survivors += 1
      } catch {
        #expect(!error.message.isEmpty)
      }
    }
    // Damage in weights without checksums goes unnoticed, damage elsewhere does not.
    #expect(survivors < 150)
  }

  @Test func `layers of a whole module say their hyper-parameters`() throws {
    for name in ["module.zip.pth", "module.stream.pth"] {
      let checkpoint = try Checkpoint(InputFile(path: Fixtures.path("checkpoints/\(name)")))
      #expect(checkpoint.modules["bn1"]?.numbers["eps"] == [1e-3])
      #expect(checkpoint.modules["conv1"]?.numbers["stride"] == [2, 2])
      #expect(checkpoint.modules["conv1"]?.texts["padding_mode"] == "zeros")
      #expect(checkpoint.modules["layer2.0.conv2"]?.numbers["stride"] == [2, 2])
      #expect(checkpoint.tensors.first { $0.name == "bn1.running_mean" }?.isBuffer == true)
      #expect(checkpoint.tensors.first { $0.name == "bn1.weight" }?.isBuffer == false)
    }
  }

  @Test func `what lies beside the state dict is listed with a reason`() throws {
    let checkpoint = try Checkpoint(
      InputFile(path: Fixtures.path("checkpoints/training.zip.pth")))
    let ignored = Dictionary(
      checkpoint.ignored.map { ($0.name, $0.reason) }, uniquingKeysWith: { first, _ in first })
    #expect(ignored["optimizer"] == "state of the training, not of the model")
    #expect(ignored["epoch"] == "an integer, no tensor")
    #expect(ignored["args"] == "an object of argparse.Namespace")
    #expect(checkpoint.prefix == "module.")
  }

  @Test func `two equally good state dicts are an error that names both`() {
    let error = #expect(throws: ResectError.self) {
      _ = try Checkpoint(InputFile(path: Fixtures.path("checkpoints/ambiguous.stream.pth")))
    }
    #expect(error?.code == .ambiguous)
    #expect(error?.message.contains("model and model_ema") == true)
  }

  private func expect(_ checkpoint: Checkpoint, holds expected: [Manifest.Tensor]) throws {
    let found = Dictionary(
      checkpoint.tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    #expect(Set(found.keys) == Set(expected.map(\.name)))
    #expect(checkpoint.tensors.count == expected.count)
    for tensor in expected {
      let actual = try #require(found[tensor.name], "\(tensor.name) is missing")
      #expect(actual.dtype.rawValue == tensor.dtype, "\(tensor.name)")
      #expect(actual.shape.axes == tensor.shape, "\(tensor.name)")
      var hash = try SHA256()
      try actual.bytes().withRawSpan { hash.update($0) }
      #expect(hash.hexadecimal() == tensor.sha256, "\(tensor.name)")
    }
  }
}
